"""OMOP by hand: delimiters, headers or the order of each CDM, Parquet, concept 0, no table of concepts."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.errors import BadData
from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import differences, edited, events_of, keyed, lines, set_aside
from tests.synthehr.events.mappings.handmade_omop import EVENTS, ROWS, extract, orders, rows_of


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"version": "5.3"},
        {"mark": "\t"},
        {"mark": "\t", "upper": True},
        {"upper": True},
        {"header": False},
        {"header": False, "mark": "\t"},
        {"header": False, "version": "5.3"},
        {"header": False, "version": "5.3.1"},
        {"header": False, "version": "5.3", "mark": "\t"},
    ],
    ids=str,
)
def test_one_extract_in_all_its_forms(tmp_path: Path, form: dict[str, Any]) -> None:
    report = ingest_events(extract(tmp_path / "cdm", **form), tmp_path / "events")
    found = events_of(tmp_path / "events")
    assert report.mapping == "omop"
    assert keyed(found) == EVENTS
    assert not set_aside(tmp_path / "events")
    values = found[found["code"] == "LOINC/8480-6"]
    assert sorted(values["numeric_value"].dropna()) == [120.5]
    assert list(values["text_value"].dropna()) == ["<5"]  # its operator says less than
    words = pd.read_parquet(tmp_path / "events" / "metadata" / "codes.parquet").set_index("code")["description"]
    assert words["CPT/71020"] == 'X-ray, 2 "views'
    assert words["RXNORM/140587"] == 'celecoxib 5" x'
    assert words["LOINC/8480-6"] == '"Systolic'
    above = pd.read_parquet(tmp_path / "events" / "metadata" / "ancestors.parquet")
    assert above.values.tolist() == [["SNOMED/59621000", "SNOMED/64572001", 4]]


def test_concept_zero_is_counted_as_unmapped_and_left_out_without_a_source_value(tmp_path: Path) -> None:
    report = ingest_events(extract(tmp_path / "cdm"), tmp_path / "events")
    counts = {each.name: (each.events, each.unmapped) for each in report.unmapped}
    assert counts == {
        "condition_occurrence": (3, 1),
        "procedure_occurrence": (1, 0),
        "drug_exposure": (1, 0),
        "measurement": (2, 0),
        "observation": (1, 1),
    }
    assert [each.codes for each in report.unmapped if each.unmapped] == [{}, {}]  # one patient is too few to name one
    left_out = {each.name: each.left_out for each in report.tables if each.left_out}
    assert left_out == {"condition_occurrence": {"concept 0 and no source value": 1}}
    written = json.loads((tmp_path / "events" / "ingest_report.json").read_text())
    assert written["unmapped"][0]["unmapped"] == 1


def test_without_a_table_of_concepts_codes_are_their_numbers(tmp_path: Path) -> None:
    source = extract(tmp_path / "cdm", without="concept concept_ancestor")
    ingest_events(source, tmp_path / "events")
    numbers = {f"OMOP/{n}" for n in (320128, 999, 2211, 1118084, 3004249)} | {"SOURCE/K92.2", "SOURCE/smoker"}
    codes = set(events_of(tmp_path / "events")["code"])
    assert {code for code in codes if code.startswith(("OMOP/", "SOURCE/"))} == numbers
    assert {code for code in codes if code.startswith("RACE/")} == {"RACE/white"}  # 38003579 is below asian: who knows?
    assert not (tmp_path / "events" / "metadata" / "ancestors.parquet").exists()


def as_pandas_writes(table: str) -> pa.Table:
    """Integers as integers, or as floats where one is missing."""
    rows = rows_of(table, "5.4").replace("", None)
    for name in (n for n in rows.columns if n.endswith("_id") and n not in ("domain_id", "vocabulary_id")):
        rows[name] = pd.to_numeric(rows[name], errors="coerce")
    return pa.Table.from_pandas(rows, preserve_index=False)


@pytest.mark.parametrize("folders", [False, True])
def test_parquet_with_integers_that_pandas_wrote_as_floats(tmp_path: Path, folders: bool) -> None:
    for name in ROWS:
        rows = as_pandas_writes(name)
        (tmp_path / "cdm" / (name if folders else "")).mkdir(parents=True, exist_ok=True)
        if folders:
            for k in range(len(rows)):
                pq.write_table(rows.slice(k, 1), tmp_path / "cdm" / name / f"part-{k}.parquet")
        else:
            pq.write_table(rows, tmp_path / "cdm" / f"{name}.parquet")
    assert pa.types.is_floating(as_pandas_writes("condition_occurrence").schema.field("visit_occurrence_id").type)
    ingest_events(tmp_path / "cdm", tmp_path / "events")
    assert keyed(events_of(tmp_path / "events")) == EVENTS


def test_integers_that_pandas_wrote_as_floats_in_csv(tmp_path: Path) -> None:
    source = extract(tmp_path / "cdm")
    for name in ("condition_occurrence", "procedure_occurrence", "person"):
        rows = rows_of(name, "5.4")
        floats = ["visit_occurrence_id", "race_concept_id", "month_of_birth", "condition_concept_id"]
        for column in (c for c in floats if c in rows.columns):
            rows[column] = rows[column].map(lambda text: f"{text}.0" if text else "")
        rows.to_csv(source / f"{name}.csv", index=False)
    ingest_events(source, tmp_path / "events")
    assert keyed(events_of(tmp_path / "events")) == EVENTS


def conditions(folder: Path, version: str, **plain: object) -> Path:
    """Conditions without a header in the order of a version, beside people."""
    rows_of("person", version).to_csv(folder / "person.csv", index=False)
    names = orders("condition_occurrence", version)
    given = {"person_id": 1, "condition_start_date": "2010-05-01", "condition_concept_id": 0} | plain
    rows = [given | {"condition_occurrence_id": k, "visit_occurrence_id": 7, "visit_detail_id": 9} for k in range(5)]
    lines(folder / "condition_occurrence.csv", [",".join(str(row.get(n, "")) for n in names) for row in rows])
    return folder


@pytest.mark.parametrize("version", ["5.3.1", "5.3", "5.4"])
def test_the_two_orders_that_conditions_had_are_told_apart_by_their_values(tmp_path: Path, version: str) -> None:
    # v5.3.1 and v5.3.2 of github.com/OHDSI/CommonDataModel have the same 16 columns in different orders
    (tmp_path / "cdm").mkdir()
    ingest_events(conditions(tmp_path / "cdm", version, condition_source_value="K92.2"), tmp_path / "events")
    found = events_of(tmp_path / "events")
    assert set(found.loc[found["visit_id"].notna(), ["visit_id", "code"]].itertuples(index=False, name=None)) == {
        (7, "SOURCE/K92.2")
    }


@pytest.mark.parametrize("version", ["5.3.1", "5.4"])
def test_orders_that_its_values_do_not_tell_apart_are_refused(tmp_path: Path, version: str) -> None:
    (tmp_path / "cdm").mkdir()
    source = conditions(tmp_path / "cdm", version, condition_source_value=195662009)
    with pytest.raises(
        BadData, match=r"5\.3\.0 and 5\.3\.1 and CDM 5\.3\.2 and 5\.4 have as many .* header row"
    ) as caught:
        ingest_events(source, tmp_path / "events", mapping="omop")
    assert "195662009" not in str(caught.value)


def test_what_is_no_concept_is_rejected_with_its_row(tmp_path: Path) -> None:
    source = extract(tmp_path / "cdm")
    good = [f"{k},1,8480,2010-05-01" for k in range(10, 400)]
    head = "condition_occurrence_id,person_id,condition_concept_id,condition_start_date"
    lines(source / "condition_occurrence.csv", [head, *good, "401,1,I10,2010-05-01", "402,3,8480,2010-05-01"])
    lines(source / "visit_occurrence.csv", ["visit_occurrence_id,person_id,visit_start_date", "7,3,2010-05-01"])
    people = [f"{k},8532,1950" for k in range(10, 400)]
    lines(source / "person.csv", ["person_id,gender_concept_id,year_of_birth", "1,8532,1950", *people, "3,F,19x0"])
    ingest_events(
        source, tmp_path / "events", mapping=edited(tmp_path, "omop", "rejected_share = 0.01", "rejected_share = 1")
    )
    assert set(set_aside(tmp_path / "events")) == {
        ("condition_occurrence.csv", "392", "code", "code malformed"),
        ("person.csv", "393", "SEX", "code malformed"),
        ("death.csv", "2", "OUTCOME", "no row of person"),
        ("visit_occurrence.csv", "2", "AGE", "code malformed"),  # of somebody who was born in 19x0
    }


def test_the_control_an_extract_with_one_row_less_is_seen(tmp_path: Path) -> None:
    source = extract(tmp_path / "cdm")
    text = (source / "condition_occurrence.csv").read_text().splitlines()
    lines(source / "condition_occurrence.csv", text[:-1])
    ingest_events(source, tmp_path / "events")
    assert differences(keyed(events_of(tmp_path / "events")), EVENTS)
