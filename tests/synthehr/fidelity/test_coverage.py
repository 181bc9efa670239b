from collections.abc import Callable

import numpy as np
import pytest

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.coverage import code_coverage, expected_coverage


def test_coverage_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    train = cohort([[1, 1, 1, 0], [1, 0, 0, 0]])
    assert code_coverage(train, cohort([[1, 0, 0, 1], [0, 1, 0, 0]])).value == pytest.approx(2 / 3)
    assert code_coverage(train, train).value == 1
    assert code_coverage(cohort([[0, 0], [0, 0]]), cohort([[1, 0], [0, 0]])).value == 1


def test_a_generator_that_lost_the_rare_codes_is_caught(cohort: Callable[..., CodeMatrix]) -> None:
    rng = np.random.default_rng(0)
    chance = np.repeat([0.2, 0.01], [10, 30])
    train, other = (rng.random((1000, 40)) < chance for _ in range(2))
    lost = np.where(chance < 0.1, False, other)
    assert code_coverage(cohort(train), cohort(other)).value == 1
    caught = code_coverage(cohort(train), cohort(lost))
    assert caught.value == 0.25
    assert caught.high < 0.5


@pytest.mark.parametrize("n", [300, 1000])
def test_expected_coverage_is_what_fresh_patients_reach(cohort: Callable[..., CodeMatrix], n: int) -> None:
    """1,500 codes, most of them rarer than 1 in 1,000: over 12 pairs of cohorts the estimate is right to 0.02."""
    chance = np.minimum(0.3 / np.arange(1, 1501), 0.2)
    expected, reached = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        train, fresh = (cohort(rng.random((rows, 1500)) < chance) for rows in (1000, n))
        expected.append(expected_coverage(train, n))
        reached.append(code_coverage(train, fresh).value)
    assert np.mean(reached) < 0.75
    assert np.mean(expected) == pytest.approx(np.mean(reached), abs=0.02)


def test_the_plug_in_that_reads_singletons_at_face_value_would_be_too_high(cohort: Callable[..., CodeMatrix]) -> None:
    chance = np.minimum(0.3 / np.arange(1, 1501), 0.2)
    train = cohort(np.random.default_rng(0).random((1000, 1500)) < chance)
    p = train.prevalence()
    plug_in = (1 - (1 - p[p > 0]) ** 1000).mean()
    assert plug_in > expected_coverage(train, 1000) + 0.1


def test_borders(cohort: Callable[..., CodeMatrix]) -> None:
    train = cohort([[1, 0]] * 5)
    assert expected_coverage(train, 5) == 1
    assert expected_coverage(cohort([[0], [0]]), 1) == 1
    for n in (0, 6):
        with pytest.raises(ValueError, match=r"\[1, 5\]"):
            expected_coverage(train, n)
