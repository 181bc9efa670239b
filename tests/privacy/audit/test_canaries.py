import numpy as np
import pytest

from privacy.accountant import gaussian_multiplier
from privacy.audit.bound import lower_bound
from privacy.audit.canaries import SIGNIFICANCE, audited, choices, coins, most_provable, right_guesses
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
