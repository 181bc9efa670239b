from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.codes_per_patient import codes_per_patient
from synthehr.fidelity.correlation import correlation
from synthehr.fidelity.correlation_distance import correlation_distance
from synthehr.fidelity.interval import (
    Blocks,
    block_rows,
    bootstrap_codes,
    column_blocks,
    jackknife,
    leaving_out,
    spread_of_blocks,
)
from synthehr.fidelity.prevalence import dimension_wise_probability
from synthehr.fidelity.strata import strata_of


def test_every_patient_is_in_one_block() -> None:
    dealt = np.concatenate([np.arange(123)[rows] for rows in block_rows(123)])
    assert sorted(dealt) == list(range(123))
    assert len(block_rows(123)) == 50
    with pytest.raises(ValueError, match="at least 2"):
        block_rows(1)


def test_column_blocks_hold_the_prevalence(cohort: Callable[..., CodeMatrix]) -> None:
    blocks = column_blocks(cohort([[1, 0], [1, 1], [1, 0]]).binary())
    assert blocks.mean() == pytest.approx([1, 1 / 3])
    assert np.stack(blocks.means_without_one()) == pytest.approx(np.array([[1, 0.5], [1, 0], [1, 0.5]]))


def test_jackknife_of_a_mean_is_the_textbook_standard_error() -> None:
    # one patient a block; sd (n - 1) of 0, 0, 1, 1 is root(1/3), over root 4
    sample = Blocks(np.array([[0.0], [0], [1], [1]]), np.ones(4, dtype=np.int64))
    value, error = jackknife(lambda mean: mean, sample)
    assert (value[0], error[0]) == pytest.approx((0.5, np.sqrt(1 / 12)))
    _, both = jackknife(lambda a, b: a - b, sample, sample)
    assert both[0] == pytest.approx(np.sqrt(2 / 12))


def test_figures_of_patients_left_out_have_the_error_of_the_jackknife() -> None:
    binary = sparse.random(123, 3, density=0.4, random_state=0, format="csr", data_rvs=np.ones)
    kept = leaving_out(123)
    assert kept.shape == (51, 123)
    assert kept[0].all()
    assert (~kept[1:]).sum(axis=0).tolist() == [1] * 123  # everybody is left out once
    value, error = spread_of_blocks(kept @ binary.toarray() / kept.sum(axis=1, keepdims=True))
    expected, expected_error = jackknife(lambda mean: mean, column_blocks(binary))
    assert value == pytest.approx(expected)
    assert error == pytest.approx(expected_error)


def test_bootstrap_of_a_mean_is_the_textbook_standard_error() -> None:
    codes = np.random.default_rng(0).normal(size=400)
    error = bootstrap_codes(lambda v: np.asarray([v.mean()]), codes, rng=np.random.default_rng(1), draws=2000)
    assert error[0] == pytest.approx(codes.std() / 20, rel=0.1)


def test_standard_errors_match_what_other_patients_would_have_given(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> None:
    """Spread of each figure over 40 pairs of fresh cohorts, against the mean of the 40 standard errors."""
    values: dict[str, list[float]] = {}
    errors: dict[str, list[float]] = {}
    for seed in range(40):
        test, candidate = population(600, seed), shuffled(population(600, 1000 + seed), seed)
        p = test.prevalence()
        found = [*codes_per_patient(test, candidate), *correlation(test, candidate, np.full(len(p), 0.1))]
        found += dimension_wise_probability(test, candidate, strata_of(np.full(len(p), 0.1)))
        found += [replace(e, name=f"{e.name}_all") for e in correlation_distance(test, candidate, p)]
        for e in found:
            if e.stratum != ">=5%":
                values.setdefault(e.name, []).append(e.value)
                errors.setdefault(e.name, []).append(e.high - e.value)
    for name in values:
        ratio = np.mean(errors[name]) / 1.96 / np.std(values[name])
        # the spread of 40 draws is itself uncertain by 11 %; noise-only distances are conservative by design
        assert 0.65 < ratio < 2.2, (name, ratio)
