"""eICU: its demo counted by pandas; codes of both revisions in one field, identifiers that are no numbers."""

import re
from pathlib import Path

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
    lines,
    numbers,
    read_wrongly,
    set_aside,
    table,
)

RACES = {
    "Caucasian": "white",
    "African American": "black",
    "Hispanic": "hispanic",
    "Asian": "asian",
    "Native American": "american_indian",
}


def revision(code: str) -> str:
    """The system of a code of the demo: all its V codes stand beside the ICD-10 code that means the same."""
    if re.fullmatch(r"\d\d\.\d", code):
        return "ICD9PROC"
    return "ICD9CM" if code[0] in "0123456789V" or re.match(r"E\d\d\d", code) else "ICD10CM"


def expected(folder: Path) -> pd.DataFrame:
    """The events of the demo, from its files alone; none has a time."""
    stays = table(folder / "patient.csv.gz")
    stays["who"] = numbers(stays["uniquepid"])
    stays["visit"] = stays["patientunitstayid"]
    files = {name: table(folder / f"{name}.csv.gz") for name in ("diagnosis", "medication", "treatment")}
    found = {name: rows.merge(stays, on="patientunitstayid") for name, rows in files.items()}

    given, ordered = found["diagnosis"], found["medication"]
    codes = given.assign(code=given["icd9code"].str.split(", ?")).explode("code")
    codes = codes[codes["code"] != ""]
    codes["code"] = codes["code"].map(revision) + "/" + codes["code"]
    plain = given[given["icd9code"] == ""]
    ordered = ordered[(ordered["drugordercancelled"] != "Yes")]
    named = ordered[(ordered["drughiclseqno"] == "") & (ordered["drugname"] != "")]
    names = named["drugname"].str.lower().str.replace(r"\s+", " ", regex=True).str.strip()

    def made(rows: pd.DataFrame, code: pd.Series) -> pd.DataFrame:
        rows, code = rows[code.notna()], code[code.notna()]
        return frame(subject_id=rows["who"], code=code, visit_id=rows["visit"])

    years = stays["age"].where(stays["age"] != "> 89", "90").replace("", None).dropna().astype(int)
    parts = [
        made(stays, "SEX/" + stays["gender"].str.lower().replace("", None)),
        made(stays, ("AGE/" + years.map(band)).reindex(stays.index)),
        made(stays, "RACE/" + stays["ethnicity"].map(RACES)),
        made(stays, stays["hospitaldischargestatus"].map({"Expired": "OUTCOME/died_in_hospital"})),
        made(codes, codes["code"]),
        made(plain, "EICU_DIAGNOSIS/" + plain["diagnosisstring"]),
        made(ordered, "HICL/" + ordered["drughiclseqno"].replace("", None)),
        made(named, "DRUG/" + names),
        made(found["treatment"], "EICU_TREATMENT/" + found["treatment"]["treatmentstring"]),
    ]
    return pd.concat(parts).drop_duplicates()


def test_the_demo_has_the_events_that_pandas_counts(shared: Path, tmp_path: Path) -> None:
    folder = shared / "eicu_demo"
    report = ingest_events(folder, tmp_path / "events")
    found, counted = events_of(tmp_path / "events"), expected(folder)
    assert_same(found, counted)
    # shared/data/README.md: 1,841 patients
    assert (report.mapping, report.patients, report.events) == ("eicu", 1_841, len(counted))
    assert not set_aside(tmp_path / "events")
    orders = table(folder / "medication.csv.gz")
    cancelled = orders["drugordercancelled"] == "Yes"
    nameless = (orders["drughiclseqno"] == "") & (orders["drugname"] == "") & ~cancelled
    left_out = next(each.left_out for each in report.tables if each.name == "medication")
    assert left_out == {"drug has no name": nameless.sum(), "order cancelled": cancelled.sum()}
    # 34 rows of one diagnosis ("Tracheostomy performed during this admission") are coded by a procedure
    assert (found["code"] == "ICD9PROC/31.1").sum() == counted["code"].eq("ICD9PROC/31.1").sum() > 0


def test_what_has_no_code_of_a_vocabulary_is_counted(shared: Path, tmp_path: Path) -> None:
    report = ingest_events(shared / "eicu_demo", tmp_path / "events")
    given = table(shared / "eicu_demo" / "diagnosis.csv.gz")["icd9code"]
    unmapped = {each.name: each for each in report.unmapped}
    assert unmapped["diagnosis"].unmapped == (given == "").sum()
    assert unmapped["diagnosis"].events == (given == "").sum() + given[given != ""].str.count(",").add(1).sum()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'Yes'", "'No'"),
        ("string_split(icd9code, ',')", "[icd9code]"),
        ('code = "{icd_either(value)}"', 'code = "ICD9CM/{value}"'),
        ("'> 89' THEN '90+'", "'> 89' THEN '80-90'"),
        ("hicl IS NULL AND drugname", "drugname"),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(shared: Path, tmp_path: Path, old: str, new: str) -> None:
    found = read_wrongly(shared / "eicu_demo", tmp_path, "eicu", old, new)
    assert differences(found, keyed(expected(shared / "eicu_demo")))


def test_orphans_words_and_values_that_are_not_known(tmp_path: Path) -> None:
    head = "patientunitstayid,uniquepid,gender,age,ethnicity,hospitaldischargestatus"
    many = [f"{k},002-{k},Male,50,Asian,Alive" for k in range(200, 600)]
    odd = ["1,007-1,Other,0,Other/Unknown,", "2,007-2,Femal,fifty,Unknown,Expired"]
    lines(tmp_path / "x" / "patient.csv", [head, *odd, *many])
    rows = [f'{k},{k},a|b,"401.9, I10"' for k in range(200, 600)]
    given = [*rows, '9,1,s|t,"V43.52XA, E812.0"', "10,99999,a|b,I10", "11,2,a|b,38.93"]
    lines(tmp_path / "x" / "diagnosis.csv", ["diagnosisid,patientunitstayid,diagnosisstring,icd9code", *given])
    report = ingest_events(tmp_path / "x", tmp_path / "events")
    found = events_of(tmp_path / "events")
    assert set(found.loc[found["visit_id"] == 1, "code"]) == {
        "SEX/other",
        "AGE/0-10",
        "ICD10CM/V43.52XA",
        "ICD9CM/E812.0",
    }
    assert set(found.loc[found["visit_id"] == 2, "code"]) == {"OUTCOME/died_in_hospital", "ICD9PROC/38.93"}
    assert set(set_aside(tmp_path / "events")) == {
        ("patient.csv", "3", "gender", "code malformed"),
        ("patient.csv", "3", "AGE", "code malformed"),
        ("diagnosis.csv", "403", "", "no row of patient"),
    }
    assert report.patients == 402
