import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from privacy.exchangeable import cuts, p_shift, p_sum, p_tail, p_value
from privacy.ranks import Targets

SIDE = st.lists(st.integers(0, 6), min_size=2, max_size=30)


def test_the_tail_by_hand() -> None:
    # 2 of 4 + 4 patients are claimed, both members: (4 choose 2) / (8 choose 2) = 6 / 28
    scores = Targets(np.array([9.0, 8, 1, 2]), np.array([3.0, 4, 5, 6]))
    assert p_tail(scores, 2) == pytest.approx(6 / 28)


def test_looks_by_hand() -> None:
    assert cuts(20_000) == [6, 18, 54, 162, 486, 1458]
    assert cuts(50) == []


def test_ties_that_reach_beyond_the_share_claim_nobody() -> None:
    scores = Targets(np.array([5.0, 5, 5, 1]), np.array([5.0, 1, 1, 1]))
    assert p_tail(scores, 2) == 1.0
    assert p_tail(scores, 4) == pytest.approx(stats.hypergeom.sf(2, 8, 4, 4))


@given(SIDE, SIDE)
def test_the_shift_is_that_of_mann_and_whitney(members: list[int], nonmembers: list[int]) -> None:
    scores = Targets(np.array(members, dtype=float), np.array(nonmembers, dtype=float))
    if len({*members, *nonmembers}) == 1:
        assert p_shift(scores) == 1.0
        return
    expected = stats.mannwhitneyu(members, nonmembers, alternative="greater", method="asymptotic").pvalue
    assert p_shift(scores) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("levels", [2, 30, 10**9])
def test_exchangeable_patients_are_called_leaked_no_more_often_than_said(levels: int) -> None:
    rng = np.random.default_rng(levels)
    p = [p_value(Targets(*rng.integers(0, levels, (2, 400)).astype(float))) for _ in range(1_000)]
    assert np.mean(np.asarray(p) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 1_000) ** 0.5


def test_a_few_copies_are_seen_where_the_ranks_as_a_body_see_nothing() -> None:
    rng = np.random.default_rng(0)
    members, nonmembers = rng.normal(size=(2, 2_000))
    members[:20] += 6
    assert p_shift(Targets(members, nonmembers)) > 0.05
    assert p_value(Targets(members, nonmembers)) < 0.001


def test_a_sum_is_tested_exactly_by_hand() -> None:
    # one patient of four has a value, a member: he is one in half of the relabellings
    one = Targets(np.array([0.0, 3.0]), np.zeros(2))
    assert p_sum(one, np.random.default_rng(0)) == pytest.approx(0.5, abs=0.04)
    assert p_sum(Targets(*one[::-1]), np.random.default_rng(0)) == 1.0
    assert p_sum(Targets(np.zeros(3), np.zeros(2)), np.random.default_rng(0)) == 1.0
    # two of two and two: both with members in 2/4 x 1/3
    both = Targets(np.array([1.0, 2.0]), np.zeros(2))
    assert p_sum(both, np.random.default_rng(0)) == pytest.approx(1 / 6, abs=0.03)


def test_scores_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        p_value(Targets(np.array([1.0, np.nan]), np.array([0.0])))
