from collections.abc import Callable

import numpy as np
from scipy import sparse

from privacy.membership import classifiers
from privacy.membership.classifiers import boosted_classifier, commonest_pairs, linear_classifier
from privacy.ranks import Targets, auc

SEED = np.random.SeedSequence(0)


def scored(world, release: np.ndarray, attack: Callable, **options: int) -> Targets:
    targets = sparse.csr_matrix(np.concatenate([world.members, world.nonmembers]))
    scores = attack(targets, sparse.csr_matrix(world.reference), seed=SEED, **options)(sparse.csr_matrix(release))
    return Targets(scores[: len(world.members)], scores[len(world.members) :])


def test_independent_marginals_are_found_by_the_linear_one(new_world: Callable) -> None:
    world = new_world(0)
    release = (world.rng.random((4_000, world.members.shape[1])) < world.members.mean(axis=0)).astype(np.uint8)
    assert auc(scored(world, release, linear_classifier)).low > 0.53


def test_pairs_see_an_overfitted_mixture_better_than_codes(new_world: Callable) -> None:
    world = new_world(1)
    release = world.overfitted(1_000)
    codes, pairs = (auc(scored(world, release, linear_classifier, n_pairs=n)) for n in (0, 1_000))
    assert pairs.low > codes.value
    assert auc(scored(world, release, boosted_classifier)).low > 0.53


def test_without_a_leak_nothing_is_found(new_world: Callable) -> None:
    worlds = [new_world(seed) for seed in (2, 3, 4)]
    for attack in (linear_classifier, boosted_classifier):
        found = [auc(scored(world, world.no_leak(), attack)).value for world in worlds]
        assert abs(np.mean(found) - 0.5) < 0.016  # 3 standard errors of a mean of 3 AUCs of 2,000 against 2,000


def test_the_commonest_pairs_by_hand() -> None:
    records = sparse.csr_matrix(np.array([[1, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 1], [1, 0, 1, 0]], dtype=np.uint8))
    # 0 with 1 and 1 with 3 in two records; 0 with 2 and 0 with 3 in one
    assert commonest_pairs(records, 3).T.tolist() == [[0, 1], [1, 3], [0, 2]]


def test_many_records_are_sampled_and_the_seed_says_which(new_world: Callable, monkeypatch) -> None:
    monkeypatch.setattr(classifiers, "MOST_RECORDS", 500)
    world = new_world(3)
    one, same = (scored(world, world.members, linear_classifier).members for _ in range(2))
    assert np.array_equal(one, same)
