import numpy as np
from scipy import sparse

from privacy.membership.subgroups import subgroup

SEED = np.random.SeedSequence
CODES = [f"code {j}" for j in range(60)]


def world(seed: int, n: int = 3_000) -> tuple[np.ndarray, np.ndarray, sparse.csr_matrix]:
    rng = np.random.default_rng(seed)
    prevalence = np.geomspace(0.3, 0.005, 60)
    targets = sparse.csr_matrix((rng.random((n, 60)) < prevalence).astype(np.uint8))
    return rng.integers(0, 9, n).astype(float), rng.permutation(n) < n // 2, targets


def test_a_leak_of_one_rare_subgroup_is_named() -> None:
    scores, is_member, targets = world(0)
    carriers = targets[:, 40].toarray().ravel() > 0
    scores[carriers & is_member] += 6
    (found,) = subgroup(scores, is_member, targets, CODES, seed=SEED(0))
    assert "code 40," in found.note
    assert found.p is not None
    assert found.p < 0.001
    assert found.estimate.low > 0.5
    assert found.n == np.count_nonzero(carriers & is_member)


def test_without_a_leak_the_worst_of_many_subgroups_is_no_finding() -> None:
    p = [subgroup(*world(seed, 1_200), CODES, seed=SEED(0))[0].p for seed in range(60)]
    assert np.mean(np.asarray(p) <= 0.05) <= 0.05 + 3 * (0.05 * 0.95 / 60) ** 0.5
    assert np.mean(np.asarray(p) <= 0.5) > 0.3


def test_a_shuffled_leak_is_no_leak() -> None:
    scores, is_member, targets = world(1)
    carriers = targets[:, 40].toarray().ravel() > 0
    scores[carriers & is_member] += 6
    (found,) = subgroup(scores, np.random.default_rng(0).permutation(is_member), targets, CODES, seed=SEED(0))
    assert found.p is not None
    assert found.p > 0.001


def test_codes_of_too_few_patients_are_no_subgroup() -> None:
    scores, is_member, targets = world(2, 30)
    assert subgroup(scores, is_member, targets, CODES, seed=SEED(0)) == []


def test_scores_that_all_tie_find_nothing() -> None:
    _, is_member, targets = world(3)
    (found,) = subgroup(np.zeros(3_000), is_member, targets, CODES, seed=SEED(0))
    assert found.p == 1.0
    assert found.estimate.value == 0.5
