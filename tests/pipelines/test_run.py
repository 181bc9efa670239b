import logging
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.recipe import load_recipe
from pipelines.run import run, training_patients, unless_current
from synthehr.cohort.cohort import read_cohort
from synthehr.landing import land, source_hash

LANDINGS = ("events", "cohort", "run", "synthetic", "evaluation", "bundle")


def test_a_run_leaves_six_landings_and_nothing_else(spine: Path) -> None:
    assert {entry.name for entry in spine.iterdir()} == set(LANDINGS)


def test_a_second_run_skips_all_that_is_complete_and_unchanged(
    spine: Path, extract: Path, recipe_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = {name: source_hash(spine / name) for name in LANDINGS}
    with caplog.at_level(logging.INFO, "synthehr"):
        run(load_recipe(recipe_file), extract, spine)
    assert caplog.messages == [f"{name}: complete and unchanged, skipped" for name in LANDINGS]
    assert {name: source_hash(spine / name) for name in LANDINGS} == before


def test_what_is_altered_is_made_again_to_the_same_bytes(
    spine: Path, extract: Path, recipe_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(spine, tmp_path / "out")
    shard = tmp_path / "out" / "synthetic" / "data" / "synthetic-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-1])
    with caplog.at_level(logging.INFO, "synthehr"):
        run(load_recipe(recipe_file), extract, tmp_path / "out")
    assert "synthetic: complete" not in caplog.text
    assert "evaluation: complete" in caplog.text  # the same bytes again, so what was made from them stands
    assert source_hash(tmp_path / "out" / "synthetic") == source_hash(spine / "synthetic")


def test_another_request_or_input_is_not_skipped(tmp_path: Path) -> None:
    asked = {"kind": "run", "config": {"seed": 1}, "made_from": {"cohort": "abc"}}
    with land(tmp_path / "run", **asked):
        pass
    ran: list[str] = []
    for name, change in [("same", {}), ("seed", {"config": {"seed": 2}}), ("input", {"made_from": {"cohort": "d"}})]:
        unless_current(tmp_path / "run", asked | change, lambda name=name: ran.append(name) or {})
    unless_current(tmp_path / "absent", asked, lambda: ran.append("absent") or {})
    assert ran == ["seed", "input", "absent"]


def test_a_changed_extract_is_read_again(
    spine: Path, extract: Path, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(spine / "events", tmp_path / "out" / "events")
    rows = pq.read_table(extract / "events.parquet")
    (tmp_path / "extract").mkdir()
    pq.write_table(rows.slice(0, len(rows) - 1), tmp_path / "extract" / "events.parquet")
    monkeypatch.setattr("pipelines.run.from_events", lambda *_, **__: {})
    run(load_recipe(recipe_file), extract, tmp_path / "out")
    assert source_hash(tmp_path / "out" / "events") == source_hash(spine / "events")
    run(load_recipe(recipe_file), tmp_path / "extract", tmp_path / "out")
    assert source_hash(tmp_path / "out" / "events") != source_hash(spine / "events")


def test_training_patients_are_counted(spine: Path) -> None:
    patients = training_patients(spine / "cohort")
    assert patients == len(read_cohort(spine / "cohort").part("train"))
    assert abs(patients - 0.65 * 1_500) < 5 * (0.65 * 0.35 * 1_500) ** 0.5  # binomial
