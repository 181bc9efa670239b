import math

import numpy as np
import pytest

from privacy.attack import Finding
from privacy.membership.measure import curve, epsilon_bound, measure
from privacy.ranks import Targets

SEED = np.random.SeedSequence


def measured(members: np.ndarray, nonmembers: np.ndarray, **more: float) -> dict[str, Finding]:
    scores = Targets(members.astype(float), nonmembers.astype(float))
    found = measure("attack", "knowledge", scores, seed=SEED(0), n_members=50_000, **more)
    return {finding.metric: finding for finding in found}


def test_one_percent_verbatim_hides_from_the_auc_and_not_from_the_low_rates() -> None:
    # 6,000 a side, scores -3 to 2 by chance; 60 members are copied and score 5, which chance never does
    rng = np.random.default_rng(0)
    members, nonmembers = rng.integers(-3, 3, (2, 6_000))
    members[:60] = 5
    found = measured(members, nonmembers)
    assert found["auc"].estimate.low < 0.51
    assert found["tpr_at_fpr_0.001"].estimate.low > 0.001
    assert found["auc"].p is not None
    assert found["auc"].p < 1e-9


def test_precision_and_exposure_by_hand() -> None:
    # the highest 20 of 100 members stand alone, the rest at a score that 5.6 % of non-members exceed
    members = np.concatenate([np.full(2_000, 10.0), np.full(8_000, 8.5)])
    nonmembers = np.arange(1, 10_001) / 10_001 * 9
    found = measured(members, nonmembers, prior=0.5)
    assert found["tpr_at_fpr_0.01"].estimate.value == pytest.approx(0.2)
    assert found["precision_at_prior"].estimate.value == pytest.approx(0.2 / 0.21)
    assert found["exposed_patients"].estimate.value == pytest.approx(0.19 * 50_000)
    # at .1 % FPR about 5 of 5,000 judged non-members are claimed, at most .0026 of all, and surely 18.5 % of members
    assert found["epsilon_lower_bound"].estimate.low == pytest.approx(math.log(0.185 / 0.0026), abs=0.5)


def test_below_5000_nonmembers_a_tpr_at_a_tenth_of_a_percent_is_inconclusive() -> None:
    found = measured(np.arange(3_000), np.arange(4_000))["tpr_at_fpr_0.001"]
    assert (found.estimate.low, found.estimate.high, found.nonmembers_needed) == (0.0, 1.0, 5_000)
    assert "takes 5,000 non-members" in found.note
    assert found.detectable is None


def test_an_attacker_turns_the_score_round_where_the_release_avoids_its_members() -> None:
    rng = np.random.default_rng(0)
    found = measured(rng.normal(-0.3, 1, 2_000), rng.normal(size=2_000))["auc"]
    assert found.estimate.low > 0.5
    assert "turned round" in found.note
    assert found.p is not None
    assert found.p < 0.001


def test_without_a_leak_no_epsilon_is_proved_and_with_one_that_is_allowed_none_above_it() -> None:
    rng = np.random.default_rng(0)
    assert sum(epsilon_bound(Targets(*rng.normal(size=(2, 2_000))), rng).low > 0 for _ in range(200)) <= 10
    # randomised response about membership: TPR / FPR is exp(1) at every threshold below certainty
    share = math.e / (1 + math.e)
    bounds = [
        epsilon_bound(Targets(rng.random(4_000) < share, rng.random(4_000) < 1 - share), rng).low for _ in range(50)
    ]
    assert max(bounds) < 1.0


def test_a_curve_is_an_aggregate_that_ends_at_one() -> None:
    rng = np.random.default_rng(0)
    drawn = curve("a", Targets(*rng.normal(size=(2, 2_000))))
    assert list(drawn.columns) == ["attack", "fpr", "tpr"]
    assert len(drawn) < 100  # 4,000 patients with continuous scores would give thousands of points
    assert drawn.fpr.iloc[1] == 5 / 2_000
    assert drawn[["fpr", "tpr"]].iloc[-1].tolist() == [1.0, 1.0]
    assert drawn.tpr.is_monotonic_increasing


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_a_prior_that_leaves_nothing_to_find_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        measured(np.arange(10), np.arange(10), prior=prior)
