from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.identity.adversarial_accuracy import adversarial_accuracy
from privacy.patients import Patients
from privacy.risk import Estimate


def found(groups: dict[str, np.ndarray], release: np.ndarray) -> dict[str, Estimate]:
    csr = {name: sparse.csr_matrix(rows) for name, rows in groups.items()}
    patients = Patients(**csr, codes=tuple(map(str, range(release.shape[1]))))
    attack = adversarial_accuracy(patients, seed=np.random.SeedSequence(0))
    return {finding.metric: finding.estimate for finding in attack(sparse.csr_matrix(release))}


@pytest.mark.parametrize("d", [100, 400, 1_000])
def test_without_a_leak_it_is_a_half_at_any_width(d: int) -> None:
    """Where a strict comparison reads .28 to .41: the sparse records tie."""
    rng = np.random.default_rng(d)
    prevalence = np.minimum(0.6, 4 / np.arange(1, d + 1))
    names = ("members", "nonmembers", "reference", "fresh", "release")
    groups = {name: (rng.random((2_000, d)) < prevalence).astype(np.uint8) for name in names}
    estimates = found(groups, groups.pop("release"))
    assert estimates["nnaa_train"].value == pytest.approx(0.5, abs=0.01 + 0.01)  # its own standard error is .006
    assert estimates["privacy_loss"].low < 0 < estimates["privacy_loss"].high


def test_over_worlds_it_is_a_half_within_a_hundredth(new_world: Callable) -> None:
    values = []
    for seed in range(8):
        world = new_world(seed)
        groups = {name: getattr(world, name) for name in ("members", "nonmembers", "reference", "fresh")}
        values.append(found(groups, world.no_leak(2_000))["nnaa_train"].value)
    assert np.mean(values) == pytest.approx(0.5, abs=0.01)


def test_a_copy_is_nothing_but_neighbours_by_hand() -> None:
    rng = np.random.default_rng(0)
    groups = {name: (rng.random((300, 200)) < 0.2).astype(np.uint8) for name in ("members", "nonmembers", "reference")}
    # each member's copy is at distance 0, and no two members are
    estimates = found(groups | {"fresh": groups["reference"]}, groups["members"])
    assert estimates["nnaa_train"].value == 0.0
    assert estimates["privacy_loss"].value == estimates["nnaa_holdout"].value
    assert estimates["privacy_loss"].low > 0.4


def test_a_release_of_other_records_is_told_apart() -> None:
    rng = np.random.default_rng(1)
    names = ("members", "nonmembers", "reference", "fresh")
    groups = {name: (rng.random((200, 100)) < 0.1).astype(np.uint8) for name in names}
    estimates = found(groups, (rng.random((200, 100)) < 0.9).astype(np.uint8))
    assert estimates["nnaa_train"].value == 1.0
    assert estimates["nnaa_train"].low < 1.0
    assert estimates["privacy_loss"].low < 0 < estimates["privacy_loss"].high
