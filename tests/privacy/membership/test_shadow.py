from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from privacy.membership.neighbours import rarity_neighbours
from privacy.membership.shadow import Shadows, likelihood_ratio
from privacy.ranks import Targets, auc


def copying(records: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
    """A generator that copies patients and drops a tenth of their codes."""
    rng = np.random.default_rng(seed)
    drawn = records[rng.integers(0, records.shape[0], 2 * records.shape[0])].copy()
    drawn.data = (rng.random(drawn.nnz) > 0.1).astype(np.uint8)
    drawn.eliminate_zeros()
    return drawn


def independent(records: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
    prevalence = np.asarray(records.mean(axis=0)).ravel()
    drawn = np.random.default_rng(seed).random((records.shape[0], len(prevalence))) < prevalence
    return sparse.csr_matrix(drawn.astype(np.uint8))


def shadows(world, workspace: Path, train: Callable, **changed) -> Shadows:
    targets = sparse.csr_matrix(np.concatenate([world.members[:150], world.nonmembers[:150]]))
    reference = sparse.csr_matrix(world.reference)
    asked = {"shadows": 8, "seed": 0} | changed
    scorer = rarity_neighbours(targets, reference)
    return Shadows(targets=targets, pool=reference, train=train, scorer=scorer, workspace=workspace, **asked)


@pytest.mark.parametrize(("train", "leaks"), [(copying, True), (independent, False)])
def test_a_generator_that_copies_is_caught_and_one_that_cannot_is_not(
    new_world: Callable, tmp_path: Path, train: Callable, leaks: bool
) -> None:
    world = new_world(0)
    attack = shadows(world, tmp_path, train)
    attack.train_all()
    scores = attack.score(train(sparse.csr_matrix(world.members), 99))
    found = auc(Targets(scores[:150], scores[150:]))
    assert (found.low > 0.6) if leaks else (found.low < 0.5 < found.high)


def test_what_was_trained_is_not_trained_again_and_the_order_does_not_matter(
    new_world: Callable, tmp_path: Path
) -> None:
    world, trained = new_world(1), []

    def counting(records: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
        trained.append(seed)
        return independent(records, seed)

    first = shadows(world, tmp_path / "a", counting)
    first.train_one(5)
    first.train_all()
    assert len(trained) == 8
    backwards = shadows(world, tmp_path / "b", counting)
    backwards.train_all(lambda function, numbers: [function(k) for k in reversed(list(numbers))])
    release = sparse.csr_matrix(world.no_leak())
    np.testing.assert_array_equal(first.score(release), backwards.score(release))
    assert len(set(trained)) == 8


def test_every_target_is_in_half_of_the_shadows(new_world: Callable, tmp_path: Path) -> None:
    inside = shadows(new_world(2), tmp_path, independent, shadows=10).inside()
    assert inside.shape == (10, 300)
    assert (inside.sum(axis=0) == 5).all()


def test_the_likelihood_ratio_by_hand() -> None:
    # means 3 and 1, residuals +-1 about both: 4 of square 1 over 1 target x (4 - 2) gives a variance of 2
    inside = np.array([[True], [True], [False], [False]])
    ratio = likelihood_ratio(np.array([2.5]), np.array([[4.0], [2.0], [2.0], [0.0]]), inside)
    assert ratio[0] == pytest.approx(((2.5 - 1) ** 2 - (2.5 - 3) ** 2) / 4)


def test_a_workspace_of_other_shadows_is_refused(new_world: Callable, tmp_path: Path) -> None:
    shadows(new_world(3), tmp_path, independent)
    with pytest.raises(ValueError, match="other patients, seed or number"):
        shadows(new_world(3), tmp_path, independent, seed=1)


@pytest.mark.parametrize("number", [6, 9])
def test_too_few_or_an_odd_number_of_shadows_is_refused(new_world: Callable, tmp_path: Path, number: int) -> None:
    with pytest.raises(ValueError, match="even and at least 8"):
        shadows(new_world(3), tmp_path, independent, shadows=number)
