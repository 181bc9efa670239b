"""The good path: what the events of each source have to be, worked out by hand."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.events.ingest import identity, ingest_events
from synthehr.events.report import IngestReport
from synthehr.events.schema import CODES, EVENTS
from synthehr.landing import altered, is_current, read_manifest

Extract = Callable[..., Path]


def events(landing: Path) -> list[tuple[object, ...]]:
    """(subject_id, time, code, visit_id) in the order of the file."""
    table = pq.read_table(landing / "data")
    rows = (table.column(name).to_pylist() for name in ("subject_id", "time", "code", "visit_id"))
    return list(zip(*rows, strict=True))


def test_diabetes_rows_become_events_without_a_time(diabetes: Extract, tmp_path: Path) -> None:
    folder = diabetes(
        {"diag_1": "8", "diag_2": "250.83", "diag_3": "V45", "insulin": "Up", "readmitted": "<30", "race": "Asian"},
        {"diag_1": "E888", "diag_2": "?", "metformin-pioglitazone": "Steady", "readmitted": ">30", "gender": "Male"},
        {"patient_nbr": 1, "encounter_id": 7, "gender": "Unknown/Invalid", "age": "[0-10)"},
    )
    report = ingest_events(folder, tmp_path / "events")
    assert events(tmp_path / "events") == [
        (1, None, "AGE/0-10", 7),
        (1, None, "AGE/70-80", 100),
        (1, None, "DRUG/insulin", 100),
        (1, None, "ICD9CM/008", 100),
        (1, None, "ICD9CM/250.83", 100),
        (1, None, "ICD9CM/V45", 100),
        (1, None, "OUTCOME/readmitted_within_30_days", 100),
        (1, None, "RACE/Asian", 100),
        (1, None, "SEX/female", 100),
        (2, None, "AGE/70-80", 101),
        (2, None, "DRUG/metformin-pioglitazone", 101),
        (2, None, "ICD9CM/E888", 101),
        (2, None, "OUTCOME/readmitted_after_30_days", 101),
        (2, None, "SEX/male", 101),
    ]
    assert (report.patients, report.events, report.events_without_time, report.first_day) == (2, 14, 14, None)
    assert (report.tables[0].rows, report.tables[0].rejected) == (3, 0)


@pytest.mark.parametrize("spelling", [{}, {"packed": True}, {"lower": True}])
def test_mimic_rows_become_dated_events(mimic: Extract, tmp_path: Path, spelling: dict[str, bool]) -> None:
    report = ingest_events(mimic(**spelling), tmp_path / "events")
    leave, again = datetime(2150, 6, 20, 12), datetime(2150, 7, 12, 12)
    assert events(tmp_path / "events") == [
        (1, None, "SEX/female", None),
        (1, datetime(2150, 6, 14, 8), "AGE/40-50", 10),  # a day before the fiftieth birthday
        (1, datetime(2150, 6, 14, 8), "RACE/white", 10),
        (1, datetime(2150, 6, 15), "DRUG/insulin human", 10),
        (1, leave, "ICD9CM/250.00", 10),
        (1, leave, "ICD9PROC/36.05", 10),
        (1, leave, "OUTCOME/readmitted_within_30_days", 10),
        (1, datetime(2150, 7, 10, 8), "AGE/50-60", 11),
        (1, datetime(2150, 7, 10, 8), "DRUG/aspirin", 11),  # no start date: its admission's
        (1, datetime(2150, 7, 10, 8), "RACE/white", 11),
        (1, again, "ICD9CM/E849.0", 11),
        (2, None, "SEX/male", None),
        (2, datetime(2130, 1, 2, 8), "AGE/90+", 20),  # moved back by 300 years
        (2, datetime(2130, 1, 3, 12), "ICD9CM/038.0", 20),
        (2, datetime(2130, 1, 3, 12), "ICD9CM/V45.81", 20),
        (2, datetime(2130, 1, 3, 12), "OUTCOME/died_in_hospital", 20),
    ]
    assert (report.first_day, report.last_day) == ("2130-01-02", "2150-07-12")
    codes = pq.read_table(tmp_path / "events" / "metadata" / "codes.parquet").to_pylist()
    by_code = {row["code"]: row for row in codes}
    assert by_code["ICD9CM/250.00"] == {
        "code": "ICD9CM/250.00",
        "description": "Diabetes, type II",
        "parent_codes": ["ICD9CM/250"],
    }
    assert by_code["ICD9CM/250"]["description"] == "Diabetes mellitus"
    assert by_code["ICD9PROC/36.05"]["parent_codes"] == ["ICD9PROC/36"]
    assert by_code["DRUG/aspirin"] == {"code": "DRUG/aspirin", "description": None, "parent_codes": None}


def test_a_long_table_keeps_values_as_numbers_or_text(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "subject_id,time,code,value\n"
        "5,2020-01-02 10:00:00,LAB/glucose,5.25\n"
        "5,2020-01-01,LAB/culture,no growth\n"
        "5,,SEX/female,\n"
        "3,2020-01-03,LAB/glucose,inf\n"
    )
    ingest_events(tmp_path / "x.csv", tmp_path / "events")
    rows = pq.read_table(tmp_path / "events" / "data").to_pylist()
    found = [(row["subject_id"], row["code"], row["numeric_value"], row["text_value"]) for row in rows]
    assert found == [
        (3, "LAB/glucose", None, "inf"),
        (5, "SEX/female", None, None),
        (5, "LAB/culture", None, "no growth"),
        (5, "LAB/glucose", 5.25, None),
    ]


def test_several_parquet_files_are_one_long_table(tmp_path: Path) -> None:
    times = [datetime(2020, 1, 1), None]
    for k in (1, 2):
        columns = {"subject_id": [k, k], "time": times, "code": ["A/1", "SEX/male"], "visit_id": [k, None]}
        (tmp_path / "in").mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), tmp_path / "in" / f"part-{k}.parquet")
    report = ingest_events(tmp_path / "in", tmp_path / "events")
    assert events(tmp_path / "events") == [
        (k, time, code, visit)
        for k in (1, 2)
        for time, code, visit in ((None, "SEX/male", None), (datetime(2020, 1, 1), "A/1", k))
    ]
    assert report.tables[0].files == ("part-1.parquet", "part-2.parquet")


def test_the_landing_is_meds_with_its_account(mimic: Extract, tmp_path: Path) -> None:
    source = mimic()
    report = ingest_events(source, tmp_path / "events")
    landing = tmp_path / "events"
    assert pq.read_schema(landing / "data" / "00000.parquet").equals(EVENTS)
    assert pq.read_schema(landing / "metadata" / "codes.parquet").equals(CODES)
    about = json.loads((landing / "metadata" / "dataset.json").read_text())
    assert (about["meds_version"], about["etl_name"]) == ("0.4.1", "synthehr")
    assert (landing / "rejected" / "rows.csv").read_text() == "file,row,column,reason\n"
    assert IngestReport.read(landing) == report
    assert altered(landing) == []
    assert not (landing / ".work").exists()
    config, made_from = identity(source)
    assert set(made_from) == {f.name for f in source.iterdir()}
    assert is_current(landing, kind="events", config=config, made_from=made_from)
    (source / "PATIENTS.csv").write_text((source / "PATIENTS.csv").read_text() + "3,F,2100-01-01 00:00:00\n")
    assert not is_current(landing, kind="events", config=config, made_from=identity(source)[1])


def test_the_order_of_rows_does_not_change_the_bytes(tmp_path: Path) -> None:
    rows = [f"{k % 7},2020-01-{k % 28 + 1:02d},A/{k % 5},{k}\n" for k in range(500)]
    hashes = []
    for name, order in (("one", rows), ("two", rows[::-1])):
        (tmp_path / f"{name}.csv").write_text("subject_id,time,code,value\n" + "".join(order))
        ingest_events(tmp_path / f"{name}.csv", tmp_path / name)
        files = read_manifest(tmp_path / name).files
        hashes.append({file: digest for file, digest in files.items() if file != "ingest_report.json"})
    assert hashes[0] == hashes[1]


def test_an_own_mapping_reads_another_layout(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("Who;When;What;Dose\n1;31/12/2019;401.9;n/a\n2;01/01/2020;250.0;2,5\n")
    (tmp_path / "mine.toml").write_text(
        """
        name = "mine"
        title = "Mine"
        [[table]]
        name = "visits"
        files = ["visits.csv"]
        delimiter = ";"
        columns = ["who", "when", "what", "dose"]
        missing = ["n/a"]
        subject = "who"
        [[event]]
        table = "visits"
        time = '"when"'
        time_format = "%d/%m/%Y"
        code = "ICD9CM/{what}"
        normalise = "icd9cm_dotted"
        value = "replace(dose, ',', '.')"
        """
    )
    ingest_events(tmp_path, tmp_path / "events", mapping=tmp_path / "mine.toml")
    rows = pq.read_table(tmp_path / "events" / "data").to_pylist()
    assert [(r["subject_id"], r["time"], r["code"], r["numeric_value"]) for r in rows] == [
        (1, datetime(2019, 12, 31), "ICD9CM/401.9", None),
        (2, datetime(2020, 1, 1), "ICD9CM/250.0", 2.5),
    ]


def test_progress_is_absolute_and_names_no_value(mimic: Extract, tmp_path: Path) -> None:
    heard: list[tuple[str, int, int, str]] = []
    ingest_events(mimic(), tmp_path / "events", progress=lambda *a: heard.append((a[0], a[1], a[2], a[4])))
    positions = [done for _, done, _, _ in heard]
    assert positions == sorted(positions)
    assert heard[-1][1:3] == (heard[0][2], heard[0][2])
    assert {task for task, *_ in heard} == {"ingest"}
    assert not any("2150" in note or "25000" in note for *_, note in heard)
