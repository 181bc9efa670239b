"""FHIR R4 by hand, by the specification: references, codings, statuses, medications."""

from pathlib import Path

import pytest

from tests.synthehr.events.mappings.counted import number, set_aside
from tests.synthehr.events.mappings.handmade_fhir import (
    ICD10,
    RXNORM,
    SNOMED,
    SUBJECT,
    UUID,
    Resource,
    codes,
    concept,
    export,
    ingested,
    verification,
)


@pytest.mark.parametrize(
    ("reference", "who"),
    [
        ("Patient/p1", "p1"),
        ("https://ehr.example.org/fhir/r4/Patient/p1", "p1"),
        ("Patient/p1/_history/3", "p1"),
        ("https://ehr.example.org/fhir/Patient/p1/_history/a.b-3", "p1"),
        (f"urn:uuid:{UUID}", UUID),
        ("urn:oid:1.2.3.4", "1.2.3.4"),
    ],
)
def test_every_legal_form_of_a_reference(tmp_path: Path, reference: str, who: str) -> None:
    stay = {"id": "e1", "subject": {"reference": reference}, "period": {"start": "2010-06-15T00:00:00Z"}}
    found = {"subject": {"reference": reference, "display": "x"}, "code": concept(SNOMED, "22298006")}
    visit = {"encounter": {"reference": "https://ehr.example.org/Encounter/e1/_history/2"}}
    events, _ = ingested(tmp_path, export(tmp_path / "x", Encounter=[stay], Condition=[found | visit]))
    got = events[events["code"] == "SNOMED/22298006"]
    assert got[["subject_id", "visit_id"]].values.tolist() == [[number(who), number("e1")]]
    assert not set_aside(tmp_path / "events")


@pytest.mark.parametrize(
    "reference",
    [
        {"identifier": {"system": "urn:mrn", "value": "SECRET-17"}},
        {"reference": "Group/p1"},
        {"reference": "RelatedPatient/p1"},
        {"reference": "Patient?identifier=urn:mrn|SECRET-17"},
        {"reference": "#p1"},
        {"reference": "Patient/p1/name"},
        {"display": "SECRET-17"},
    ],
    ids=str,
)
def test_what_names_no_patient_is_rejected(tmp_path: Path, reference: Resource) -> None:
    wrong = {"subject": reference, "code": concept(SNOMED, "22298006")}
    events, _ = ingested(tmp_path, export(tmp_path / "x", Condition=[wrong]))
    assert codes(events) == []
    assert list(set_aside(tmp_path / "events")) == [("Condition.ndjson", "1", "patient_id, id", "key missing")]
    assert b"SECRET-17" not in b"".join(f.read_bytes() for f in (tmp_path / "events").rglob("*") if f.is_file())


def test_a_patient_whom_the_export_does_not_have_is_an_orphan(tmp_path: Path) -> None:
    wrong = {"subject": {"reference": "Patient/p9"}, "code": concept(SNOMED, "22298006")}
    events, _ = ingested(tmp_path, export(tmp_path / "x", Condition=[wrong]))
    assert codes(events) == []
    assert [reason for *_, reason in set_aside(tmp_path / "events")] == ["no row of patient"]


@pytest.mark.parametrize(
    ("codings", "code"),
    [
        ([(SNOMED, "44054006"), (ICD10, "e119")], "ICD10CM/E11.9"),
        ([("urn:oid:2.16.840.1.113883.6.90", "E11.9"), (SNOMED, "44054006")], "ICD10CM/E11.9"),
        ([(ICD10, "I10"), (ICD10, "E11.9")], "ICD10CM/E11.9"),  # the smaller: their order says nothing
        ([("http://hl7.org/fhir/sid/icd-9-cm", "25000"), (SNOMED, "44054006")], "ICD9CM/250.00"),
        ([("urn:site:codes", "D/7"), (SNOMED, "44054006")], "SNOMED/44054006"),
        ([("urn:site:codes", "D/7")], "LOCAL/D/7"),
        ([(None, "D7")], "LOCAL/D7"),
        ([(SNOMED, " "), ("urn:site:codes", "D7")], "LOCAL/D7"),
    ],
)
def test_of_several_codings_one_by_preference(tmp_path: Path, codings: list[tuple[str | None, str]], code: str) -> None:
    both = [part for system, value in codings for part in concept(system, value)["coding"]]
    events, report = ingested(tmp_path, export(tmp_path / "x", Condition=[SUBJECT | {"code": {"coding": both}}]))
    assert codes(events) == [code]
    unmapped = next(each for each in report.unmapped if each.name == "condition")
    assert (unmapped.events, unmapped.unmapped) == (201, int(code.startswith("LOCAL/")))


def test_what_did_not_happen_is_left_out_and_counted_by_reason(tmp_path: Path) -> None:
    code = {"code": concept(SNOMED, "22298006")}
    drug = {"medicationCodeableConcept": concept(RXNORM, "314076")}
    vaccine = {"patient": {"reference": "Patient/p1"}, "vaccineCode": concept("http://hl7.org/fhir/sid/cvx", "8")}
    allergy = {"patient": {"reference": "Patient/p1"}, "code": concept(RXNORM, "1191")}
    conditions = [
        code | verification("entered-in-error"),
        code | verification("unconfirmed", "refuted"),
        {"code": {"text": "a sore throat"}},
        {},
        code | {"resourceType": "Procedure"},
    ]
    orders = [
        *[drug | {"status": status} for status in ("entered-in-error", "cancelled", "draft", "stopped", "active")],
        drug | {"doNotPerform": True},
        drug | {"intent": "proposal"},
        {"medicationCodeableConcept": {"text": "some pills"}},
    ]
    results = [
        *[code | {"status": status} for status in ("entered-in-error", "cancelled", "final")],
        code | {"dataAbsentReason": concept(None, "not-performed")},
    ]
    source = export(
        tmp_path / "x",
        Condition=[SUBJECT | found for found in conditions],
        Procedure=[SUBJECT | code | {"status": status} for status in ("not-done", "preparation", "in-progress")],
        MedicationRequest=[SUBJECT | found for found in orders],
        Immunization=[vaccine | {"status": status} for status in ("not-done", "entered-in-error", "completed")],
        Observation=[SUBJECT | found for found in results],
        AllergyIntolerance=[allergy | verification("refuted"), allergy],
    )
    events, report = ingested(tmp_path, source)
    assert {each.name: each.left_out for each in report.tables if each.left_out} == {
        "condition": {"entered in error": 1, "no coding": 2, "refuted": 1, "resource of another type": 1},
        "procedure": {"not done": 2},
        "medicationrequest": {"entered in error": 1, "no coding": 1, "not done": 3, "proposal or option": 1},
        "immunization": {"entered in error": 1, "not done": 1},
        "observation": {"cancelled": 1, "entered in error": 1, "value absent": 1},
        "allergyintolerance": {"refuted": 1},
    }
    # an allergy to a drug is none of its prescriptions; the two orders say the same and are one event
    assert codes(events) == ["ALLERGY/RXNORM/1191", "CVX/08", "RXNORM/314076", "SNOMED/22298006"]
    assert report.events_repeated == 199 + 1 + 1
    assert not set_aside(tmp_path / "events")


def test_medications_by_reference_and_contained(tmp_path: Path) -> None:
    within = {"resourceType": "Medication", "id": "m", "code": concept(RXNORM, "197361")}
    orders = [
        {"medicationReference": {"reference": "Medication/m1"}},
        {"medicationReference": {"reference": "https://ehr.example.org/Medication/m2/_history/1"}},
        {
            "medicationReference": {"reference": "#m"},
            "contained": [{"resourceType": "Practitioner", "id": "d"}, within],
        },
        {"medicationReference": {"reference": "Medication/m9"}},
        {"medicationReference": {"reference": "#m"}, "contained": [within | {"code": {"text": "pills"}}]},
    ]
    given = {"Medication": [{"id": "m1", "code": concept(RXNORM, "1")}, {"id": "m2", "code": concept(RXNORM, "2")}]}
    source = export(tmp_path / "x", MedicationRequest=[SUBJECT | order for order in orders], **given)
    events, report = ingested(tmp_path, source)
    assert codes(events) == ["RXNORM/1", "RXNORM/197361", "RXNORM/2"]
    assert [(file, row, reason) for file, row, _, reason in set_aside(tmp_path / "events")] == [
        ("MedicationRequest.ndjson", "4", "code missing")
    ]
    assert next(each.left_out for each in report.tables if each.name == "medicationrequest") == {"no coding": 1}


def test_a_code_of_icd9_is_a_procedure_where_it_stands_in_one(tmp_path: Path) -> None:
    nine = "http://hl7.org/fhir/sid/icd-9-cm"
    found = [SUBJECT | {"code": concept(nine, code)} for code in ("38.93", "3893", "389.3")]
    events, _ = ingested(
        tmp_path, export(tmp_path / "x", Procedure=found, Condition=[SUBJECT | {"code": concept(nine, "38.93")}])
    )
    assert codes(events) == ["ICD9PROC/38.93"]
    assert {(file, row, reason) for file, row, _, reason in set_aside(tmp_path / "events")} == {
        ("Procedure.ndjson", "3", "code malformed"),
        ("Condition.ndjson", "1", "code malformed"),
    }
