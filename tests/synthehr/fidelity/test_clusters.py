from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.clusters import CLUSTERS, latent_clusters, log_cluster

NUMBERS = hnp.arrays(np.float64, 5, elements=st.integers(0, 40).map(float)).filter(np.any)


@pytest.mark.parametrize(
    ("real", "other", "mean_square"),
    [
        ([3, 1], [1, 3], 1 / 16),  # shares 3/4 and 1/4 where a half is due
        ([2, 0], [0, 2], 1 / 4),
        ([4, 0], [4, 0], 1 / 256),  # no difference: half a patient of 8
        ([2, 0, 0], [0, 2, 0], (1 / 4 + 1 / 4) / 3),  # a cluster of nobody is no difference
        ([1, 1], [3, 3], 1 / 256),  # a quarter real everywhere
    ],
)
def test_the_figure_by_hand(real: list[float], other: list[float], mean_square: float) -> None:
    assert log_cluster(np.asarray(real, dtype=float), np.asarray(other, dtype=float)) == pytest.approx(
        np.log(mean_square)
    )


@given(NUMBERS, NUMBERS)
def test_it_is_finite_at_most_zero_and_equal_shares_are_the_least(real: np.ndarray, other: np.ndarray) -> None:
    value = log_cluster(real, other)
    assert -np.inf < value <= 0
    assert log_cluster(real, real) == pytest.approx(2 * np.log(0.25 / real.sum()))
    assert log_cluster(3 * real, 3 * other) <= value + 1e-9  # only the bound of half a patient knows how many


def test_two_kinds_of_patients_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    test, candidate = cohort([[1, 0]] * 4 + [[0, 1]] * 4), cohort([[1, 0]] * 8)
    (found,) = latent_clusters(test, candidate, seed=0)
    # one cluster of 4 real and 8 other, one of 4 real alone; a half of all are real
    assert found.value == pytest.approx(np.log(((1 / 3 - 1 / 2) ** 2 + (1 - 1 / 2) ** 2) / 2))
    assert found.note.startswith("2 clusters")
    assert (found.n, found.better) == (8, "lower")


def test_shuffled_codes_fall_into_other_clusters(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> None:
    test, fresh = population(2000, 0), population(2000, 1)
    (ceiling,), (floor,) = (latent_clusters(test, c, seed=0) for c in (fresh, shuffled(fresh, 2)))
    # of sampling alone: a variance of 1/4 over the 4000 / 20 patients of a cluster
    assert ceiling.value == pytest.approx(np.log(0.25 * CLUSTERS / 4000), abs=1.0)
    assert floor.low > ceiling.high
    assert latent_clusters(test, fresh, seed=0) == [ceiling]


def test_a_lost_kind_of_patient_is_seen(population: Callable[..., CodeMatrix]) -> None:
    """Mode collapse: nobody of the first disease module, all else as it is."""
    test, fresh = population(2000, 0), population(3000, 1)
    sick = np.asarray(fresh.binary()[:, :7].sum(axis=1)).ravel() >= 3
    (ceiling,) = latent_clusters(test, fresh.rows(np.arange(2000)), seed=0)
    (collapsed,) = latent_clusters(test, fresh.rows(np.flatnonzero(~sick)[:2000]), seed=0)
    assert collapsed.low > ceiling.value
