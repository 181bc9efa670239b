import logging
import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from privacy.risk import clopper_pearson
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity import measures
from synthehr.fidelity.demographics import NOT_ONE, demographic_scores, demographic_table
from synthehr.fidelity.measures import MEASURES, measures_here
from synthehr.fidelity.score import Estimate

pytest.importorskip("sdmetrics", reason="pip install 'synthehr[sdmetrics]'")

Build = Callable[..., CodeMatrix]
GROUP = ("sex", "sex", "age", "age", None)
SLACK = 1e-6  # SDMetrics counts a category that one side lacks as a millionth
MEMBERS = hnp.arrays(np.int64, (10, 2), elements=st.integers(0, 1))


def patients(cohort: Build, pairs: list[tuple[int, int]]) -> CodeMatrix:
    """One patient a pair of positions in sex and in age band, and a code that everybody has."""
    rows = [[*np.eye(2, dtype=int)[s], *np.eye(2, dtype=int)[a], 1] for s, a in pairs]
    return cohort(rows, GROUP)


def found(estimates: list[Estimate]) -> dict[tuple[str, str], float]:
    return {(e.name.removeprefix("sdmetrics_"), e.stratum): e.value for e in estimates}


def test_the_table_names_members_and_those_who_are_not_one(cohort: Build) -> None:
    table = demographic_table(cohort([[1, 0, 0, 1, 1], [1, 1, 1, 0, 0], [0, 0, 1, 0, 1]], GROUP))
    assert table["sex"].tolist() == ["ICD9CM/000", NOT_ONE, NOT_ONE]
    assert table["age"].tolist() == ["ICD9CM/003", "ICD9CM/002", "ICD9CM/002"]
    assert list(table.columns) == ["sex", "age"]


def test_scores_by_hand(cohort: Build) -> None:
    test = patients(cohort, [(0, 0), (0, 0), (1, 1), (1, 1)])
    candidate = patients(cohort, [(0, 0), (0, 1), (0, 0), (1, 1)])
    # sex .5 .5 against .75 .25; age .5 .5 against .5 .5; cells 00, 01, 11: .5 0 .5 against .5 .25 .25
    assert found(demographic_scores(test, candidate)) == pytest.approx(
        {
            ("column_shapes", "sex"): 0.75,
            ("column_shapes", "age"): 1.0,
            ("column_shapes", "all"): 0.875,
            ("pair_trends", "sex, age"): 0.75,
            ("pair_trends", "all"): 0.75,
            ("quality", "all"): (0.875 + 0.75) / 2,
            ("validity", "all"): 1.0,
        }
    )


def test_who_is_not_one_is_not_valid(cohort: Build) -> None:
    test = patients(cohort, [(0, 0), (1, 1)] * 2)
    candidate = cohort([[1, 0, 1, 0, 1], [1, 1, 1, 0, 1], [0, 0, 0, 1, 1], [0, 1, 0, 1, 1]], GROUP)
    validity = next(e for e in demographic_scores(test, candidate) if e.name == "sdmetrics_validity")
    assert validity.value == pytest.approx((0.5 + 1) / 2)  # two of four have no sex, all have an age
    assert (validity.low, validity.high) == pytest.approx(clopper_pearson(3, 4))


@given(MEMBERS, MEMBERS)
@settings(deadline=None, max_examples=30)
def test_the_sums_behind_the_interval_are_sdmetrics_own(cohort: Build, one: np.ndarray, two: np.ndarray) -> None:
    test, candidate = (patients(cohort, [tuple(row) for row in rows]) for rows in (one, two))
    scores = found(demographic_scores(test, candidate))
    cells = [np.bincount(2 * rows[:, 0] + rows[:, 1], minlength=4) / 10 for rows in (one, two)]
    assert scores["pair_trends", "all"] == pytest.approx(1 - np.abs(cells[0] - cells[1]).sum() / 2, abs=SLACK)
    for k, name in enumerate(("sex", "age")):
        share = [rows[:, k].mean() for rows in (one, two)]
        assert scores["column_shapes", name] == pytest.approx(1 - abs(share[0] - share[1]), abs=SLACK)
        assert scores["pair_trends", "all"] <= scores["column_shapes", name] + SLACK
    for e in demographic_scores(test, candidate):
        assert 0 <= e.low <= e.value <= e.high <= 1


def related(cohort: Build, n: int, seed: int) -> CodeMatrix:
    """Half of each sex; the second age band has a fifth of the first sex and four fifths of the second."""
    rng = np.random.default_rng(seed)
    sex = rng.integers(2, size=n)
    return patients(cohort, list(zip(sex, (rng.random(n) < np.where(sex, 0.8, 0.2)).astype(int), strict=True)))


def test_an_independent_sampler_keeps_shapes_and_loses_trends(cohort: Build, shuffled: Build) -> None:
    test, fresh = related(cohort, 2000, 0), related(cohort, 2000, 1)
    ceiling, floor = (found(demographic_scores(test, c)) for c in (fresh, shuffled(fresh, 2)))
    assert floor["column_shapes", "all"] == ceiling["column_shapes", "all"] > 0.97
    assert ceiling["pair_trends", "all"] > 0.96
    # of .4 .1 .1 .4 against four of .25
    assert floor["pair_trends", "all"] == pytest.approx(0.7, abs=0.03)


def test_standard_errors_match_what_other_patients_would_have_given(cohort: Build, shuffled: Build) -> None:
    draws = [
        next(e for e in demographic_scores(test, other) if e.name == "sdmetrics_pair_trends")
        for test, other in (
            (related(cohort, 500, seed), shuffled(related(cohort, 500, 100 + seed), seed)) for seed in range(40)
        )
    ]
    ratio = np.mean([e.high - e.value for e in draws]) / 1.96 / np.std([e.value for e in draws])
    assert 0.65 < ratio < 1.6


def test_one_group_has_a_shape_and_no_trend_and_none_has_nothing(cohort: Build) -> None:
    one = cohort([[1, 0], [0, 1]], ("sex", "sex"))
    assert set(found(demographic_scores(one, one))) == {("column_shapes", "all"), ("validity", "all")}
    none = cohort([[1, 0], [0, 1]])
    assert demographic_scores(none, none) == []


def test_without_the_extra_the_error_says_what_to_install(cohort: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sdmetrics.column_pairs", None)
    one = related(cohort, 10, 0)
    with pytest.raises(ImportError, match=r"pip install 'synthehr\[sdmetrics\]'"):
        demographic_scores(one, one)


def test_without_the_extra_a_comparison_does_without_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert set(measures_here()) == {*MEASURES, "demographics"}
    monkeypatch.setattr(measures, "sdmetrics_installed", lambda: False)
    with caplog.at_level(logging.INFO, "synthehr"):
        assert measures_here() == MEASURES
    assert "pip install 'synthehr[sdmetrics]'" in caplog.text
