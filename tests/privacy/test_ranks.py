import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from privacy.ranks import Targets, advantage, auc, nonmembers_needed, roc, tpr_at_fpr

small_scores = st.lists(st.integers(0, 4), min_size=2, max_size=12)


def targets(members: list[float], nonmembers: list[float]) -> Targets:
    return Targets(np.array(members, dtype=float), np.array(nonmembers, dtype=float))


def test_a_tie_counts_half() -> None:
    # pairs: (1, 1) a half, (1, 0), (2, 1), (2, 0) one each
    assert auc(targets([1, 2], [1, 0])).value == 3.5 / 4
    assert auc(targets([1] * 50, [1] * 50)).value == 0.5


@given(small_scores, small_scores)
def test_auc_is_the_share_of_pairs_won(members: list[int], nonmembers: list[int]) -> None:
    won = [(m > n) + 0.5 * (m == n) for m in members for n in nonmembers]
    estimate = auc(targets(members, nonmembers))
    assert estimate.value == pytest.approx(np.mean(won))
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_auc_interval_is_delongs() -> None:
    # 3 beats both non-members, 1 beats one; 2 is below one member, 0 below both: each side has variance 1/8
    reach = stats.norm.ppf(0.975) * np.sqrt(1 / 8 / 2 + 1 / 8 / 2)
    estimate = auc(targets([3, 1], [2, 0]))
    assert estimate.value == 0.75
    assert estimate.low == pytest.approx(0.75 - reach)


def test_perfect_separation_still_has_an_interval() -> None:
    estimate = auc(targets([1] * 10, [0] * 300))
    assert estimate == pytest.approx((1.0, 0.025 ** (1 / 10), 1.0))


def test_auc_interval_covers_the_truth_although_scores_tie() -> None:
    rng = np.random.default_rng(0)
    missed = 0
    for _ in range(400):
        estimate = auc(Targets(rng.poisson(2.0, 150).astype(float), rng.poisson(2.0, 100).astype(float)))
        missed += not estimate.low <= 0.5 <= estimate.high
    assert missed <= 32  # 20 expected; 32 is the 99.7 % point of a binomial(400, 0.05)


def test_counting_ties_for_one_side_invents_a_finding() -> None:
    """The trap of METRICS.md: a strict ">" reads leak-free distances as far below a half; half-counted ties do not."""
    rng = np.random.default_rng(1)
    scores = Targets(rng.poisson(1.0, 2_000).astype(float), rng.poisson(1.0, 2_000).astype(float))
    strict = np.mean(scores.members[:, None] > scores.nonmembers[None, :])
    assert strict < 0.41
    assert auc(scores).low < 0.5 < auc(scores).high


def test_roc_runs_straight_across_ties() -> None:
    fpr, tpr = roc(targets([2, 1, 1, 0], [1, 1, 0, 0]))
    assert fpr.tolist() == [0.0, 0.0, 0.5, 1.0]
    assert tpr.tolist() == [0.0, 0.25, 0.75, 1.0]
    # half of the tied group at 1: half way from 0.25 to 0.75
    assert tpr_at_fpr(targets([2, 1, 1, 0], [1, 1, 0, 0]), 0.25).value == 0.5


def test_an_attacker_who_cannot_tell_reaches_chance_and_no_more() -> None:
    estimate = tpr_at_fpr(targets([0] * 2_000, [0] * 2_000), 0.01)
    assert estimate.value == pytest.approx(0.01)
    assert estimate.low < 0.01 < estimate.high


def test_tpr_interval_covers_the_truth_with_the_error_of_the_threshold() -> None:
    truth = stats.norm.sf(stats.norm.ppf(0.99) - 1.0)
    rng = np.random.default_rng(2)
    missed, naively_missed = 0, 0
    for _ in range(300):
        scores = Targets(rng.normal(1.0, 1.0, 3_000), rng.normal(0.0, 1.0, 1_000))
        estimate = tpr_at_fpr(scores, 0.01)
        missed += not estimate.low <= truth <= estimate.high
        low, high = stats.binomtest(round(estimate.value * 3_000), 3_000).proportion_ci()
        naively_missed += not low <= truth <= high
    assert missed <= 15  # 5 % of 300
    assert naively_missed > 60  # the control: an interval that takes the threshold as known is wrong far too often


def test_too_few_nonmembers_say_nothing() -> None:
    scores = targets([1.0] * 5_000, [0.0] * 4_999)
    assert tpr_at_fpr(scores, 0.001) == (1.0, 0.0, 1.0)
    assert tpr_at_fpr(targets([1.0] * 5_000, [0.0] * 5_000), 0.001).low > 0.99
    assert [nonmembers_needed(fpr) for fpr in (0.001, 0.01, 0.1)] == [5_000, 500, 50]


def test_advantage_has_no_bias_where_the_maximum_over_thresholds_has() -> None:
    rng = np.random.default_rng(3)
    honest, naive = [], []
    for _ in range(200):
        scores = Targets(rng.normal(size=200), rng.normal(size=200))
        honest.append(advantage(scores, rng).value)
        naive.append(np.max(np.subtract(*roc(scores)[::-1])))
    assert np.mean(naive) > 0.06
    assert abs(np.mean(honest)) < 0.015  # 3 standard errors: sd of a difference of shares of 100 is 0.07


def test_advantage_of_a_perfect_attack_is_one() -> None:
    assert advantage(targets([1] * 400, [0] * 400), np.random.default_rng(0)).value == 1.0


@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1])
def test_a_rate_outside_the_curve_is_refused(fpr: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        tpr_at_fpr(targets([1, 2], [1, 2]), fpr)


def test_one_patient_is_no_auc() -> None:
    with pytest.raises(ValueError, match="at least 2 members"):
        auc(targets([1], [1, 2]))
