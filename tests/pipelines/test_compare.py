import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.compare import compare, labels_of, landings_of
from pipelines.recipe import load_recipe
from pipelines.train import train
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def other(spine: Path, recipe_file: Path, tmp_path: Path) -> Path:
    """A whole run of the same cohort, that is not evaluated."""
    folder = tmp_path / "other"
    shutil.copytree(spine / "cohort", folder / "cohort")
    train(
        folder / "cohort",
        folder / "run",
        load_recipe(recipe_file).train.model_copy(update={"model": "copula", "options": {}}),
        seed=3,
    )
    return folder


@pytest.fixture
def twin(spine: Path, tmp_path: Path) -> Path:
    """The run of `spine` in another folder, with another evaluation of the same: one score moved by one."""
    folder = tmp_path / "twin"
    shutil.copytree(spine, folder)
    scores = json.loads((folder / "evaluation" / "fidelity.json").read_text())
    for score in scores:
        if (score["name"], score["stratum"]) == ("dwp_spearman", "all"):
            for key in ("value", "low", "high"):
                score[key] -= 1
    (folder / "evaluation" / "fidelity.json").write_text(json.dumps(scores))
    return folder


def test_a_run_beside_a_twin_differs_in_one_score(spine: Path, twin: Path, cli: Cli, recipe_file: Path) -> None:
    code, out, _ = cli("compare", spine, twin, "--policy", recipe_file.parent / "policy.toml", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["same_cohort"] is True
    assert (found["warnings"], found["differences"]) == ([], [])
    beyond = {(row["name"], row["stratum"]): row["beyond"] for row in found["scores"]}
    assert {key for key, value in beyond.items() if value} == {("dwp_spearman", "all")}
    assert beyond["dwp_spearman", "all"] == {"twin": "worse"}
    assert [run["label"] for run in found["runs"]] == [spine.name, "twin"]
    assert [run["epsilon"] for run in found["runs"]] == ["inf", "inf"]
    risk = found["runs"][0]["risks"][0]
    assert (risk["attack"], risk["threshold"], risk["verdict"]) == ("membership_neighbours", 0.99, "PASS")
    measured = {(s.name, s.stratum): s.value for s in Evaluation.read(spine / "evaluation").scores}
    shown = {(row["name"], row["stratum"]): row["values"][spine.name]["value"] for row in found["scores"]}
    assert shown == pytest.approx(measured)


def test_a_terminal_gets_the_differences_and_the_page_has_no_path(
    spine: Path, twin: Path, tmp_path: Path, cli: Cli
) -> None:
    page = tmp_path / "pages" / "c.html"
    code, out, err = cli("compare", spine, twin / "evaluation", "--out", page)
    assert code == 0
    assert "twin worse" in out
    assert "do not touch" in out
    assert f"page: {page}" in out
    assert "NOT made" not in err
    html = page.read_text()
    assert str(tmp_path) not in html
    assert str(spine.parent) not in html
    assert "membership_kernel" not in html  # words, not names
    assert "<svg" not in html  # one epsilon is no frontier


def test_another_cohort_is_warned_of_loudly(spine: Path, twin: Path, cli: Cli) -> None:
    manifest = twin / "evaluation" / "manifest.json"
    document = json.loads(manifest.read_text())
    document["made_from"]["cohort"] = "0" * 64
    manifest.write_text(json.dumps(document))
    code, out, err = cli("compare", spine, twin)
    assert code == 0
    assert err.startswith("WARNING: These releases were NOT made from the same cohort")
    assert out.rstrip().splitlines()[-1].startswith("WARNING:")
    assert "twin worse" not in out
    found = json.loads(cli("compare", spine, twin, "--json")[1])
    assert found["same_cohort"] is False
    assert any("NOT made from the same cohort" in warning for warning in found["warnings"])
    assert not any(row["beyond"] for row in found["scores"])


def test_a_run_that_was_not_evaluated_is_compared_by_what_it_was_asked_for(spine: Path, other: Path, cli: Cli) -> None:
    found = json.loads(cli("compare", spine, other / "run", "--json")[1])
    said = {row["what"]: row["values"] for row in found["differences"]}
    assert said["run: model"] == {spine.name: "medgan", "other": "copula"}
    assert said["run: options.epochs"] == {spine.name: "2", "other": "not said"}
    assert not any(what.startswith(("evaluation", "bundle", "cohort")) for what in said)
    assert found["same_cohort"] is True
    assert found["runs"][1]["verdict"] is None
    assert any("Not evaluated: other" in warning for warning in found["warnings"])
    assert cli("compare", other, spine)[0] == 0


def test_what_stands_beside_and_was_made_of_other_bytes_is_left_out(spine: Path, twin: Path) -> None:
    assert set(landings_of(spine)) == {"events", "cohort", "run", "synthetic", "evaluation", "bundle"}
    manifest = twin / "synthetic" / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    assert set(landings_of(twin)) == {"events", "cohort", "evaluation", "bundle"}


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        (["spine"], BadRequest, "two folders"),
        (["spine", "spine"], BadRequest, "named twice"),
        (["spine", "spine/cohort"], IncompleteLanding, "kind cohort"),
        (["spine", "absent"], IncompleteLanding, "does not exist. synthehr evaluate makes"),
        (["spine", "."], IncompleteLanding, "holds neither"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    names: list[str], error: type[Exception], words: str, spine: Path, tmp_path: Path
) -> None:
    folders = [spine / name.removeprefix("spine").lstrip("/") if "spine" in name else tmp_path / name for name in names]
    with pytest.raises(error, match=words):
        compare(folders)


def test_the_page_is_a_html_file(spine: Path, other: Path, tmp_path: Path) -> None:
    for out in (tmp_path / "c.txt", tmp_path):
        with pytest.raises(BadRequest, match="HTML file"):
            compare([spine, other], out=out)


def test_labels_are_the_shortest_names_that_differ(tmp_path: Path) -> None:
    one, two = tmp_path / "a" / "out", tmp_path / "b" / "out"
    for folder in (one, two, one / "run"):
        folder.mkdir(parents=True)
    (one / "run" / "manifest.json").write_text("{}")
    assert labels_of([one, tmp_path / "a"]) == ["out", "a"]
    assert labels_of([one, two]) == ["a/out", "b/out"]
    assert labels_of([one / "run", two]) == ["out/run", "b/out"]
