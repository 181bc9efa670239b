from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity import correlation_distance as module
from synthehr.fidelity.correlation import correlation
from synthehr.fidelity.correlation_distance import correlation_distance

TOGETHER = [[1, 1], [1, 1], [0, 0], [0, 0]]
CROSSED = [[1, 1], [1, 0], [0, 1], [0, 0]]
BITS = hnp.arrays(np.uint8, (9, 4), elements=st.integers(0, 1))


def distance(test: CodeMatrix, candidate: CodeMatrix) -> dict[str, float]:
    return {e.name: e.value for e in correlation_distance(test, candidate, test.prevalence())}


def test_distance_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    test, other = (cohort(np.hstack([rows, rows])) for rows in (TOGETHER, CROSSED))
    # columns a b a b: every pair has phi 1 in test; in the other the pairs aa and bb have 1 and the four ab have 0
    found = distance(test, other)
    assert found == pytest.approx({"correlation_cmd": np.sqrt(2 * 4), "correlation_cwc": 1e6 * np.sqrt(8) / 16})


@given(BITS, BITS)
@settings(deadline=None)
def test_it_is_the_norm_of_numpys_correlations(
    cohort: Callable[..., CodeMatrix], one: np.ndarray, two: np.ndarray
) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        r, s = (np.nan_to_num(np.corrcoef(rows.T)) for rows in (one, two))
    np.fill_diagonal(r, 1)
    np.fill_diagonal(s, 1)
    found = distance(cohort(one), cohort(two))["correlation_cmd"]
    assert found == pytest.approx(np.linalg.norm(r - s), abs=1e-5)
    assert distance(cohort(two), cohort(one))["correlation_cmd"] == pytest.approx(found, abs=1e-6)
    assert distance(cohort(one), cohort(one))["correlation_cmd"] == 0


def test_where_all_codes_are_common_it_is_that_of_the_common(population: Callable[..., CodeMatrix]) -> None:
    test, fresh = population(600, 0), population(500, 1)
    common = {e.name: e for e in correlation(test, fresh, test.prevalence())}
    for e in correlation_distance(test, fresh, test.prevalence()):
        twin = common[e.name]
        assert (e.value, e.low, e.high) == pytest.approx((twin.value, twin.low, twin.high), rel=1e-4)
        assert (e.note, e.stratum, twin.stratum) == (twin.note, "all", ">=1%")


def test_rare_codes_that_come_together_are_seen_here_alone(
    population: Callable[..., CodeMatrix], cohort: Callable[..., CodeMatrix]
) -> None:
    """Twenty codes of one patient each: of different patients in test, of one and the same in the candidate."""

    def with_rare(real: CodeMatrix, patients: np.ndarray) -> CodeMatrix:
        rare = np.zeros((len(real), 20), dtype=int)
        rare[patients, np.arange(20)] = 1
        return cohort(np.hstack([real.binary().toarray(), rare]), (*real.vocabulary.group, *(None,) * 20))

    test, fresh = population(1000, 0), population(1000, 1)
    apart, clumped = with_rare(fresh, np.arange(20)), with_rare(fresh, np.zeros(20, dtype=int))
    real = with_rare(test, 50 + np.arange(20))
    gap = distance(real, clumped)["correlation_cmd"] ** 2 - distance(real, apart)["correlation_cmd"] ** 2
    assert gap == pytest.approx(2 * 190, rel=0.05)  # phi 1 instead of about 0 for each of 20 x 19 / 2 pairs
    one, other = (correlation(real, c, real.prevalence()) for c in (apart, clumped))
    assert one[0].stratum == ">=1%"
    assert one[0].value == pytest.approx(other[0].value)


def test_shuffled_columns_are_further_off(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> None:
    test, fresh = population(2000, 0), population(2000, 1)
    floor, ceiling = (correlation_distance(test, c, test.prevalence())[0] for c in (shuffled(fresh, 2), fresh))
    assert floor.low > 2 * ceiling.high


def test_pairs_of_an_exclusive_group_are_no_merit(cohort: Callable[..., CodeMatrix]) -> None:
    rng = np.random.default_rng(0)
    sex = np.eye(2, dtype=int)[rng.integers(2, size=400)]
    test = cohort(np.hstack([sex, rng.integers(2, size=(400, 1))]), ("sex", "sex", None))
    assert correlation_distance(test, test, test.prevalence())[0].note == "2 pairs"
    alone = cohort(sex, ("sex", "sex"))
    assert correlation_distance(alone, alone, alone.prevalence()) == []


def test_of_too_many_codes_the_commonest_are_taken(
    population: Callable[..., CodeMatrix], monkeypatch: pytest.MonkeyPatch
) -> None:
    test, fresh = population(300, 0), population(300, 1)
    monkeypatch.setattr(module, "MOST_CODES", 4)
    p = np.full(47, 0.1)
    p[[0, 1, 7, 8]] = 0.5
    found = correlation_distance(test, fresh, p)[0]
    four = [0, 1, 7, 8]
    r, s = (np.corrcoef(c.binary()[:, four].toarray().T) for c in (test, fresh))
    assert found.value == pytest.approx(np.linalg.norm(r - s), rel=1e-4)
    assert found.note == "6 pairs of the 4 commonest codes"
