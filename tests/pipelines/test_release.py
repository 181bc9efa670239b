import json
import logging
import shutil
from pathlib import Path

import duckdb
import pytest

from pipelines.release import release, source_name
from pipelines.run import training_patients
from privacy.ledger import Ledger
from privacy.policy import GateRefused
from synthehr.errors import IncompleteLanding
from synthehr.landing import altered, source_hash

IMPOSSIBLE = """
name = "impossible"
purpose = "A gate that nothing passes"
inconclusive = "refuse"

[[gates]]
attack = "membership_neighbours"
metric = "auc"
threshold = 0.001
provenance = "house default"
why = "A test."
"""


@pytest.fixture
def impossible(tmp_path: Path) -> str:
    (tmp_path / "impossible.toml").write_text(IMPOSSIBLE)
    return str(tmp_path / "impossible.toml")


def landings(spine: Path) -> tuple[Path, Path, Path]:
    return spine / "cohort", spine / "synthetic", spine / "evaluation"


def test_a_refusal_writes_the_report_for_the_officer_and_no_bundle(
    spine: Path, tmp_path: Path, impossible: str
) -> None:
    with pytest.raises(GateRefused) as refusal:
        release(*landings(spine), tmp_path / "b", name="x", policy=impossible)
    words = str(refusal.value)
    assert "membership_neighbours auc" in words
    assert "threshold 0.001" in words  # which gate, and by how much
    assert " over it" in words
    assert str(tmp_path / "b.refused.html") in words
    assert "</html>" in (tmp_path / "b.refused.html").read_text()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.refused.html", "impossible.toml"]


def test_an_override_releases_and_is_recorded(spine: Path, tmp_path: Path, impossible: str) -> None:
    (tmp_path / "b.refused.html").write_text("of an earlier try")
    result = release(*landings(spine), tmp_path / "b", name="x", policy=impossible, override="board, minute 7")
    assert result["verdict"] == "FAIL"
    assert json.loads((tmp_path / "b" / "decision.json").read_text())["override"] == "board, minute 7"
    assert "board, minute 7" in (tmp_path / "b" / "report.html").read_text()
    assert not (tmp_path / "b.refused.html").exists()


def test_a_refusal_leaves_an_earlier_bundle_and_says_so(spine: Path, tmp_path: Path, impossible: str) -> None:
    policy = str(tmp_path / "lenient.toml")
    Path(policy).write_text(IMPOSSIBLE.replace("0.001", "0.99"))
    release(*landings(spine), tmp_path / "b", name="x", policy=policy)
    before = source_hash(tmp_path / "b")
    with pytest.raises(GateRefused, match="holds an earlier bundle"):
        release(*landings(spine), tmp_path / "b", name="x", policy=impossible)
    assert source_hash(tmp_path / "b") == before


def test_figures_of_another_release_are_refused(spine: Path, tmp_path: Path) -> None:
    shutil.copytree(spine / "evaluation", tmp_path / "evaluation")
    manifest = json.loads((tmp_path / "evaluation" / "manifest.json").read_text())
    manifest["made_from"]["synthetic"] = "0" * 64
    (tmp_path / "evaluation" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(IncompleteLanding, match="measured on another synthetic"):
        release(spine / "cohort", spine / "synthetic", tmp_path / "evaluation", tmp_path / "b", name="x")


def test_figures_that_were_touched_up_are_refused(spine: Path, tmp_path: Path) -> None:
    shutil.copytree(spine / "evaluation", tmp_path / "evaluation")
    risks = json.loads((tmp_path / "evaluation" / "risk.json").read_text())
    risks[0]["high"] = 0.0
    (tmp_path / "evaluation" / "risk.json").write_text(json.dumps(risks))
    with pytest.raises(IncompleteLanding, match=r"risk\.json changed"):
        release(spine / "cohort", spine / "synthetic", tmp_path / "evaluation", tmp_path / "b", name="x")


def test_the_bundle_of_the_spine_is_whole(spine: Path) -> None:
    bundle = spine / "bundle"
    assert altered(bundle) == []
    looks = [entry.query for entry in Ledger.read(bundle / "ledger.json").entries]
    assert "figures of the risk report" in looks[-1]
    assert "vocabulary" in looks[0]
    with duckdb.connect(str(bundle / "cohort.duckdb"), read_only=True) as database:
        n, ids = database.execute("SELECT count(*), count(*) FILTER (synthetic_id < 0) FROM patients").fetchall()[0]
    assert n == ids == training_patients(spine / "cohort")  # as many as there were to learn from


def test_an_unchanged_release_is_skipped_and_a_changed_one_is_not(
    spine: Path, recipe_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = str(recipe_file.parent / "policy.toml")
    for purpose, skipped in [("one", False), ("one", True), ("two", False)]:
        caplog.clear()
        with caplog.at_level(logging.INFO, "synthehr"):
            release(*landings(spine), tmp_path / "b", name="x", purpose=purpose, policy=policy)
        assert ("unchanged, skipped" in caplog.text) is skipped
        assert purpose in (tmp_path / "b" / "datasheet.md").read_text()


def test_the_source_is_named_only_if_it_is_the_source(spine: Path, tmp_path: Path) -> None:
    assert source_name(spine / "cohort") == "Long table of events"
    shutil.copytree(spine / "cohort", tmp_path / "cohort")
    assert source_name(tmp_path / "cohort") == "not stated"
