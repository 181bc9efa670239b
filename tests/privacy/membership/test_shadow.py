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
    scores = attack.prepared()(train(sparse.csr_matrix(world.members), 99))
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
    np.testing.assert_array_equal(first.prepared()(release), backwards.prepared()(release))
    assert len(set(trained)) == 8


def test_every_target_is_in_half_of_the_shadows(new_world: Callable, tmp_path: Path) -> None:
    inside = shadows(new_world(2), tmp_path, independent, shadows=10).inside()
    assert inside.shape == (10, 300)
    assert (inside.sum(axis=0) == 5).all()


INSIDE = np.array([[True, False], [True, False], [False, True], [False, True]])


def test_the_likelihood_ratio_by_hand() -> None:
    # gaps 2 and 4, so 3; levels (8 - 2 x 3) / 4 and (32 - 2 x 3) / 4; squared residuals of the first
    # (.5, -1.5, 1.5, -.5) and of the second (-.5, -.5, 1.5, -.5) make 5 + 3 over 2 x (4 - 1) - 1
    shadows = np.array([[4.0, 6.0], [2.0, 6.0], [2.0, 11.0], [0.0, 9.0]])
    ratio = likelihood_ratio(np.array([2.5, 8.0]), shadows, INSIDE)
    variance = 8 / 5
    first = ((2.5 - 0.5) ** 2 - (2.5 - 3.5) ** 2) / (2 * variance)
    second = ((8.0 - 6.5) ** 2 - (8.0 - 9.5) ** 2) / (2 * variance)
    np.testing.assert_allclose(ratio, [first, second], atol=1e-12)


def test_the_ranks_are_those_of_the_score_less_the_level_whatever_the_gap_of_a_target() -> None:
    shadows = np.array([[3.0, 1.0], [3.0, 1.0], [1.0, 9.0], [1.0, 9.0]])  # means 2 and 5, gaps 2 and 8
    ratio = likelihood_ratio(np.array([4.0, 7.0]), shadows, INSIDE)
    assert ratio[0] == pytest.approx(ratio[1])


def test_where_seeing_a_target_changes_nothing_or_lowers_its_score() -> None:
    shadows = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(likelihood_ratio(np.array([9.0, -9.0]), shadows, INSIDE), [0.0, 0.0])
    np.testing.assert_array_equal(likelihood_ratio(np.array([9.0, -9.0]), np.ones((4, 2)), INSIDE), [0.0, 0.0])
    lowered = likelihood_ratio(np.array([1.0, 5.0]), shadows - INSIDE, INSIDE)
    assert lowered[0] > 0 > lowered[1]


def test_a_workspace_of_other_shadows_is_refused(new_world: Callable, tmp_path: Path) -> None:
    shadows(new_world(3), tmp_path, independent)
    with pytest.raises(ValueError, match="other patients, seed or number"):
        shadows(new_world(3), tmp_path, independent, seed=1)


@pytest.mark.parametrize("number", [6, 9])
def test_too_few_or_an_odd_number_of_shadows_is_refused(new_world: Callable, tmp_path: Path, number: int) -> None:
    with pytest.raises(ValueError, match="even and at least 8"):
        shadows(new_world(3), tmp_path, independent, shadows=number)
