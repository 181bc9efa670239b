from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from privacy.membership.neighbours import NearestDistances, membership_risks, rarity_weights
from privacy.neighbours import nearest_distance
from privacy.ranks import Targets, auc, tpr_at_fpr
from privacy.risk import Risk

SEED = np.random.SeedSequence


def to_place(world, release: NDArray[np.uint8], weights: NDArray[np.float64] | None = None) -> Targets:
    base = sparse.csr_matrix(release)
    sides = (sparse.csr_matrix(side) for side in (world.members, world.nonmembers))
    return Targets(*(nearest_distance(side, base, weights=weights) for side in sides))


def distances(world, release: NDArray[np.uint8], weights: NDArray[np.float64] | None = None) -> NearestDistances:
    places = {"reference": world.reference, "synthetic": release, "control": world.fresh, "ceiling": world.members}
    return NearestDistances(**{place: to_place(world, records, weights) for place, records in places.items()})


def measured(found: NearestDistances) -> dict[str, Risk]:
    return {risk.metric: risk for risk in membership_risks(found, seed=SEED(0))[0]}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_a_leak_nothing_is_found(new_world: Callable, seed: int) -> None:
    world = new_world(seed)
    # the release is larger than the reference: that must not move members against non-members
    found = measured(distances(world, world.no_leak(6_000)))
    assert found["auc"].low < 0.5 < found["auc"].high
    assert abs(found["auc"].control - 0.5) < 0.03  # 3 standard errors of an AUC of 2,000 against 2,000
    assert found["tpr_at_fpr_0.01"].low < 0.01 < found["tpr_at_fpr_0.01"].high
    assert found["advantage"].low < 0.02


@pytest.mark.parametrize("seed", [0, 1])
def test_calibration_finds_a_redrawn_copy_that_a_fixed_distance_does_not(new_world: Callable, seed: int) -> None:
    """Each member is copied with 30 % of its codes redrawn; the trap of METRICS.md, with its control."""
    world = new_world(seed)
    release = world.redrawn(0.30)
    found = measured(distances(world, release))
    fixed = tpr_at_fpr(Targets(*(-side for side in to_place(world, release))), 0.01)
    assert found["tpr_at_fpr_0.01"].value >= 0.20
    assert found["tpr_at_fpr_0.01"].low > 0.10
    assert fixed.value < 0.04
    weighted = measured(distances(world, release, rarity_weights(sparse.csr_matrix(world.reference))))
    assert weighted["tpr_at_fpr_0.01"].value > found["tpr_at_fpr_0.01"].value


def test_the_ceiling_is_a_copy_of_the_members_and_the_control_is_chance(new_world: Callable) -> None:
    world = new_world(3)
    copy = distances(world, world.members)
    found = measured(copy)
    assert found["auc"].ceiling == found["auc"].value == auc(copy.scores("ceiling")).value > 0.85
    assert abs(found["auc"].control - 0.5) < 0.03


def test_one_percent_verbatim_hides_from_the_auc_and_not_from_the_low_rates() -> None:
    # 6,000 a side, scores -3 to 2 by chance; 60 members are copied and score 5, which chance never does
    rng = np.random.default_rng(0)
    chance = Targets(*(rng.integers(-3, 3, 6_000).astype(float) for _ in range(2)))
    chance.members[:60] = 5
    zero = Targets(np.zeros(6_000), np.zeros(6_000))
    found = measured(NearestDistances(reference=chance, synthetic=zero, control=chance, ceiling=zero))
    assert found["auc"].low < 0.51
    assert found["tpr_at_fpr_0.001"].low > 0.001


def test_below_5000_nonmembers_a_tpr_at_a_tenth_of_a_percent_is_inconclusive(new_world: Callable) -> None:
    world = new_world(4)
    risk = measured(distances(world, world.members))["tpr_at_fpr_0.001"]
    assert (risk.low, risk.high, risk.nonmembers_needed) == (0.0, 1.0, 5_000)
    assert "takes 5,000 non-members" in risk.note


def test_an_attacker_turns_the_score_round_where_the_release_avoids_its_members(new_world: Callable) -> None:
    world = new_world(5)
    release = world.no_leak(12_000)
    near = nearest_distance(sparse.csr_matrix(release), sparse.csr_matrix(world.members))
    found = measured(distances(world, release[near > 1]))
    assert found["auc"].low > 0.5
    assert "turned round" in found["auc"].note


def test_the_curves_are_aggregates_that_end_at_one(new_world: Callable) -> None:
    world = new_world(6)
    weights = rarity_weights(sparse.csr_matrix(world.reference))
    _, curves = membership_risks(distances(world, world.no_leak(), weights), attack="rarity", seed=SEED(0))
    assert list(curves.columns) == ["attack", "place", "fpr", "tpr"]
    for place in ("synthetic", "control", "ceiling"):
        curve = curves[curves.place == place]
        assert len(curve) < 100  # 4,000 patients with continuous scores would give thousands of points
        assert curve.fpr.iloc[1] == 5 / 2_000
        assert curve[["fpr", "tpr"]].iloc[-1].tolist() == [1.0, 1.0]
        assert curve.tpr.is_monotonic_increasing


def test_rarity_weights_are_surprises() -> None:
    reference = sparse.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]], dtype=np.uint8))
    np.testing.assert_allclose(rarity_weights(reference), -np.log(np.array([3.5, 0.5, 1.5]) / 4))
