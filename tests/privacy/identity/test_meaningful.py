import numpy as np
import pytest
from scipy import sparse

from privacy.attack import Finding
from privacy.identity.meaningful import meaningful_identity
from privacy.patients import Patients

SEX = (0, 1)


def cohort(n: int, rng: np.random.Generator) -> np.ndarray:
    """Two columns of sex, and 300 codes of about 1 % each."""
    codes = (rng.random((n, 300)) < 0.01).astype(np.uint8)
    sex = rng.integers(0, 2, n)
    return np.column_stack([sex == 0, sex == 1, codes]).astype(np.uint8)


def world(seed: int = 0, n: int = 800) -> tuple[Patients, np.random.Generator]:
    rng = np.random.default_rng(seed)
    groups = [sparse.csr_matrix(cohort(n, rng)) for _ in range(4)]
    names = ("members", "nonmembers", "reference", "fresh")
    return Patients(**dict(zip(names, groups, strict=True)), codes=tuple(map(str, range(302)))), rng


def found(patients: Patients, release: sparse.csr_matrix, **options: object) -> dict[str, Finding]:
    attack = meaningful_identity(patients, quasi_identifiers=[SEX], seed=np.random.SeedSequence(0), **options)
    return {finding.metric: finding for finding in attack(release)}


def test_the_risk_by_hand() -> None:
    # women: three of eight patients, so f = 4 x 3/8 = 1.5 among the 4 members; men f = 2.5; the last code is unusual
    women, men = [1, 0, 0, 1], [0, 1, 0, 0]
    members = sparse.csr_matrix(np.array([women, [1, 0, 0, 0], men, men], dtype=np.uint8))
    nonmembers = sparse.csr_matrix(np.array([[1, 0, 0, 0], men, men, men], dtype=np.uint8))
    reference = sparse.csr_matrix(np.array([[0, 1, 1, 0]] * 40, dtype=np.uint8))
    patients = Patients(members=members, nonmembers=nonmembers, reference=reference, fresh=reference, codes=("",) * 4)
    # of the two synthetic women one has her unusual code: I R = 1/2 for her and 0 for all others
    release = sparse.csr_matrix(np.array([women, [1, 0, 1, 0], men], dtype=np.uint8))
    risk = found(patients, release)["identity_risk"].estimate
    assert risk.value == pytest.approx((1 / 1.5) * 0.5 / 4)
    spread_out = found(patients, release, population=40)["identity_risk"].estimate
    assert spread_out.value == pytest.approx(risk.value / 10)


def test_a_copy_tells_more_of_members_than_of_others() -> None:
    patients, rng = world()
    copy, honest = found(patients, patients.members), found(patients, sparse.csr_matrix(cohort(800, rng)))
    assert copy["identity_risk"].estimate.value > honest["identity_risk"].estimate.value
    assert copy["identity_gain"].p < 0.05
    assert honest["identity_gain"].p > 0.05
    assert honest["identity_gain"].estimate.low < 0 < honest["identity_gain"].estimate.high


def test_what_everybody_has_and_what_he_came_with_is_nothing_new() -> None:
    patients, _ = world()
    only_sex = patients.members.toarray()
    only_sex[:, 2:] = 0
    assert found(patients, sparse.csr_matrix(only_sex))["identity_risk"].estimate.value == 0


@pytest.mark.parametrize(("options", "message"), [({"population": 10}, "at least the 800"), ({}, "at least one group")])
def test_what_cannot_be_is_refused(options: dict[str, int], message: str) -> None:
    groups = [SEX] if options else []
    with pytest.raises(ValueError, match=message):
        meaningful_identity(world()[0], quasi_identifiers=groups, seed=np.random.SeedSequence(0), **options)
