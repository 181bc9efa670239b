import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.dry_run import differs
from pipelines.sections import Train
from pipelines.train import ASKED, CHECKPOINTS, asked
from synthehr.landing import file_hash, partial_path, versions

Cli = Callable[..., tuple[int, str, str]]
LANDINGS = ["events", "cohort", "run", "synthetic", "evaluation", "bundle"]


def tree(folder: Path) -> dict[str, str]:
    """Every entry under a folder, hidden ones too, with what is in it."""
    return {str(entry): file_hash(entry) if entry.is_file() else "folder" for entry in sorted(folder.rglob("*"))}


def preview(cli: Cli, *arguments: str | Path) -> dict[str, Any]:
    code, out, _ = cli(*arguments, "--dry-run", "--json")
    assert code == 0, out
    found: dict[str, Any] = json.loads(out)
    assert found["dry_run"] is True
    return found


def actions(found: dict[str, Any]) -> dict[str, str]:
    return {Path(step["landing"]).name: step["action"] for step in found["steps"]}


@pytest.fixture
def made(spine: Path, tmp_path: Path) -> Path:
    """All six landings, to be spoiled."""
    shutil.copytree(spine, tmp_path / "out")
    return tmp_path / "out"


def arguments_of(stage: str, spine: Path, extract: Path, recipe: Path, out: Path) -> list[str | Path]:
    given: dict[str, list[str | Path]] = {
        "ingest": [extract, "--out", out],
        "train": [spine / "cohort", "--out", out / "run", "--minutes", "2"],
        "generate": [spine / "run", "--out", out / "synthetic", "-n", "9000"],
        "evaluate": ["--cohort", spine / "cohort", "--synthetic", spine / "synthetic", "--out", out / "evaluation"],
        "release": ["--policy", recipe.parent / "policy.toml", "--out", out / "bundle"],
        "run": [recipe, "--extract", extract, "--out", out],
        "demo": ["--out", out],
    }
    given["release"] += [x for name in ("cohort", "synthetic", "evaluation") for x in (f"--{name}", spine / name)]
    return [stage, *given[stage]]


@pytest.mark.parametrize("stage", ["ingest", "train", "generate", "evaluate", "release", "run", "demo"])
@pytest.mark.parametrize("complete", [False, True], ids=["nothing there", "all there"])
def test_nothing_is_written(
    stage: str, complete: bool, spine: Path, extract: Path, recipe_file: Path, tmp_path: Path, cli: Cli
) -> None:
    out = tmp_path / "out"
    if complete:
        shutil.copytree(spine, out)
    before, beside, read = tree(tmp_path), tree(spine), tree(extract)
    code, printed, _ = cli(*arguments_of(stage, spine, extract, recipe_file, out), "--dry-run")
    assert code == 0
    assert "Nothing was written." in printed
    assert (tree(tmp_path), tree(spine), tree(extract)) == (before, beside, read)


def test_a_run_that_is_complete_skips_all_of_it(made: Path, extract: Path, recipe_file: Path, cli: Cli) -> None:
    found = preview(cli, "run", recipe_file, "--extract", extract, "--out", made)
    assert actions(found) == dict.fromkeys(LANDINGS[:5], "skip") | {"bundle": "perhaps"}
    assert "PASS; a bundle would be written" in found["notes"][-1] or "INCONCLUSIVE" in found["notes"][-1]


def test_a_run_of_nothing_makes_all_of_it(extract: Path, recipe_file: Path, tmp_path: Path, cli: Cli) -> None:
    found = preview(cli, "run", recipe_file, "--extract", extract, "--out", tmp_path / "out")
    assert actions(found) == dict.fromkeys(LANDINGS, "make")
    assert found["steps"][0]["reads"] == [str(extract)]
    assert "Recognised as long_table" in found["notes"][0]


def test_what_follows_from_an_altered_landing_is_said_to_depend_on_it(
    made: Path, extract: Path, recipe_file: Path, cli: Cli
) -> None:
    shard = made / "synthetic" / "data" / "synthetic-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    found = preview(cli, "run", recipe_file, "--extract", extract, "--out", made)
    assert actions(found) == dict.fromkeys(LANDINGS[:3], "skip") | {
        "synthetic": "make again",
        "evaluation": "perhaps",
        "bundle": "make again",
    }
    assert "synthetic-00000.parquet changed" in found["steps"][3]["why"]
    assert "if the bytes of synthetic are again" in found["steps"][4]["why"]


def test_another_seed_is_named_as_the_reason(made: Path, extract: Path, recipe_file: Path, cli: Cli) -> None:
    other = recipe_file.parent / "other.toml"
    other.write_text(recipe_file.read_text().replace("epochs = 2\n", "epochs = 3\n", 1))
    found = preview(cli, "run", other, "--extract", extract, "--out", made)
    assert actions(found)["cohort"] == "skip"
    assert found["steps"][2]["why"] == "options.epochs: 2 there, 3 asked for"
    assert found["steps"][2]["action"] == "make again"
    assert any("3 passes at the most" in note for note in found["notes"])


def test_a_lost_input_makes_what_stands_doubtful(made: Path, extract: Path, recipe_file: Path, cli: Cli) -> None:
    shutil.rmtree(made / "cohort")
    found = actions(preview(cli, "run", recipe_file, "--extract", extract, "--out", made))
    assert (found["events"], found["cohort"], found["run"]) == ("skip", "make", "perhaps")


def test_training_says_on_whom_and_for_how_long(spine: Path, tmp_path: Path, cli: Cli) -> None:
    found = preview(cli, "train", spine / "cohort", "--out", tmp_path / "r", "--minutes", "2")
    splits = json.loads((spine / "cohort" / "cohort_report.json").read_text())
    assert found["training"]["model"] == "transformer"
    assert found["training"]["minutes"] == 2
    assert found["training"]["codes"] == splits["codes"]
    assert f"{found['training']['patients']:,} training patients" in found["notes"][0]
    assert "ended by the clock after 2 minutes" in found["notes"][0]
    assert actions(found) == {"r": "make"}


def test_a_training_that_was_interrupted_goes_on_if_it_is_the_same(spine: Path, tmp_path: Path, cli: Cli) -> None:
    left = partial_path(tmp_path / "r")
    (left / CHECKPOINTS).mkdir(parents=True)
    request = asked(spine / "cohort", Train(options={"epochs": 4}), seed=0)
    (left / ASKED).write_text(json.dumps({**request, "versions": versions()}, sort_keys=True))
    same = preview(cli, "train", spine / "cohort", "--out", tmp_path / "r", "--epochs", "4")
    other = preview(cli, "train", spine / "cohort", "--out", tmp_path / "r", "--epochs", "5")
    assert (actions(same), actions(other)) == ({"r": "go on"}, {"r": "make"})
    assert "another request" in other["steps"][0]["why"]


def test_what_a_command_would_refuse_is_refused_before_it_too(spine: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "thesis.txt").write_text("mine")
    refused = cli("train", spine / "cohort", "--out", tmp_path / "r", "--dry-run")
    assert refused[0] == 2
    assert "it is left as it is" in refused[2]
    assert cli("train", spine / "run", "--out", tmp_path / "x", "--dry-run")[0] == 3
    assert cli("train", spine / "cohort", "--out", tmp_path / "x", "--model", "medgn", "--dry-run")[0] == 2
    assert cli("generate", spine / "run", "--out", tmp_path / "x", "-n", "5", "--where", "age =", "--dry-run")[0] == 2
    assert cli("demo", "--out", tmp_path / "x", "--minutes", "0", "--dry-run")[0] == 2


def test_the_gate_is_told_beforehand(spine: Path, recipe_file: Path, extract: Path, tmp_path: Path, cli: Cli) -> None:
    strict = tmp_path / "p.toml"
    strict.write_text((recipe_file.parent / "policy.toml").read_text().replace("0.99", "0.001"))
    asked_for = arguments_of("release", spine, extract, recipe_file, tmp_path)
    lenient = preview(cli, *asked_for)
    refused = preview(cli, *asked_for, "--policy", strict)
    overridden = preview(cli, *asked_for, "--policy", strict, "--override", "for a test")
    assert (lenient["released"], refused["released"], overridden["released"]) == (True, False, True)
    assert actions(refused) == {"bundle": "refuse"}
    assert "threshold 0.001" in refused["notes"][0]
    assert "no bundle (exit 4)" in refused["notes"][-1]
    assert list(tmp_path.iterdir()) == [strict]


def test_a_landing_that_is_what_was_asked_for_differs_in_nothing(spine: Path, recipe_file: Path) -> None:
    from pipelines.recipe import load_recipe

    recipe = load_recipe(recipe_file)
    request = asked(spine / "cohort", recipe.train, seed=recipe.seed)
    assert differs(spine / "run", request) is None
    assert differs(spine / "run", request | {"made_from": {"cohort": "0"}}) == "made from another cohort"
    assert "seed: 3 there, 4 asked for" in str(differs(spine / "run", asked(spine / "cohort", recipe.train, seed=4)))


def test_a_demo_makes_all_anew(made: Path, cli: Cli) -> None:
    assert actions(preview(cli, "demo", "--out", made)) == dict.fromkeys(LANDINGS, "make again")
    (made / "run" / "manifest.json").unlink()
    with pytest.raises(AssertionError, match="not a run"):
        preview(cli, "demo", "--out", made)
