"""What a site declares in [fidelity] reaches the figures, or is refused before anything is trained."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines import evaluate as stage
from pipelines.declared import check_declared
from pipelines.evaluate import asked, evaluate, split_holdout
from pipelines.plan import plan
from pipelines.recipe import load_recipe
from pipelines.run import from_events
from pipelines.sections import Evaluate, Fidelity
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.constraints import learn_rules
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.evaluation import Evaluation
from synthehr.fidelity.score import Score
from synthehr.landing import read_manifest

Cli = Callable[..., tuple[int, str, str]]


def score(spine: Path, name: str, stratum: str = "all") -> Score:
    return next(s for s in Evaluation.read(spine / "evaluation").scores if (s.name, s.stratum) == (name, stratum))


def test_rules_of_a_recipe_stand_beside_those_that_are_learned(spine: Path) -> None:
    people = read_cohort(spine / "cohort")
    fresh, learned = split_holdout(people.part("holdout"), seed=3).fresh, learn_rules(people.part("train"))
    codes = fresh.vocabulary.index
    declared = [codes["ICD9CM/185"], codes["SEX/female"]], [codes["ICD9CM/401"], codes["RACE/white"]]
    new = [rule for rule in declared if rule not in learned.tolist()]
    assert declared[1] in new
    assert f"of the {len(learned) + len(new)} rules" in score(spine, "knowledge_violations").note
    found = score(spine, "knowledge_violations", "race")
    both = fresh.binary()[:, declared[1]].toarray().all(axis=1)
    assert found.ceiling == pytest.approx(1e4 * both.mean())
    assert found.ceiling > 1000


def test_effects_and_outcomes_of_a_recipe_are_those_measured(spine: Path) -> None:
    assert score(spine, "effect_log_or_difference").note == "3 pairs"
    outcomes = {s.stratum for s in Evaluation.read(spine / "evaluation").scores if s.name == "downstream_tstr_auroc"}
    assert outcomes == {"all", "ICD9CM/250", "ICD9CM/428"}
    found = score(spine, "downstream_tstr_auroc")
    assert found.low <= found.value <= found.high
    assert found.floor < found.ceiling


def test_the_manifest_says_what_was_declared_and_another_declaration_is_another_request(
    spine: Path, recipe_file: Path
) -> None:
    recipe = load_recipe(recipe_file)
    config = read_manifest(spine / "evaluation", "evaluation").config
    assert config["fidelity"]["outcomes"] == ["ICD9CM/428", "ICD9CM/250"]
    assert config["fidelity"]["rules"][0] == ["ICD9CM/185", "SEX/female"]
    facts = {"policy": recipe.release.policy, "seed": recipe.seed}
    parts = (spine / "cohort", spine / "synthetic", recipe.evaluate)
    assert asked(*parts, fidelity=recipe.fidelity, **facts)["config"] == config
    fewer = recipe.fidelity.model_copy(update={"outcomes": ()})
    assert asked(*parts, fidelity=fewer, **facts)["config"] != config
    assert "fidelity" not in asked(*parts, **facts)["config"]


def test_the_command_line_takes_it_from_the_recipe(
    spine: Path, recipe_file: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same request as the run's, but for what is said on the command line."""
    calls: list[dict[str, Any]] = []

    def record(cohort: Path, synthetic: Path, out: Path, options: Evaluate, **facts: Any) -> dict[str, Any]:
        known = {key: facts[key] for key in ("fidelity", "policy", "seed")}
        calls.append(asked(cohort, synthetic, options, **known)["config"])
        raise BadRequest("enough")

    monkeypatch.setattr(stage, "evaluate", record)
    folders = ("--cohort", spine / "cohort", "--synthetic", spine / "synthetic", "--out", tmp_path / "e")
    assert cli("evaluate", *folders, "--recipe", recipe_file)[0] == 2
    assert cli("evaluate", *folders, "--recipe", recipe_file, "--seed", "9", "--shadows", "8")[0] == 2
    assert cli("evaluate", *folders)[0] == 2
    of_recipe, changed, plain = calls
    config = read_manifest(spine / "evaluation", "evaluation").config
    assert of_recipe == config
    assert changed == config | {"seed": 9, "shadows": 8}
    assert "fidelity" not in plain
    assert plain["seed"] == 0
    code, _, err = cli("evaluate", *folders, "--recipe", tmp_path / "none.toml")
    assert (code, "No recipe file" in err) == (2, True)


VOCABULARY = Vocabulary(("ICD9CM/185", "ICD9CM/428", "SEX/female", "SEX/male"), ("",) * 4, (None, None, "sex", "sex"))


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (
            {"rules": [("ICD9CM/186", "SEX/female")]},
            "[fidelity] rules: Declared pairs name codes that the vocabulary does not have: ICD9CM/186. "
            "Did you mean 'ICD9CM/185'?",
        ),
        ({"rules": [("SEX/female", "ICD9CM/185")]}, "Got ('SEX/female', 'ICD9CM/185') instead."),
        ({"effects": [("SEX/female", "SEX/male")]}, "[fidelity] effects: SEX/female and SEX/male must be two codes"),
        ({"outcomes": ["XYZ"]}, "does not have: XYZ. Its systems: ICD9CM, SEX."),
    ],
)
def test_what_cannot_be_declared_of_a_cohort(declared: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=re.escape(words)):
        check_declared(VOCABULARY, Fidelity(**declared))


def test_what_can_be_declared() -> None:
    pairs = {"rules": [("ICD9CM/185", "SEX/female")], "effects": [("SEX/male", "ICD9CM/428")]}
    check_declared(VOCABULARY, Fidelity(**pairs, outcomes=["ICD9CM/428"]))
    check_declared(VOCABULARY, Fidelity())


def test_an_unknown_code_is_refused_before_hours_go_by(
    spine: Path, recipe_file: Path, extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = Fidelity(outcomes=("ICD9CM/42",))
    recipe = load_recipe(recipe_file).model_copy(update={"fidelity": unknown})
    monkeypatch.setattr("pipelines.run.train.train", lambda *_, **__: pytest.fail("it was trained"))
    monkeypatch.setattr("pipelines.plan._in_a_process_of_its_own", lambda *_: pytest.fail("it was measured"))
    (tmp_path / "events").symlink_to(spine / "events")
    (tmp_path / "cohort").symlink_to(spine / "cohort")
    for attempt in (
        lambda: from_events(recipe, tmp_path),
        lambda: plan(recipe, extract),
        lambda: evaluate(spine / "cohort", spine / "synthetic", tmp_path / "e", Evaluate(), fidelity=unknown, seed=0),
    ):
        with pytest.raises(BadRequest, match=r"\[fidelity\] outcomes: .*ICD9CM/42\."):
            attempt()
    assert not (tmp_path / "e").exists()
