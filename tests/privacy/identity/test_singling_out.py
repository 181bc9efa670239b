from collections.abc import Callable

import numpy as np
from scipy import sparse

from privacy.attack import Finding
from privacy.identity.singling_out import isolating_predicates, matching, singling_out

SEED = np.random.SeedSequence(0)


def found(patients, release: np.ndarray) -> dict[str, Finding]:
    return {finding.metric: finding for finding in singling_out(patients, seed=SEED)(sparse.csr_matrix(release))}


def test_predicates_are_the_fewest_rarest_codes_that_one_record_alone_has() -> None:
    release = sparse.csr_matrix(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0]], dtype=np.uint8))
    predicates = isolating_predicates(release, np.random.default_rng(0))
    # the third record by its rarest code; no combination isolates the others
    assert predicates.toarray().tolist() == [[0, 0, 1]]


def test_matching_by_hand() -> None:
    records = sparse.csr_matrix(np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], dtype=np.uint8))
    predicates = sparse.csr_matrix(np.array([[1, 0, 1], [0, 1, 0]], dtype=np.uint8))
    assert matching(records, predicates).toarray().tolist() == [[0, 1], [1, 0], [1, 1]]


def test_a_copy_isolates_members_and_no_leak_isolates_whom_chance_does(new_world: Callable, patients_of) -> None:
    world = new_world(0)
    patients = patients_of(world)
    copy, honest = found(patients, world.copy()), found(patients, world.no_leak())
    assert copy["isolation_gain"].estimate.low > 0.5
    assert copy["isolation_gain"].p < 0.001
    assert honest["isolation_gain"].estimate.low < 0 < honest["isolation_gain"].estimate.high
    assert honest["isolation_gain"].p > 0.05
    # the share among members alone would have accused the honest release
    assert honest["isolated_share"].estimate.low > 0.03


def test_a_release_without_unique_records_isolates_nobody(new_world: Callable, patients_of) -> None:
    world = new_world(0)
    assert found(patients_of(world), np.repeat(world.members[:50], 2, axis=0)) == {}
