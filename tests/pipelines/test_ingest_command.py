"""`synthehr ingest` as a steward meets it: what it says of an extract, and of one that it cannot read."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A long table of 200 patients, of whom one has a code that none is."""
    rows = [f"{who},2020-01-{who % 28 + 1:02d},ICD9CM/{who % 40 + 1:03d},{who}" for who in range(200)]
    (tmp_path / "x.csv").write_text("subject_id,time,code,visit_id\n" + "\n".join(rows) + "\n7,2020-01-01,250,7\n")
    return tmp_path / "x.csv"


def test_it_says_what_it_took_the_extract_for_and_what_it_set_aside(cli: Cli, table: Path, tmp_path: Path) -> None:
    code, out, err = cli("ingest", table, "--out", tmp_path / "out")
    assert code == 0
    assert "Recognised as long_table: x.csv with the columns of long_table" in err
    assert "200 patients, 200 events, 2020-01-01 to 2020-01-28; 1 rows had a part rejected" in out
    assert ["events", "201", "code", "malformed", "1"] in [line.split() for line in out.splitlines()]


def test_a_job_of_an_array_says_what_is_left_and_succeeds(cli: Cli, table: Path, tmp_path: Path) -> None:
    said = [cli("ingest", table, "--out", tmp_path / "out", "--shard", f"{i}/2", "--json") for i in (1, 2, 1, 2)]
    assert [code for code, _, _ in said] == [0, 0, 0, 0]
    assert all("unfinished" in json.loads(out) for _, out, _ in said)
    assert not (tmp_path / "out" / "events").exists()
    code, out, _ = cli("ingest", table, "--out", tmp_path / "out", "--json")
    assert (code, json.loads(out)["events"]["patients"]) == (0, 200)


def test_complete_events_stand_when_only_the_cohort_changes(cli: Cli, table: Path, tmp_path: Path) -> None:
    cli("ingest", table, "--out", tmp_path / "out")
    written = (tmp_path / "out" / "events" / "manifest.json").stat().st_mtime_ns
    (tmp_path / "r.toml").write_text('name = "r"\n[cohort]\nrollup = "chapter"\n')
    code, out, _ = cli("ingest", table, "--out", tmp_path / "out", "--recipe", tmp_path / "r.toml", "--json")
    assert (code, (tmp_path / "out" / "events" / "manifest.json").stat().st_mtime_ns) == (0, written)
    assert json.loads(out)["cohort"]["rollup"]["rolled_up"]["codes"] == 40


def test_a_drifted_source_is_refused_with_a_diff(cli: Cli, table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text().replace("subject_id,time,code", "subject_id,tyme,code", 1))
    code, _, err = cli("ingest", table, "--out", tmp_path / "out", "--format", "long_table")
    assert code == 3
    assert "- time   (is it tyme?)" in err
    assert "+ tyme" in err
    assert not (tmp_path / "out" / "events").exists()


def test_the_sql_is_printed_and_nothing_is_done(cli: Cli, table: Path, tmp_path: Path) -> None:
    code, out, _ = cli("ingest", table, "--explain")
    assert code == 0
    assert "INSERT INTO _made" in out
    assert list(tmp_path.iterdir()) == [table]
