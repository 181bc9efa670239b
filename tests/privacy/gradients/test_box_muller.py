"""Box and Muller's normals from the cipher's words: the definition, and both tails."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import privacy.noise
from privacy.noise import NoiseSource, Stream

KEY = bytes(range(32))
N = 1_000_000


def drawn(n: int) -> np.ndarray:
    return NoiseSource(KEY).stream("test").box_muller(n)


class Given:
    """A cipher whose words are given."""

    def __init__(self, words: list[int]) -> None:
        self.words = words

    def update_into(self, _: bytearray, out: bytearray) -> None:
        out[:] = np.array(self.words, dtype="<u8").tobytes()


def of_words(*words: int) -> np.ndarray:
    stream = Stream(KEY)
    stream._cipher = Given(list(words))
    return stream.box_muller(len(words))


@pytest.mark.parametrize("bits", [0.5, 0.1, 1e-3, 2.0**-40, 2.0**-60])
@pytest.mark.parametrize("turn", [0.0, 0.125, 0.3, 0.75])
def test_two_words_are_a_radius_and_an_angle(bits: float, turn: float) -> None:
    """sqrt(-2 log u) times cosine and sine: u from the lower 63 bits of one word, the turn from 52 of the other."""
    u = int(bits * 2**63)
    cosine, sine = of_words(u, int(turn * 2**52))
    radius = math.sqrt(-2 * math.log((u + 0.5) / 2**63))
    assert cosine == pytest.approx(radius * math.cos(math.tau * turn), abs=1e-9)
    assert sine == pytest.approx(radius * math.sin(math.tau * turn), abs=1e-9)


def test_the_outermost_words_give_finite_noise_beyond_nine_deviations() -> None:
    """0 is u = 2^-64: sqrt(128 log 2) = 9.42; all ones is u = 1 - 2^-64, which rounds to 1 and radius 0."""
    assert of_words(0, 0)[0] == pytest.approx(math.sqrt(128 * math.log(2)), rel=1e-12)
    assert of_words(0, 2**51)[0] == pytest.approx(-math.sqrt(128 * math.log(2)), rel=1e-12)
    assert of_words(2**63 - 1, 0)[0] == 0.0
    assert np.isfinite(of_words(2**64 - 1, 2**64 - 1)).all()


@pytest.mark.parametrize("at", [5.0, 6.0, 7.0, 8.0, 9.0])
def test_the_radius_has_the_tail_of_a_chi_to_beyond_eight_deviations(at: float) -> None:
    """P(radius > r) = exp(-r^2 / 2): the word that gives r is that share of 2^63, to a part in a thousand."""
    word = math.exp(-(at**2) / 2) * 2**63
    assert of_words(int(word), 0)[0] == pytest.approx(at, rel=0.02 if word < 100 else 1e-4)


def test_the_distribution_is_normal_and_a_slightly_wider_one_is_not() -> None:
    x = drawn(N)
    assert stats.kstest(x, "norm").pvalue > 0.001
    assert stats.kstest(1.01 * x, "norm").pvalue < 0.001
    for part in (x[: N // 2], x[N // 2 :], x[::2], x[1::2]):
        assert abs(part.mean()) < 5 / math.sqrt(len(part))
        assert abs(part.var() - 1) < 5 * math.sqrt(2 / len(part))


@pytest.mark.parametrize("at", [3.0, 4.0])
def test_both_tails_are_the_normals(at: float) -> None:
    x = drawn(N)
    share = stats.norm.sf(at)
    for beyond in (np.mean(x > at), np.mean(x < -at)):
        assert abs(beyond - share) < 5 * math.sqrt(share / N)


def test_the_two_numbers_of_a_pair_are_independent() -> None:
    """Not only uncorrelated: their squares share a radius, which only the angle undoes."""
    pairs = privacy.noise.PAIRS
    x = drawn(2 * pairs)
    cosine, sine = x[:pairs], x[pairs:]
    for one, other in ((cosine, sine), (cosine**2 - 1, sine**2 - 1), (np.abs(cosine), np.abs(sine))):
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / math.sqrt(pairs)
    assert np.corrcoef(cosine**2 - 1, (cosine**2 + sine**2) / 2 - 1)[0, 1] > 0.5  # control: with the radius they do


@given(st.integers(0, 50))
def test_as_many_as_were_asked_for_and_the_same_again(n: int) -> None:
    assert drawn(n).shape == (n,)
    assert np.array_equal(drawn(n), drawn(n))


def test_nothing_is_repeated_at_the_border_of_a_block() -> None:
    n = 2 * privacy.noise.PAIRS
    x = drawn(2 * n + 3)
    assert len(np.unique(x)) == len(x)
    stream = NoiseSource(KEY).stream("test")
    assert np.array_equal(np.concatenate([stream.box_muller(n), stream.box_muller(n + 3)]), x)


def test_threads_change_nothing() -> None:
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(drawn(200_001))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*found)
