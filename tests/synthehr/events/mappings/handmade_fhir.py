"""FHIR resources by hand, and what of them became events."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from synthehr.events.ingest import ingest_events
from synthehr.events.report import IngestReport
from tests.synthehr.events.mappings.counted import edited, events_of, lines

Resource = dict[str, Any]
UUID = "0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
SNOMED, ICD10 = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM, LOINC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://loinc.org"
SUBJECT = {"subject": {"reference": "Patient/p1"}}


def concept(system: str | None, *codes: str) -> Resource:
    return {"coding": [{"code": code} | ({"system": system} if system else {}) for code in codes]}


def verification(*codes: str) -> Resource:
    return {"verificationStatus": concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", *codes)}


def export(folder: Path, **kinds: Sequence[Resource]) -> Path:
    """A bulk export; resources have ids by their place unless given, and 200 plain conditions let a few be rejected."""
    plain = [SUBJECT | {"code": concept(SNOMED, "38341003")} for _ in range(200)]
    people = [{"id": "p1", "gender": "female", "birthDate": "1950-06-15"}, {"id": UUID}, {"id": "1.2.3.4"}]
    given = {"Patient": people} | kinds
    given["Condition"] = [*given.get("Condition", []), *plain]
    for kind, resources in given.items():
        rows = [json.dumps({"resourceType": kind, "id": f"{kind}-{k}"} | found) for k, found in enumerate(resources)]
        lines(folder / f"{kind}.ndjson", rows)
    return folder


def ingested(tmp_path: Path, source: Path) -> tuple[pd.DataFrame, IngestReport]:
    """Events less those of the plain conditions, however many may be rejected."""
    mapping = edited(tmp_path, "fhir_r4", "rejected_share = 0.01", "rejected_share = 1")
    report = ingest_events(source, tmp_path / "events", mapping=mapping)
    found = events_of(tmp_path / "events")
    return found[found["code"] != "SNOMED/38341003"], report


def codes(found: pd.DataFrame) -> list[str]:
    return sorted(found.loc[~found["code"].str.match("SEX/|AGE/|RACE/"), "code"])
