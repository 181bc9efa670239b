import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from benchmarks.leaks.population import World, world_of
from pipelines import shadows as stage
from pipelines.evaluate import evaluate, split_holdout
from pipelines.generate import generate
from pipelines.recipe import validated
from pipelines.sections import Evaluate, Train
from pipelines.shadows import Asked, TrainShadow, choose_targets, open_workspace, shadow_attack
from pipelines.train import train
from privacy.attack import Finding
from privacy.membership.density import kernel_ratio
from privacy.ranks import nonmembers_needed
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.evaluation import Evaluation
from synthehr.landing import read_manifest
from synthehr.models import registry

Cli = Callable[..., tuple[int, str, str]]
CODES = 60


class Copying:
    """A generator that gives its training records out again."""

    name = "copying"

    def fit(self, cohort: Cohort, **rest: Any) -> None:
        self.records = cohort.part("train").counts

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        return self.records[rng.integers(0, self.records.shape[0], n)]


@pytest.fixture(autouse=True)
def copying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODELS", {**registry.MODELS, "copying": Copying})


@pytest.fixture
def world() -> World:
    return world_of(0, 300, 200, 100, codes=CODES)


def matrix(records: np.ndarray) -> CodeMatrix:
    words = Vocabulary(tuple(f"code {j}" for j in range(CODES)), ("",) * CODES, (None,) * CODES)
    return CodeMatrix(canonical(sparse.csr_matrix(records)), np.arange(len(records)), words)


def asked(world: World, most: int = 40) -> Asked:
    groups = (sparse.csr_matrix(group) for group in (world.members, world.nonmembers, world.reference))
    return choose_targets(*groups, seed=5, most=most)


def attacked(world: World, model: str, workspace: Path) -> tuple[list[Finding], list[Finding]]:
    """What the shadows find in a release of that generator, and in fresh patients."""
    shadow = TrainShadow(model=model, options={}, validation=matrix(world.fresh[:20]), n=300)
    targets, reference = asked(world), sparse.csr_matrix(world.reference)
    attack = shadow_attack(targets, reference, shadow, workspace, shadows=8, prior=0.1, seed=5)
    return attack(shadow(sparse.csr_matrix(world.members), 99)), attack(sparse.csr_matrix(world.fresh))


@pytest.mark.parametrize(("model", "leaks"), [("copying", True), ("independent", False)])
def test_a_generator_that_copies_is_caught_and_one_that_cannot_is_not(
    world: World, tmp_path: Path, model: str, leaks: bool
) -> None:
    found, control = attacked(world, model, tmp_path)
    (auc,) = [figure for figure in found if figure.metric == "auc"]
    assert auc.attack == "membership_shadow"
    assert "how the generator was trained" in auc.knowledge
    assert (auc.estimate.low > 0.7) if leaks else (auc.estimate.low < 0.5 < auc.estimate.high)
    assert auc.p is not None
    assert (auc.p < 0.01) == leaks
    assert next(figure.estimate for figure in control if figure.metric == "auc").low < 0.5
    assert "the 40 farthest from the reference sample" in auc.note
    assert [figure.metric for figure in found] == [figure.metric for figure in control]


def test_an_attack_needs_its_workspace_no_longer(world: World, tmp_path: Path) -> None:
    shadow = TrainShadow(model="independent", options={}, validation=matrix(world.fresh[:20]), n=50)
    reference, fresh = sparse.csr_matrix(world.reference), sparse.csr_matrix(world.fresh)
    attack = shadow_attack(asked(world), reference, shadow, tmp_path / "w", shadows=8, prior=0.1, seed=5)
    before = attack(fresh)
    shutil.rmtree(tmp_path / "w")
    assert attack(fresh) == before


def test_targets_are_ranked_together_and_nobody_is_on_two_sides(world: World) -> None:
    # a code of its own for each patient, so that he is known again
    def marked(records: np.ndarray, first: int) -> sparse.csr_matrix:
        own = np.zeros((len(records), 700), dtype=np.uint8)
        own[np.arange(len(records)), first + np.arange(len(records))] = 1
        return sparse.csr_matrix(np.hstack([records, own]))

    groups = (marked(world.members, 0), marked(world.nonmembers, 300), marked(world.reference, 500))
    found = choose_targets(*groups, seed=1, most=90)
    targets = found.targets.indices[found.targets.indices >= CODES] - CODES
    pool = found.pool.indices[found.pool.indices >= CODES] - CODES
    assert len(targets) == len(found.is_member) == 90
    np.testing.assert_array_equal(targets < 300, found.is_member)
    # of the reference sample and the non-members who are not attacked
    left = set(range(300, 600)) - set(targets)
    assert set(pool) <= left
    assert len(pool) == len(set(pool)) == min(len(left), 300 - 45)
    assert 25 <= found.is_member.sum() <= 65
    assert not (np.diff(found.is_member.astype(int)) >= 0).all()


def test_a_shadow_is_trained_on_as_many_records_as_the_generator_or_on_all_there_are(world: World) -> None:
    def chosen(members: np.ndarray, seed: int = 1) -> Asked:
        groups = (sparse.csr_matrix(group) for group in (members, world.nonmembers, world.reference))
        return choose_targets(*groups, seed=seed, most=40)

    # he holds 300 but the targets; with 20 of them in, 80 make up 100 and 280 would make up 300
    few, many = chosen(world.members[:100]), chosen(np.concatenate([world.members, world.fresh]))
    assert few.pool.shape[0] == 80
    assert few.note.endswith("A shadow is trained on 100 records, as was the generator.")
    assert (few.pool != chosen(world.members[:100]).pool).nnz == 0
    held = 300 - np.count_nonzero(~many.is_member)
    assert many.pool.shape[0] == held
    told = f"A shadow is trained on {held + 20} records, all that the attacker holds; the generator was on 400."
    assert many.note.endswith(told)
    # a draw, not the first of the reference sample
    assert (few.pool != sparse.csr_matrix(world.reference[:80])).nnz > 0


def test_the_nonmembers_attacked_suffice_for_a_rate_of_one_percent_whatever_the_draw() -> None:
    half, deviation = stage.MOST_TARGETS / 2, stage.MOST_TARGETS**0.5 / 2
    assert half - 5 * deviation > nonmembers_needed(0.01)


def test_what_a_pool_of_processes_gets_can_be_pickled(world: World, tmp_path: Path) -> None:
    shadow = TrainShadow(model="independent", options={}, validation=matrix(world.fresh[:20]), n=50)
    training = sparse.csr_matrix(world.reference)
    again = pickle.loads(pickle.dumps(shadow))
    assert (again(training, 3) != shadow(training, 3)).nnz == 0
    scorer = kernel_ratio(asked(world).targets, training)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scorer))(training), scorer(training))


def test_a_workspace_of_another_request_is_cleared_and_somebodys_folder_is_not(tmp_path: Path) -> None:
    workspace = open_workspace(tmp_path / "e", {"run": "a"})
    assert workspace == tmp_path / "e.shadows"
    (workspace / "shadow-0000.npy").touch()
    assert (open_workspace(tmp_path / "e", {"run": "a"}) / "shadow-0000.npy").exists()
    assert not (open_workspace(tmp_path / "e", {"run": "b"}) / "shadow-0000.npy").exists()
    (tmp_path / "f.shadows").mkdir()
    (tmp_path / "f.shadows" / "mine.txt").touch()
    with pytest.raises(BadRequest, match="left as it is"):
        open_workspace(tmp_path / "f", {"run": "a"})


@pytest.mark.parametrize("number", [6, 9, -8])
def test_a_recipe_with_too_few_or_an_odd_number_of_shadows_is_refused(number: int) -> None:
    with pytest.raises(BadRequest, match="expected 0, or an even number of at least 8"):
        validated(Evaluate, {"shadows": number}, "recipe.toml")


def test_shadows_are_gone_on_from_and_their_figures_stand_with_the_others(
    spine: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, synthetic, out = tmp_path / "run", tmp_path / "synthetic", tmp_path / "e"
    train(spine / "cohort", run, Train(model="independent"), seed=0)
    generate(run, synthetic, patients=300, seed=0)
    trained: list[int] = []
    whole = TrainShadow.__call__

    def interrupted(self: TrainShadow, training: sparse.csr_matrix, seed: int) -> sparse.csr_matrix:
        trained.append(seed)
        if len(trained) == 4:
            raise KeyboardInterrupt
        return whole(self, training, seed)

    monkeypatch.setattr(TrainShadow, "__call__", interrupted)
    command = ["evaluate", "--cohort", spine / "cohort", "--synthetic", synthetic, "--out", out, "--shadows", "8"]
    code, _, err = cli(*command)
    assert code == 2
    assert "name it with --run RUN" in err
    assert list(tmp_path.glob("*e*.shadows")) == []
    code, _, err = cli(*command, "--run", run)
    assert code == 130
    assert "Shadows that were trained stand" in err
    assert len(list((tmp_path / "e.shadows").glob("shadow-*.npy"))) == 3
    assert not out.exists()

    evaluate(spine / "cohort", synthetic, out, Evaluate(comparators=("independent",), shadows=8), run=run, seed=0)
    assert len(trained) == 4 + 5
    assert len(set(trained)) == 8
    assert not (tmp_path / "e.shadows").exists()
    assert read_manifest(out, "evaluation").config["shadows"] == 8
    found = {risk.metric: risk for risk in Evaluation.read(out).risks if risk.attack == "membership_shadow"}
    assert found["auc"].p_adjusted is not None
    assert found["auc"].p_adjusted >= found["auc"].p
    assert found["auc"].ceiling is not None
    assert {"independent", "k_anonymised_5"} <= set(found["auc"].others)
    assert found["exposed_patients"].value <= found["auc"].n


def test_where_all_nonmembers_are_attacked_the_attacker_has_the_reference_sample_alone(spine: Path) -> None:
    people = read_cohort(spine / "cohort")
    holdout = split_holdout(people.part("holdout"), seed=3)
    found = choose_targets(
        people.part("train").binary(),
        holdout.test.binary(),
        holdout.reference.binary(),
        seed=0,
        most=stage.MOST_TARGETS,
    )
    # fewer than MOST_TARGETS: all of the test half are targets, and the pool is the reference sample
    assert found.targets.shape[0] == 2 * len(holdout.test)
    assert (found.pool != holdout.reference.binary()).nnz == 0
