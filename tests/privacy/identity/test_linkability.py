from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.attack import Finding
from privacy.identity.linkability import linkability, same_record


def found(patients, release: np.ndarray) -> dict[str, Finding]:
    attack = linkability(patients, seed=np.random.SeedSequence(0))
    return {finding.metric: finding for finding in attack(sparse.csr_matrix(release))}


def test_ties_are_draws_by_hand() -> None:
    target = sparse.csr_matrix([[1, 0, 1, 0]])
    first, second = np.array([1.0, 1, 0, 0]), np.array([0, 0, 1.0, 1])
    # by the first half records 0 and 1 are nearest, by the second 0, 2 and 3: one in six pairs of draws is the same
    release = sparse.csr_matrix([[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0]])
    assert same_record(target, release, first, second)[0] == pytest.approx(1 / 6)


def test_copies_link_members_and_no_leak_links_nobody(new_world: Callable, patients_of) -> None:
    world = new_world(0)
    patients = patients_of(world)
    for release in (world.redrawn(0.3), world.overfitted(1_000)):
        gain = found(patients, release)["link_gain"]
        assert gain.estimate.low > 0.02
        assert gain.p < 0.001
    honest = found(patients, world.no_leak())["link_gain"]
    assert honest.estimate.low < 0 < honest.estimate.high
    assert honest.p > 0.01


def test_a_release_of_equal_records_links_nobody(new_world: Callable, patients_of) -> None:
    world = new_world(0)
    share = found(patients_of(world), np.repeat(world.members[:1], 50, axis=0))["linked_share"].estimate
    assert share.value == pytest.approx(1 / 50)
