"""FHIR R4 by hand: times in part, what patients say of themselves, values, lines that are no resource, many files."""

import gzip
import json
from pathlib import Path

import pytest

from synthehr.errors import BadData
from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import keyed, lines, number, set_aside
from tests.synthehr.events.mappings.handmade_fhir import (
    LOINC,
    SNOMED,
    SUBJECT,
    Resource,
    codes,
    concept,
    export,
    ingested,
)


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ("2010", "2010-01-01T00:00:00.000000"),
        ("2010-06", "2010-06-01T00:00:00.000000"),
        ("2010-06-15", "2010-06-15T00:00:00.000000"),
        ("2010-06-15T23:30:00-05:00", "2010-06-16T04:30:00.000000"),
        ("2010-06-15T23:30:00.125+14:00", "2010-06-15T09:30:00.125000"),
        ("2010-06-15T23:30:00Z", "2010-06-15T23:30:00.000000"),
    ],
)
def test_partial_times_and_offsets(tmp_path: Path, said: str, time: str) -> None:
    found = SUBJECT | {"code": concept(SNOMED, "22298006"), "onsetDateTime": said}
    events, _ = ingested(tmp_path, export(tmp_path / "x", Condition=[found]))
    assert (number("p1"), time, "SNOMED/22298006", None) in keyed(events)


def race(*omb: str, ethnicity: str = "2186-5") -> Resource:
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
    told = [
        {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": c}} for c in omb
    ]
    of = [{"url": "ombCategory", "valueCoding": {"code": ethnicity}}]
    return {"extension": [{"url": f"{url}race", "extension": told}, {"url": f"{url}ethnicity", "extension": of}]}


def test_what_a_patient_says_of_themselves(tmp_path: Path) -> None:
    people = [
        {"id": "p1", "gender": "female", "deceasedDateTime": "2015-02"} | race("2106-3"),
        {"id": "p2", "gender": "male", "deceasedBoolean": True} | race("2054-5", ethnicity="2135-2"),
        {"id": "p3", "gender": "unknown", "deceasedBoolean": False} | race("2028-9", "2106-3"),
        {"id": "p4", "gender": "other"} | race("2076-8"),
        {"id": "p5", "gender": "F"},
    ]
    stays = [SUBJECT | {"id": "e1", "period": {"start": "2010-06-14"}}]
    people[0]["birthDate"] = "1920-06-15"
    events, _ = ingested(tmp_path, export(tmp_path / "x", Patient=people, Encounter=stays))
    one, two, three, four = (number(f"p{k}") for k in range(1, 5))
    assert keyed(events) == {
        (one, None, "SEX/female", None): 1,
        (one, None, "RACE/white", None): 1,
        (one, "2015-02-01T00:00:00.000000", "OUTCOME/died", None): 1,
        (one, "2010-06-14T00:00:00.000000", "AGE/80-90", number("e1")): 1,  # a day before the ninetieth birthday
        (two, None, "SEX/male", None): 1,
        (two, None, "RACE/hispanic", None): 1,
        (two, None, "OUTCOME/died", None): 1,
        (three, None, "RACE/other", None): 1,  # of two
        (four, None, "SEX/other", None): 1,
        (four, None, "RACE/pacific_islander", None): 1,
    }
    assert list(set_aside(tmp_path / "events")) == [("Patient.ndjson", "5", "SEX", "code malformed")]


def test_values_are_read_as_what_they_say(tmp_path: Path) -> None:
    results = [
        {"code": concept(LOINC, "2345-7"), "valueQuantity": {"value": 98.5, "unit": "mg/dL"}},
        {"code": concept(LOINC, "2340-8"), "valueQuantity": {"value": 5, "comparator": "<"}},
        {"code": concept(LOINC, "72166-2"), "valueString": "never"},
    ]
    events, _ = ingested(tmp_path, export(tmp_path / "x", Observation=[SUBJECT | found for found in results]))
    found = events.set_index("code")
    assert found.loc["LOINC/2345-7", "numeric_value"] == 98.5
    assert (found.loc["LOINC/2340-8", "text_value"], found.loc["LOINC/72166-2", "text_value"]) == ("<5", "never")


def test_lines_that_are_no_resource_are_rejected_with_their_row(tmp_path: Path) -> None:
    source = export(tmp_path / "x")
    rows = (source / "Condition.ndjson").read_text().splitlines()
    bad = ['{"resourceType": "Condition", "id": "SECRET-17"', "", "[1, 2]", '"SECRET-17"']
    words = {"resourceType": "Condition", "id": "u", "code": concept(SNOMED, "22298006") | {"text": 'a\u2028b, "c"\td'}}
    lines(source / "Condition.ndjson", [json.dumps(words | SUBJECT, ensure_ascii=False), *bad, *rows])
    events, report = ingested(tmp_path, source)
    assert codes(events) == ["SNOMED/22298006"]
    places = {(row, reason) for _, row, _, reason in set_aside(tmp_path / "events")}
    assert places == {(row, "line is no JSON object") for row in ("2", "4", "5")}
    assert next(each.rows for each in report.tables if each.name == "condition") == 1 + 3 + 200
    assert b"SECRET-17" not in b"".join(f.read_bytes() for f in (tmp_path / "events").rglob("*") if f.is_file())
    lines(source / "Condition.ndjson", [bad[0], *rows])
    with pytest.raises(BadData, match=r"Condition\.ndjson, row 1 is no JSON") as caught:
        ingest_events(source, tmp_path / "again", mapping="fhir_r4")
    assert "SECRET-17" not in str(caught.value)


@pytest.mark.parametrize(
    "names", [("{}.000.ndjson.gz", "{}.001.ndjson.gz"), ("1.{}.ndjson", "2.{}.ndjson"), ("{}-1.ndjson", "{}_2.ndjson")]
)
def test_several_files_of_one_type_and_a_resource_that_stands_in_two(tmp_path: Path, names: tuple[str, str]) -> None:
    source = export(tmp_path / "x", Condition=[SUBJECT | {"code": concept(SNOMED, "22298006")}])
    for path in list(source.iterdir()):
        rows = path.read_text().splitlines(keepends=True)
        for name, part in zip(names, (rows[:2], rows[1:]), strict=True):
            target = source / name.format(path.stem)
            target.write_bytes(
                gzip.compress("".join(part).encode()) if target.suffix == ".gz" else "".join(part).encode()
            )
        path.unlink()
    events, report = ingested(tmp_path, source)
    assert codes(events) == ["SNOMED/22298006"]
    tables = {each.name: (each.rows, each.repeated, each.rejected) for each in report.tables}
    assert tables == {"patient": (4, 1, 0), "condition": (202, 1, 0)}
