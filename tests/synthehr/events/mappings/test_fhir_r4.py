"""FHIR R4: a real bulk export counted with json and pandas. Its finer points stand in `test_fhir_rules.py`."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import (
    assert_same,
    band,
    differences,
    events_of,
    frame,
    keyed,
    number,
    read_wrongly,
    set_aside,
    years_between,
)

SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "http://hl7.org/fhir/sid/cvx": "CVX",
}
RACES = {"White": "white", "Black or African American": "black", "Asian": "asian", "Other": "other"}
TIMES = {
    "Condition": "onsetDateTime",
    "Procedure": "performedPeriod",
    "MedicationRequest": "authoredOn",
    "Immunization": "occurrenceDateTime",
    "AllergyIntolerance": "recordedDate",
}


def read(folder: Path, kind: str) -> list[dict[str, Any]]:
    with gzip.open(folder / f"{kind}.000.ndjson.gz", "rt") as stream:
        return [json.loads(line) for line in stream if line.strip()]


def named(reference: dict[str, str] | None) -> int | None:
    return number(reference["reference"].split("/")[-1]) if reference else None


def utc(text: str) -> pd.Timestamp:
    """The hour in UTC, without saying so."""
    return pd.Timestamp(text).tz_convert("UTC").tz_localize(None)


def said(patient: dict[str, Any], extension: str) -> str:
    """What the extension for race or ethnicity says in words; all of this export have both."""
    inner = next(e["extension"] for e in patient["extension"] if e["url"].endswith(extension))
    return next(str(e["valueString"]) for e in inner if e["url"] == "text")


def facts(folder: Path) -> pd.DataFrame:
    """Sex, race, age at each encounter, and death."""
    rows: list[tuple[int, pd.Timestamp | None, str, int | None]] = []
    patients = {number(p["id"]): p for p in read(folder, "Patient")}
    for who, patient in patients.items():
        hispanic = said(patient, "us-core-ethnicity") == "Hispanic or Latino"
        race = "hispanic" if hispanic else RACES[said(patient, "us-core-race")]
        rows += [(who, None, f"SEX/{patient['gender']}", None), (who, None, f"RACE/{race}", None)]
        if "deceasedDateTime" in patient:
            rows.append((who, utc(patient["deceasedDateTime"]), "OUTCOME/died", None))
    stays = read(folder, "Encounter")
    who = pd.Series([named(stay["subject"]) for stay in stays])
    came = pd.Series([utc(stay["period"]["start"]) for stay in stays])
    born = pd.to_datetime(who.map({k: p["birthDate"] for k, p in patients.items()}))
    ages = "AGE/" + years_between(born, came).map(band)
    visits = [number(stay["id"]) for stay in stays]
    return pd.concat(
        [
            frame(**dict(zip(["subject_id", "time", "code", "visit_id"], zip(*rows, strict=True), strict=True))),
            frame(subject_id=who, time=came, code=ages, visit_id=visits),
        ]
    )


def clinical(folder: Path) -> pd.DataFrame:
    """Every coded resource; each has one coding in this export."""
    rows = []
    for kind, when in TIMES.items():
        for found in read(folder, kind):
            concept = found.get("code") or found.get("medicationCodeableConcept") or found["vaccineCode"]
            (coding,) = concept["coding"]
            time = found[when]["start"] if isinstance(found[when], dict) else found[when]
            prefix = "ALLERGY/" if kind == "AllergyIntolerance" else ""
            code = f"{prefix}{SYSTEMS[coding['system']]}/{coding['code']}"
            who = named(found.get("subject") or found["patient"])
            rows.append((who, utc(time), code, named(found.get("encounter"))))
    return frame(**dict(zip(["subject_id", "time", "code", "visit_id"], zip(*rows, strict=True), strict=True)))


def expected(folder: Path) -> pd.DataFrame:
    return pd.concat([facts(folder), clinical(folder)]).drop_duplicates()


def test_the_export_has_the_events_that_pandas_counts(shared: Path, tmp_path: Path) -> None:
    folder = shared / "synthea_fhir_bulk"
    report = ingest_events(folder, tmp_path / "events")
    found, counted = events_of(tmp_path / "events"), expected(folder)
    assert_same(found, counted)
    assert (report.mapping, report.patients, report.events) == ("fhir_r4", 13, len(counted))  # shared/data/README.md
    assert {each.name: each.rows for each in report.tables}["encounter"] == len(read(folder, "Encounter"))
    assert not set_aside(tmp_path / "events")
    assert not any(each.left_out for each in report.tables)
    assert all(each.unmapped == 0 for each in report.unmapped)
    words = pd.read_parquet(tmp_path / "events" / "metadata" / "codes.parquet").set_index("code")["description"]
    assert words["SNOMED/91302008"] == "Sepsis (disorder)"  # first line of Condition.000.ndjson.gz


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("status IN ('not-done', 'preparation')", "status IN ('completed')"),
        ("json_extract_string(performedPeriod, '$.start')", "json_extract_string(performedPeriod, '$.end')"),
        ('subject = "patient_id"\nvisit = "encounter_id"', 'subject = "patient_id"'),
        ("status IN ('cancelled', 'draft')", "status IN ('cancelled', 'draft', 'stopped')"),
        ("fhir_time(birthDate)", "'1950-01-01'"),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(shared: Path, tmp_path: Path, old: str, new: str) -> None:
    found = read_wrongly(shared / "synthea_fhir_bulk", tmp_path, "fhir_r4", old, new)
    assert differences(found, keyed(expected(shared / "synthea_fhir_bulk")))
