from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from privacy.membership.neighbours import calibrated_neighbours, rarity_neighbours, rarity_weights
from privacy.neighbours import nearest_distance
from privacy.ranks import Targets, auc, tpr_at_fpr


def scored(world, release: NDArray[np.uint8], attack: Callable = calibrated_neighbours) -> Targets:
    sides = (sparse.csr_matrix(side) for side in (world.members, world.nonmembers))
    return Targets(*(attack(side, sparse.csr_matrix(world.reference))(sparse.csr_matrix(release)) for side in sides))


def test_the_score_by_hand() -> None:
    rows = [[1, 1, 0, 0], [0, 0, 0, 1]]
    targets, reference = sparse.csr_matrix(rows), sparse.csr_matrix([[0, 0, 0, 0], [0, 0, 1, 1]])
    score = calibrated_neighbours(targets, reference)
    # to the reference: 2 and 1; to a release of the first target alone: 0 and 3
    np.testing.assert_array_equal(score(sparse.csr_matrix([rows[0]])), [2, -2])
    np.testing.assert_array_equal(score(sparse.csr_matrix(rows)), [2, 1])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_without_a_leak_nothing_is_found(new_world: Callable, seed: int) -> None:
    world = new_world(seed)
    # the release is larger than the reference: that must not move members against non-members
    found = scored(world, world.no_leak(6_000))
    assert auc(found).low < 0.5 < auc(found).high
    assert tpr_at_fpr(found, 0.01).low < 0.01 < tpr_at_fpr(found, 0.01).high


@pytest.mark.parametrize("seed", [0, 1])
def test_calibration_finds_a_redrawn_copy_that_a_fixed_distance_does_not(new_world: Callable, seed: int) -> None:
    """Each member is copied with 30 % of its codes redrawn; the trap of METRICS.md, with its control."""
    world = new_world(seed)
    release = world.redrawn(0.30)
    found = tpr_at_fpr(scored(world, release), 0.01)
    base = sparse.csr_matrix(release)
    fixed = Targets(*(-nearest_distance(sparse.csr_matrix(side), base) for side in (world.members, world.nonmembers)))
    assert found.value >= 0.20
    assert found.low > 0.10
    assert tpr_at_fpr(fixed, 0.01).value < 0.04
    assert tpr_at_fpr(scored(world, release, rarity_neighbours), 0.01).value > found.value


def test_rarity_weights_are_surprises() -> None:
    reference = sparse.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [1, 0, 0]], dtype=np.uint8))
    np.testing.assert_allclose(rarity_weights(reference), -np.log(np.array([3.5, 0.5, 1.5]) / 4))
