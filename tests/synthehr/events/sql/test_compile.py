from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from synthehr.events.explain import explain
from synthehr.events.ingest import ingest_events

Extract = Callable[..., Path]


@pytest.mark.parametrize("source", ["mimic", "diabetes"])
def test_the_sql_that_is_shown_is_the_sql_that_is_run(
    mimic: Extract, diabetes: Extract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    folder = mimic() if source == "mimic" else diabetes({"diag_1": "8", "insulin": "Up"}, {"diag_2": "V45"})
    ingest_events(folder, tmp_path / "events")
    monkeypatch.chdir(folder)  # the script names files as they stand in the extract
    with duckdb.connect() as connection:
        connection.execute(explain(folder))
        made = connection.execute("SELECT DISTINCT subject_id, time, code, visit_id FROM _made").fetchall()
    rows = pq.read_table(tmp_path / "events" / "data").to_pylist()
    assert set(made) == {(r["subject_id"], r["time"], r["code"], r["visit_id"]) for r in rows}


def test_parts_that_need_an_absent_table_are_left_out(mimic: Extract) -> None:
    assert "prescriptions" not in explain(mimic(PRESCRIPTIONS=None))


def test_quotes_in_names_stay_names(tmp_path: Path) -> None:
    name = 'it\'s "quoted".csv'
    (tmp_path / name).write_text('subject_id,time,code,"a ""b"" \'c\'"\n1,2020-01-01,A/1,x\n')
    assert ingest_events(tmp_path / name, tmp_path / "events").events == 1
