"""MIMIC-IV: its demo counted by pandas, and the files of hosp/ that the demo lacks, by hand."""

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
    icd9,
    icd10,
    keyed,
    lines,
    read_wrongly,
    set_aside,
    table,
)

# every word for race that the demo has, and what it is here; three words say that nobody knows
RACES = {
    "WHITE": "white",
    "WHITE - BRAZILIAN": "white",
    "WHITE - OTHER EUROPEAN": "white",
    "PORTUGUESE": "white",
    "BLACK/AFRICAN AMERICAN": "black",
    "BLACK/CAPE VERDEAN": "black",
    "HISPANIC OR LATINO": "hispanic",
    "HISPANIC/LATINO - CUBAN": "hispanic",
    "HISPANIC/LATINO - PUERTO RICAN": "hispanic",
    "HISPANIC/LATINO - SALVADORAN": "hispanic",
    "OTHER": "other",
}


def expected(folder: Path) -> pd.DataFrame:
    """The events of the demo, from its files alone."""
    patients, stays = table(folder / "patients.csv.gz"), table(folder / "admissions.csv.gz")
    found = table(folder / "diagnoses_icd.csv.gz").merge(stays, on=["subject_id", "hadm_id"])
    stays = stays.merge(patients, on="subject_id")
    stays["came"], stays["left"] = pd.to_datetime(stays["admittime"]), pd.to_datetime(stays["dischtime"])
    years = stays["anchor_age"].astype(int) + stays["came"].dt.year - stays["anchor_year"].astype(int)
    of_stay = {"subject_id": stays["subject_id"], "visit_id": stays["hadm_id"]}
    stays = stays.sort_values(["subject_id", "came"])
    gap = (stays.groupby("subject_id")["came"].shift(-1) - stays["left"]).dt.days
    again = gap.map(lambda days: "within" if days < 30 else "after", na_action="ignore")
    outcome = "OUTCOME/readmitted_" + again.dropna() + "_30_days"
    coded = [
        f"ICD9CM/{icd9(c)}" if v == "9" else f"ICD10CM/{icd10(c)}"
        for c, v in zip(found["icd_code"], found["icd_version"], strict=True)
    ]
    race = "RACE/" + stays["race"].map(RACES).dropna()
    dead = stays[stays["hospital_expire_flag"] == "1"]
    parts = [
        frame(subject_id=patients["subject_id"], code="SEX/" + patients["gender"].map({"F": "female", "M": "male"})),
        frame(**of_stay, time=stays["came"].sort_index(), code="AGE/" + years.map(band)),
        frame(
            subject_id=stays.loc[race.index, "subject_id"],
            time=stays.loc[race.index, "came"],
            code=race,
            visit_id=stays.loc[race.index, "hadm_id"],
        ),
        frame(subject_id=found["subject_id"], time=found["dischtime"], code=coded, visit_id=found["hadm_id"]),
        frame(
            subject_id=dead["subject_id"],
            time=dead["left"],
            code=["OUTCOME/died_in_hospital"] * len(dead),
            visit_id=dead["hadm_id"],
        ),
        frame(
            subject_id=stays.loc[outcome.index, "subject_id"],
            time=stays.loc[outcome.index, "left"],
            code=outcome,
            visit_id=stays.loc[outcome.index, "hadm_id"],
        ),
    ]
    return pd.concat(parts).drop_duplicates()


def test_the_demo_has_the_events_that_pandas_counts(shared: Path, tmp_path: Path) -> None:
    report = ingest_events(shared / "mimic4_demo", tmp_path / "events")
    found, counted = events_of(tmp_path / "events"), expected(shared / "mimic4_demo" / "hosp")
    assert report.mapping == "mimic4"
    assert_same(found, counted)
    assert (report.patients, report.events) == (100, len(counted))
    # shared/data/README.md; wc -l, less the header
    assert {each.name: each.rows for each in report.tables} == {
        "patients": 100,
        "admissions": 275,
        "diagnoses_icd": 4_506,
    }
    assert sum(each.rejected + each.repeated for each in report.tables) == 0
    # 2,193 diagnoses are ICD-9 and 2,313 ICD-10: grep -c of the last column
    systems = found["code"].str.split("/").str[0].value_counts()
    assert (systems["ICD9CM"], systems["ICD10CM"]) == (2_193, 2_313)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WHEN '9' THEN 'ICD9CM/' ELSE 'ICD10CM/'", "WHEN '10' THEN 'ICD9CM/' ELSE 'ICD10CM/'"),
        ("check = \"icd_version IN ('9', '10')\"", "when = \"icd_version = '9'\""),
        ("< 30 THEN", "<= 30 THEN"),
        ("anchor_age AS INTEGER) + year", "anchor_age AS INTEGER) + 1 + year"),
        ("OR race = 'PORTUGUESE'", ""),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(shared: Path, tmp_path: Path, old: str, new: str) -> None:
    found = read_wrongly(shared / "mimic4_demo", tmp_path, "mimic4", old, new)
    assert differences(found, keyed(expected(shared / "mimic4_demo" / "hosp")))


def handmade(folder: Path) -> Path:
    hosp = folder / "mimic" / "hosp"
    lines(hosp / "patients.csv", ["subject_id,gender,anchor_age,anchor_year", "1,F,60,2150", "2,M,91,2150"])
    lines(
        hosp / "admissions.csv",
        [
            "subject_id,hadm_id,admittime,dischtime,race,hospital_expire_flag",
            "1,10,2151-01-01 10:00:00,2151-01-03 10:00:00,NATIVE HAWAIIAN OR OTHER PACIFIC ISLANDER,0",
            "2,20,2150-05-01 10:00:00,2150-05-03 10:00:00,AMERICAN INDIAN/ALASKA NATIVE,1",
        ],
    )
    codes = [f"1,10,{k},I10,10" for k in range(1, 301)]
    lines(hosp / "diagnoses_icd.csv", ["subject_id,hadm_id,seq_num,icd_code,icd_version", *codes, "1,10,301,I10,11"])
    lines(
        hosp / "procedures_icd.csv",
        [
            "subject_id,hadm_id,seq_num,chartdate,icd_code,icd_version",
            "1,10,1,2151-01-02,0331   ,9",  # char(7), as PostgreSQL pads it
            "1,10,2,,02HV33Z,10",
        ],
    )
    lines(
        hosp / "prescriptions.csv",
        ["subject_id,hadm_id,starttime,drug", '1,10,2151-01-01 12:00:00,"Insulin, Regular"', "1,10,,HEPARIN  (Bag)"],
    )
    lines(hosp / "d_icd_diagnoses.csv", ["icd_code,icd_version,long_title", "I10,10,Hypertension", "I10,9,No such"])
    lines(hosp / "d_icd_procedures.csv", ["icd_code,icd_version,long_title", "0331,9,Spinal tap"])
    return folder / "mimic"


def test_procedures_prescriptions_and_words(tmp_path: Path) -> None:
    report = ingest_events(handmade(tmp_path), tmp_path / "events")
    found = events_of(tmp_path / "events")
    came, left = "2151-01-01T10:00:00.000000", "2151-01-03T10:00:00.000000"
    assert keyed(found) == {
        (1, None, "SEX/female", None): 1,
        (2, None, "SEX/male", None): 1,
        (1, came, "AGE/60-70", 10): 1,  # 61 by then
        (2, "2150-05-01T10:00:00.000000", "AGE/90+", 20): 1,
        (1, came, "RACE/pacific_islander", 10): 1,
        (2, "2150-05-01T10:00:00.000000", "RACE/american_indian", 20): 1,
        (1, left, "ICD10CM/I10", 10): 1,
        (1, "2151-01-02T00:00:00.000000", "ICD9PROC/03.31", 10): 1,
        (1, left, "ICD10PCS/02HV33Z", 10): 1,  # no day of its own
        (1, "2151-01-01T12:00:00.000000", "DRUG/insulin, regular", 10): 1,
        (1, came, "DRUG/heparin (bag)", 10): 1,
        (2, "2150-05-03T10:00:00.000000", "OUTCOME/died_in_hospital", 20): 1,
    }
    assert report.events_repeated == 299
    words = pd.read_parquet(tmp_path / "events" / "metadata" / "codes.parquet").set_index("code")["description"]
    assert (words["ICD10CM/I10"], words["ICD9PROC/03.31"]) == ("Hypertension", "Spinal tap")
    assert list(set_aside(tmp_path / "events")) == [
        ("hosp/diagnoses_icd.csv", "302", "code", "value is none of those expected")
    ]
