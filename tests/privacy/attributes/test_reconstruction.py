from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.attack import Finding
from privacy.attributes.reconstruction import reconstruction, solve


def found(patients, release: np.ndarray, **options: list[int]) -> dict[str, Finding]:
    attack = reconstruction(patients, seed=np.random.SeedSequence(0), **options)
    return {finding.metric: finding for finding in attack(sparse.csr_matrix(release))}


def test_exact_counts_of_enough_groups_give_the_secrets() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(40) < 0.3
    groups = sparse.csr_matrix((rng.random((400, 40)) < 0.5).astype(np.uint8))
    share = (groups @ truth) / np.diff(groups.indptr)
    guess = solve(groups, share, truth.mean())
    assert guess[truth].min() > 0.7 > 0.3 > guess[~truth].max()
    shuffled = solve(groups, rng.permutation(share), truth.mean())
    assert shuffled[truth].min() < shuffled[~truth].max()


def test_a_group_that_the_release_does_not_show_is_left_out() -> None:
    groups = sparse.csr_matrix(np.ones((2, 5), dtype=np.uint8))
    alone = solve(groups[:1], np.array([0.5]), 0.2)
    np.testing.assert_allclose(solve(groups, np.array([0.5, np.nan]), 0.2), alone)


def test_secrets_of_members_come_out_of_copies_and_no_leak_gives_none(
    new_world: Callable, patients_of: Callable
) -> None:
    for seed in (0, 1):
        world = new_world(seed)
        patients = patients_of(world)
        for release in (world.copy(), world.redrawn(0.30), world.overfitted(1_000)):
            gain = found(patients, release)["auc_gain"]
            assert gain.p is not None
            assert gain.p < 0.01
            assert gain.estimate.low > 0


def test_without_a_leak_the_level_is_kept(make_world: Callable, patients_of: Callable) -> None:
    p = []
    for seed in range(40):
        world = make_world(seed, 800, 800, 800)
        p.append(found(patients_of(world), world.no_leak(1_500))["auc_gain"].p)
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 40) ** 0.5


@pytest.mark.parametrize("prevalent", [True, False])
def test_a_secret_that_all_or_none_have_is_nothing_to_solve(
    new_world: Callable, patients_of: Callable, prevalent: bool
) -> None:
    world = new_world(0)
    for group in (world.members, world.nonmembers, world.reference):
        group[:, 7] = prevalent
    assert found(patients_of(world), world.members, secrets=[7]) == {}
