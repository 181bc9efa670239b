from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.prevalence import dimension_wise_probability, spurious_mass
from synthehr.fidelity.strata import strata_of

BITS = hnp.arrays(np.uint8, (8, 6), elements=st.integers(0, 1))


def by_name(test: CodeMatrix, candidate: CodeMatrix, stratum: str = "all") -> dict[str, float]:
    estimates = dimension_wise_probability(test, candidate, strata_of(test.prevalence()))
    return {e.name: e.value for e in estimates if e.stratum == stratum}


def test_figures_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    test = cohort([[1, 1, 1, 0, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])  # .5 .5 .25 0 0
    other = cohort([[1, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])  # .5 .25 .25 .25 0
    found = by_name(test, other)
    assert found["dwp_apd"] == pytest.approx(1000 * 0.5 / 5)
    assert found["dwp_rmse"] == pytest.approx(np.sqrt(0.125 / 5))
    assert found["dwp_max_difference"] == 0.25
    # total variation about the mean .25: .0625 x 2 + 0 + .0625 x 2
    assert found["dwp_r2"] == pytest.approx(1 - 0.125 / 0.25)
    # (.25 + .125)/(.5 + .125) and (.25 + .125)/(0 + .125) are .6 and 3
    assert found["dwp_log10_ratio"] == pytest.approx((-np.log10(0.6) + np.log10(3)) / 5)


def test_a_generator_that_copies_half_of_the_marginals_is_caught(
    population: Callable[..., CodeMatrix], cohort: Callable[..., CodeMatrix]
) -> None:
    test, fresh = population(1000, 0), population(1000, 1)
    dense = fresh.binary().toarray()
    dense[:, :21] = 0
    half = cohort(dense, fresh.vocabulary.group)
    good, bad = by_name(test, fresh), by_name(test, half)
    assert good["dwp_r2"] > 0.95 > 0.8 > bad["dwp_r2"]
    assert bad["dwp_apd"] > 5 * good["dwp_apd"]
    assert bad["dwp_log10_ratio"] > 0.5


def test_strata_are_measured_apart(cohort: Callable[..., CodeMatrix]) -> None:
    rng = np.random.default_rng(0)
    chance = np.repeat([0.3, 0.02], 10)
    test, other = (cohort(rng.random((2000, 20)) < chance) for _ in range(2))
    dense = other.binary().toarray()
    dense[:, 10:] = 0
    worse = cohort(dense)
    assert by_name(test, worse, ">=5%") == pytest.approx(by_name(test, other, ">=5%"))
    assert by_name(test, worse, "1-5%")["dwp_apd"] > 15


@given(BITS, BITS, st.permutations(range(8)))
def test_ranges_identity_and_order_of_rows(x: np.ndarray, y: np.ndarray, order: list[int]) -> None:
    vocabulary = Vocabulary(tuple(map(str, range(6))), ("",) * 6, (None,) * 6)
    test, other, moved = (
        CodeMatrix(canonical(sparse.csr_matrix(rows)), np.arange(8), vocabulary) for rows in (x, y, y[order])
    )
    for e in dimension_wise_probability(test, other, {"all": np.ones(6, dtype=bool)}):
        assert e.low <= e.value <= e.high
        assert np.isfinite([e.low, e.value, e.high]).all()
    assert by_name(test, moved) == by_name(test, other)
    perfect = by_name(test, test)
    assert [perfect[f"dwp_{k}"] for k in ("pearson", "spearman", "r2")] == [1, 1, 1]
    assert [perfect[f"dwp_{k}"] for k in ("rmse", "apd", "max_difference", "log10_ratio")] == [0, 0, 0, 0]


def test_spurious_mass_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    train = cohort([[1, 0, 1], [1, 0, 0]])
    assert spurious_mass(train, cohort([[1, 1, 0], [0, 1, 1]])).value == 0.5
    assert spurious_mass(train, train).value == 0
    assert spurious_mass(train, cohort([[0, 0, 0], [0, 0, 0]])).value == 0
