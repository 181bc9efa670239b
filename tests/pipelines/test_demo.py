import json
from pathlib import Path

import pytest

from pipelines import demo as story
from pipelines.cli import app
from pipelines.recipe import load_recipe
from synthehr.landing import check_landing


def test_the_demo_tells_the_whole_story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(story, "SIMULATED_PATIENTS", 800)
    recipe = load_recipe("demo")
    few = {"options": {**recipe.train.options, "pool": 2_000}}  # so many are drawn for each round of calibration
    quick = recipe.model_copy(update={"train": recipe.train.model_copy(update=few)})
    monkeypatch.setattr(story, "load_recipe", lambda name: quick)
    with pytest.raises(SystemExit) as end:
        app(["demo", "--out", str(tmp_path / "demo"), "--minutes", "0.01"])
    assert end.value.code == 0
    for name, kind in [("events", "events"), ("cohort", "cohort"), ("run", "run"), ("synthetic", "synthetic")]:
        check_landing(tmp_path / "demo" / name, kind)
    printed = capsys.readouterr().out
    for word in ("transformer", "copula", "independent", "holdout", "verdict:", "report.html", "bundle"):
        assert word in printed
    document = json.loads((tmp_path / "demo" / "bundle" / "public" / "decision.json").read_text())
    assert document["policy"] == "internal_test"


def test_a_training_budget_replaces_the_epochs() -> None:
    recipe = load_recipe("diabetes130")
    assert story.with_minutes(recipe, None) == recipe
    options = story.with_minutes(recipe, 3.0).train.options
    assert options["minutes"] == 3.0
    assert "epochs" not in options
