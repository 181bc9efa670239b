from collections.abc import Callable

import numpy as np
import pytest

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.detection import detection
from synthehr.fidelity.score import Estimate


def by_name(test: CodeMatrix, candidate: CodeMatrix, seed: int = 0) -> dict[str, Estimate]:
    return {e.name.removeprefix("detection_auroc_"): e for e in detection(test, candidate, seed=seed)}


@pytest.fixture(scope="module")
def test_patients(population: Callable[..., CodeMatrix]) -> CodeMatrix:
    return population(1200, 0)


def test_fresh_patients_cannot_be_told_apart(population: Callable[..., CodeMatrix], test_patients: CodeMatrix) -> None:
    found = by_name(test_patients, population(1200, 1))
    assert found["boosted"].value == pytest.approx(0.5, abs=0.04)
    assert found["boosted"].low < 0.5 < found["boosted"].high
    assert found["linear"].value == pytest.approx(0.5, abs=0.04)


def test_an_independent_sampler_is_detected_and_the_linear_classifier_is_blind_to_it(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix], test_patients: CodeMatrix
) -> None:
    found = by_name(test_patients, shuffled(population(1200, 1), 2))
    assert found["boosted"].low > 0.8
    assert found["linear"].value < 0.56


def test_half_of_the_marginals_is_detected_by_both(
    population: Callable[..., CodeMatrix], cohort: Callable[..., CodeMatrix], test_patients: CodeMatrix
) -> None:
    dense = population(1200, 1).binary().toarray()
    dense[:, :21] = 0
    found = by_name(test_patients, cohort(dense, test_patients.vocabulary.group))
    assert found["boosted"].low > 0.75
    assert found["linear"].low > 0.75


def test_same_seed_same_figure(population: Callable[..., CodeMatrix], test_patients: CodeMatrix) -> None:
    small, other = test_patients.rows(np.arange(200)), population(150, 1)
    assert by_name(small, other) == by_name(small, other)
    assert by_name(small, other)["boosted"] != by_name(small, other, seed=1)["boosted"]


def test_few_codes_are_enough(cohort: Callable[..., CodeMatrix]) -> None:
    rng = np.random.default_rng(0)
    one, other = (cohort(rng.integers(2, size=(60, 2))) for _ in range(2))
    for e in detection(one, other, seed=0):
        assert 0 <= e.low <= e.value <= e.high <= 1
