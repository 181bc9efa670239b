import math

import numpy as np
import pytest

from privacy.accountant import gaussian_multiplier
from privacy.audit.bound import lower_bound, p_value
from privacy.audit.canaries import (
    SIGNIFICANCE,
    audited,
    choices,
    coins,
    cut,
    gaussian_power,
    most_provable,
    right_guesses,
)
from privacy.noise import NoiseSource

M, DELTA = 1_000, 1e-5


def coin(key: int) -> np.ndarray:
    return coins(M, NoiseSource(bytes([key] * 32)))


def test_coins_are_fair_and_drawn_once() -> None:
    assert abs(np.mean([coin(key).mean() for key in range(20)]) - 0.5) < 5 * 0.5 / np.sqrt(20 * M)
    source = NoiseSource(bytes(32))
    coins(M, source)
    with pytest.raises(ValueError, match="used already"):
        coins(M, source)
    with pytest.raises(ValueError, match="8 canaries"):
        coins(4, NoiseSource(bytes(32)))


def test_a_mechanism_that_shows_its_canaries_fails_any_claim_that_can_be_refuted() -> None:
    drawn = coin(1)
    found = audited(drawn + 0.0, drawn, claim=3.0, delta=DELTA, knowledge="all")
    assert found.verdict == "FAIL"
    # every guess right, at a quarter of the 5 % for each of the four choices made in advance
    assert found.lower == pytest.approx(
        lower_bound(m=M, guesses=M, right=M, delta=DELTA, significance=SIGNIFICANCE / len(choices(M)))
    )
    assert found.lower == pytest.approx(most_provable(M, delta=DELTA))


def test_scores_that_know_nothing_refute_no_claim() -> None:
    for key in range(20):
        scores = np.random.default_rng(key).standard_normal(M)
        assert audited(scores, coin(key), claim=0.05, delta=DELTA, knowledge="none").verdict == "NOT REFUTED"


@pytest.mark.parametrize("epsilon", [1.0, 3.0])
def test_a_correct_gaussian_keeps_its_claim_and_one_without_a_tenth_of_its_noise_does_not(epsilon: float) -> None:
    noise = gaussian_multiplier(epsilon=epsilon, delta=DELTA)
    for key in range(10):
        drawn, rng = coin(key), np.random.default_rng([key, 1])
        right, wrong = (drawn + scale * noise * rng.standard_normal(M) for scale in (1.0, 0.1))
        assert audited(right, drawn, claim=epsilon, delta=DELTA, knowledge="sum").verdict == "NOT REFUTED"
        assert audited(wrong, drawn, claim=epsilon, delta=DELTA, knowledge="sum").verdict == "FAIL"


def test_guesses_are_counted_by_hand() -> None:
    scores, drawn = np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, False, True, False])
    assert right_guesses(scores, drawn, 1, 1) == 2
    assert right_guesses(scores, drawn, 2, 2) == 2
    with pytest.raises(ValueError, match="can be guessed"):
        right_guesses(scores, drawn, 3, 2)


def test_scores_that_are_no_numbers_are_refused() -> None:
    drawn = coin(1)
    with pytest.raises(ValueError, match="no nan"):
        audited(np.full(M, np.nan), drawn, claim=1.0, delta=DELTA, knowledge="none")


def test_randomised_response_is_bounded_closely_and_exceeded_in_one_audit_of_twenty_at_most() -> None:
    """It has a pure epsilon, and no mechanism of the same epsilon gives more right guesses."""
    epsilon, times = 1.0, 200
    found = []
    for key in range(times):
        rng = np.random.default_rng(key)
        drawn = rng.random(M) < 0.5
        told = drawn == (rng.random(M) < math.e / (1 + math.e))
        found.append(audited(told + 0.0, drawn, claim=epsilon, delta=0.0, knowledge="answers").lower)
    assert np.mean(np.array(found) > epsilon) <= SIGNIFICANCE
    assert np.mean(found) > 0.75
    # control: the best of many numbers of guesses, without a correction, exceeds it in more than an eighth of audits
    exceeded = [
        any(p_value(m=M, guesses=k, right=v, epsilon=epsilon, delta=0.0) < SIGNIFICANCE for k, v in _prefixes(key))
        for key in range(times)
    ]
    assert np.mean(exceeded) > 0.125


def _prefixes(key: int) -> list[tuple[int, int]]:
    right = np.random.default_rng(key).random(M) < math.e / (1 + math.e)
    return [(k, int(right[:k].sum())) for k in range(20, M, 20)]


def test_the_cut_parts_two_groups_whatever_their_sizes() -> None:
    assert 1.0 < cut(np.array([0.0, 0.5, 1.0, 9.0])) < 9.0
    assert 0.0 < cut(np.array([0.0, 8.0, 9.0, 9.5])) < 8.0
    assert 0.0 < cut(np.array([0.0, 0.0, np.inf])) < np.inf
    assert -np.inf < cut(np.array([-np.inf, 1.0, 2.0])) < 1.0
    assert cut(np.ones(5)) == 1.0  # no score is above it: all are guessed out


def test_a_correct_mechanism_gives_far_less_than_its_epsilon_and_more_noise_gives_less() -> None:
    noise = gaussian_multiplier(epsilon=8.0, delta=DELTA)
    power = [gaussian_power(M, noise_multiplier=scale * noise, delta=DELTA) for scale in (1.0, 2.0, 100.0)]
    assert 2.0 < power[0] < 4.0
    assert power[0] > power[1] > power[2] == 0.0
