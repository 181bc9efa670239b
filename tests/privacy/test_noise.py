import copy
import hashlib
import pickle
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import privacy.noise
from privacy.noise import KEY_BYTES, NoiseSource, Stream, new_key

ZEROS = bytes(KEY_BYTES)
# RFC 8439, appendix A.1: test vectors 1 and 2 are blocks 0 and 1 of key 0, vectors 3 and 4 block 1 of key 1, block 2 of
# key 00 ff 00 ...; the nonce is 0 in all
A1_1 = (
    "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
)
A1_2 = (
    "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
    "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
)
A1_3 = (
    "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
    "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0"
)
A1_4 = (
    "72d54dfbf12ec44b362692df94137f328fea8da73990265ec1bbbea1ae9af0ca"
    "13b25aa26cb4a648cb9b9d1be65b2c0924a66c54d545ec1b7374f4872e99f096"
)
N = 200_000


def stream(name: str = "test", key: bytes = ZEROS) -> Stream:
    return NoiseSource(key).stream(name)


def words_of(hexadecimal: str) -> list[int]:
    raw = bytes.fromhex(hexadecimal)
    return [int.from_bytes(raw[i : i + 8], "little") for i in range(0, len(raw), 8)]


@pytest.mark.parametrize(
    ("key", "block", "expected"),
    [
        (ZEROS, 0, A1_1),
        (ZEROS, 1, A1_2),
        (bytes([*[0] * 31, 1]), 1, A1_3),
        (bytes([0, 255, *[0] * 30]), 2, A1_4),
    ],
)
def test_words_are_the_key_stream_of_rfc_8439_read_little_endian(key: bytes, block: int, expected: str) -> None:
    found = Stream(key).words(8 * (block + 1))[8 * block :]
    assert found.tolist() == words_of(expected)


def test_uniform_is_the_top_53_bits_of_a_word() -> None:
    # the first word of the key stream is 90 3d f1 a0 ad e0 b8 76 read from its last byte
    assert Stream(ZEROS).uniform(1)[0] == (0x903DF1A0ADE0B876 >> 11) / 2**53


def test_normal_is_the_quantile_of_63_bits_with_the_sign_of_the_last() -> None:
    word = 0x903DF1A0ADE0B876  # even: the upper tail, the quantile negated
    assert Stream(ZEROS).normal(1)[0] == pytest.approx(-stats.norm.ppf((word // 2 + 0.5) / 2**64), rel=1e-12)


@pytest.mark.parametrize(("word", "value"), [(0, 9.11), (1, -9.11), (2**64 - 2, 0.0), (2**64 - 1, 0.0)])
def test_the_outermost_words_give_finite_noise(monkeypatch: pytest.MonkeyPatch, word: int, value: float) -> None:
    """0 is the quantile of half of 2^-64, 9.11 standard deviations out: far, not infinite."""
    monkeypatch.setattr(Stream, "words", lambda self, n: np.full(n, word, dtype=np.uint64))
    assert stream().normal(3) == pytest.approx(value, abs=0.15)
    assert np.all((stream().uniform(3) >= 0) & (stream().uniform(3) < 1))


def test_the_same_key_and_name_give_the_same_numbers() -> None:
    assert np.array_equal(stream("marginals").words(100), stream("marginals").words(100))


@given(st.text(max_size=20), st.text(max_size=20))
def test_streams_of_different_names_have_nothing_in_common(one: str, other: str) -> None:
    source = NoiseSource(ZEROS)
    if one == other:
        return
    # 64 words of 64 bits: two streams that share one do so with probability 2^-52
    assert not set(source.stream(one).words(64).tolist()) & set(source.stream(other).words(64).tolist())


def test_streams_of_different_keys_have_nothing_in_common() -> None:
    other = bytes([*[0] * 31, 1])
    assert not set(stream().words(64).tolist()) & set(stream(key=other).words(64).tolist())


def test_streams_of_different_names_are_not_correlated() -> None:
    one, other = stream("question 1").normal(N), stream("question 2").normal(N)
    assert abs(one @ other) / N < 5 / np.sqrt(N)
    # control: half shared noise shows
    assert abs(one @ (one + other) / np.sqrt(2)) / N > 5 / np.sqrt(N)


def test_a_name_gets_a_key_of_its_own_that_does_not_tell_the_secret_one() -> None:
    """The key of a stream is keyed BLAKE2b of the name; the secret key itself encrypts nothing."""
    derived = hashlib.blake2b(hashlib.sha256(b"").digest() + b"marginals", key=ZEROS, digest_size=32).digest()
    assert np.array_equal(stream("marginals").words(8), Stream(derived).words(8))
    assert not np.array_equal(stream("marginals").words(8), Stream(ZEROS).words(8))


@given(st.text(max_size=20), st.lists(st.text(max_size=20), max_size=5))
def test_a_name_is_handed_out_once(name: str, between: list[str]) -> None:
    source = NoiseSource(ZEROS)
    source.stream(name)
    for other in {*between} - {name}:
        source.stream(other)
    with pytest.raises(ValueError, match="used already"):
        source.stream(name)


def test_a_stream_goes_on_and_never_repeats() -> None:
    held, whole = stream(), stream().words(100)
    assert np.array_equal(np.concatenate([held.words(k) for k in (1, 2, 30, 67)]), whole)


@given(st.binary(max_size=64).filter(lambda key: len(key) != KEY_BYTES))
def test_a_key_of_another_length_is_refused_and_not_shown(key: bytes) -> None:
    with pytest.raises(ValueError, match=f"must have {KEY_BYTES} bytes. Got {len(key)} instead"):
        NoiseSource(key)


def test_new_keys_differ_and_come_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert new_key() != new_key()
    assert len(new_key()) == KEY_BYTES
    monkeypatch.setattr(privacy.noise.os, "urandom", lambda n: b"x" * n)
    assert new_key() == b"x" * 32


def test_neither_a_source_nor_a_stream_shows_its_key() -> None:
    key = b"0123456789abcdef0123456789abcdef"
    source = NoiseSource(key)
    for shown in (repr(source), str(source), repr(source.stream("q")), str(vars(source.stream("r")))):
        assert "0123456789abcdef" not in shown
        assert key.hex() not in shown


def test_neither_numpys_nor_pythons_seed_changes_the_noise() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    one = stream().normal(5)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert np.array_equal(one, stream().normal(5))


# distributions: keys are fixed, so these either hold or do not


def tails(x: NDArray[np.float64], at: float) -> float:
    """Share beyond `at` standard deviations against the normal's, in standard deviations of a binomial share."""
    p = 2 * stats.norm.sf(at)
    return float((np.mean(np.abs(x) > at) - p) / np.sqrt(p * (1 - p) / len(x)))


def right_tail(x: NDArray[np.float64], at: float) -> float:
    """Share of the upper one among those beyond `at`, against a half, in standard deviations."""
    beyond = x[np.abs(x) > at]
    return float((np.mean(beyond > 0) - 0.5) / np.sqrt(0.25 / len(beyond)))


def test_uniform_passes_kolmogorov_smirnov_and_a_slight_tilt_does_not() -> None:
    uniform = stream().uniform(N)
    assert stats.kstest(uniform, "uniform").pvalue > 0.001
    # control: x^1.02 differs from x by .0073 at most, 3.3 / sqrt(N)
    assert stats.kstest(uniform**1.02, "uniform").pvalue < 0.001


def test_normal_passes_kolmogorov_smirnov_and_a_slightly_wider_one_does_not() -> None:
    normal = stream().normal(N)
    assert stats.kstest(normal, "norm").pvalue > 0.001
    assert stats.kstest(1.03 * normal, "norm").pvalue < 0.001


@pytest.mark.parametrize("at", [3.0, 4.0])
def test_both_tails_are_the_normals(at: float) -> None:
    normal = stream("tails").normal(5 * N)
    assert abs(tails(normal, at)) < 5
    assert abs(right_tail(normal, at)) < 5
    # controls: twelve uniforms, less 6, have mean 0, variance 1 and thin tails; half a normal has one tail
    twelve = stream("twelve").uniform(12 * 5 * N).reshape(-1, 12).sum(axis=1) - 6
    assert tails(twelve, at) < -5
    assert abs(right_tail(np.abs(normal), at)) > 5


def test_numbers_of_one_stream_are_not_correlated_with_the_next() -> None:
    normal = stream().normal(N)
    assert all(abs(normal[lag:] @ normal[:-lag]) / N < 5 / np.sqrt(N) for lag in (1, 2, 7, 8))


@pytest.mark.parametrize("block", [1, 7, 8, 1_000, 1_001, 4_096])
def test_a_normal_drawn_in_chunks_is_the_one_drawn_at_once(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    whole = stream().normal(1_001)
    monkeypatch.setattr(privacy.noise, "BLOCK", block)
    assert np.array_equal(stream().normal(1_001), whole)


def test_nothing_is_lost_or_repeated_at_the_border_of_a_real_block() -> None:
    n = privacy.noise.BLOCK + 5
    held = stream()
    parts = [held.normal(privacy.noise.BLOCK - 3), held.normal(8)]
    assert np.array_equal(stream().normal(n), np.concatenate(parts))


@given(st.one_of(st.integers(0, 30), st.lists(st.integers(0, 4), max_size=3).map(tuple)))
def test_a_normal_has_the_shape_that_was_asked_for(shape: int | tuple[int, ...]) -> None:
    found = stream().normal(shape)
    assert found.shape == (shape if isinstance(shape, tuple) else (shape,))
    assert np.array_equal(found.ravel(), stream().normal(found.size))


@pytest.mark.parametrize("draw", [Stream.words, Stream.uniform, Stream.normal])
def test_none_drawn_leaves_the_stream_where_it_was(draw: Callable[[Stream, int], NDArray[np.float64]]) -> None:
    held = stream()
    assert len(draw(held, 0)) == 0
    assert np.array_equal(held.words(4), stream().words(4))


def test_what_the_question_depends_on_changes_its_noise() -> None:
    one, same, other = (NoiseSource(ZEROS).stream("q", bound).words(4).tolist() for bound in (b"a", b"a", b"b"))
    assert one == same != other


def test_a_source_is_not_copied() -> None:
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="not copied"):
            copied(NoiseSource(ZEROS))
