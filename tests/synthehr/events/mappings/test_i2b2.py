"""i2b2 by hand, by the specification of its star schema: schemes, modifiers, demographics, kinds of values."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import differences, edited, events_of, keyed, lines, read_wrongly, set_aside

PATIENTS = [
    "PATIENT_NUM,VITAL_STATUS_CD,BIRTH_DATE,DEATH_DATE,SEX_CD,RACE_CD",
    "1,N,1950-06-15 00:00:00,,F,white",
    "2,Y,1910-01-01 00:00:00,2012-03-04 00:00:00,DEM|SEX:m,DEM|RACE:American Indian",
    "3,N,,,U,@",
]
FACTS = [
    "ENCOUNTER_NUM,PATIENT_NUM,CONCEPT_CD,PROVIDER_ID,START_DATE,MODIFIER_CD,INSTANCE_NUM,VALTYPE_CD,TVAL_CHAR,NVAL_NUM",
    "10,1,ICD10:E11.9,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,ICD9:250.00,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,ICD9:38.93,@,2010-06-14 08:00:00,@,1,@,,",  # i2b2 has one scheme for both volumes
    "10,1,ICD9CM:V45.81,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,DIAG|ICD10CM:I10,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,ICD10PCS:0210093,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,LOINC:2345-7,@,2010-06-14 08:00:00,@,1,N,E,98.5",
    "10,1,LOINC:2345-7,@,2010-06-14 09:00:00,@,1,N,L,5",
    "10,1,LOINC:5778-6,@,2010-06-14 08:00:00,@,1,T,yellow,",
    "10,1,NDC:0002-1433-80,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,CPT4:J1234,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,SITE/A:77,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,birthplace,@,2010-06-14 08:00:00,@,1,@,,",
    "10,1,ICD10:I21.4,@,2010-06-14 08:00:00,MED:DOSE,1,@,,",
    "10,1,DEM|ZIP:02139,@,2010-06-14 08:00:00,@,1,@,,",
    "20,2,ICD10:I10,@,2010-06-14 08:00:00,@,1,@,,",
    "20,2,ICD10:I10,@,2010-06-14 08:00:00,@,2,@,,",  # the same once more
]
CONCEPTS = ["CONCEPT_PATH,CONCEPT_CD,NAME_CHAR", "\\x\\,ICD10:E11.9,Type 2 diabetes", "\\y\\,SITE/A:77,A thing"]
AT = "2010-06-14T08:00:00.000000"
EVENTS = {
    (1, None, "SEX/female", None): 1,
    (1, None, "RACE/white", None): 1,
    (2, None, "SEX/male", None): 1,
    (2, None, "RACE/american_indian", None): 1,
    (1, AT, "AGE/50-60", 10): 1,
    (1, "2010-06-14T09:00:00.000000", "AGE/50-60", 10): 1,
    (2, AT, "AGE/90+", 20): 1,
    (1, AT, "ICD10CM/E11.9", 10): 1,
    (1, AT, "ICD9CM/250.00", 10): 1,
    (1, AT, "ICD9PROC/38.93", 10): 1,
    (1, AT, "ICD9CM/V45.81", 10): 1,
    (1, AT, "ICD10CM/I10", 10): 1,
    (1, AT, "ICD10PCS/0210093", 10): 1,
    (1, AT, "LOINC/2345-7", 10): 1,
    (1, "2010-06-14T09:00:00.000000", "LOINC/2345-7", 10): 1,
    (1, AT, "LOINC/5778-6", 10): 1,
    (1, AT, "NDC/00002143380", 10): 1,
    (1, AT, "HCPCS/J1234", 10): 1,
    (1, AT, "SITE_A/77", 10): 1,
    (1, AT, "I2B2/birthplace", 10): 1,
    (2, AT, "ICD10CM/I10", 20): 1,
    (2, "2012-03-04T00:00:00.000000", "OUTCOME/died", None): 1,
}


def extract(folder: Path) -> Path:
    lines(folder / "PATIENT_DIMENSION.csv", PATIENTS)
    lines(folder / "OBSERVATION_FACT.csv", FACTS)
    lines(folder / "CONCEPT_DIMENSION.csv", CONCEPTS)
    return folder


def test_every_table_by_the_specification(tmp_path: Path) -> None:
    report = ingest_events(extract(tmp_path / "x"), tmp_path / "events")
    found = events_of(tmp_path / "events")
    assert report.mapping == "i2b2"
    assert keyed(found) == EVENTS
    assert sorted(found["numeric_value"].dropna()) == [98.5]
    assert sorted(found["text_value"].dropna()) == ["<5", "yellow"]
    assert {each.name: each.left_out for each in report.tables if each.left_out} == {
        "observation_fact": {"demographics": 1, "fact of a modifier": 1}
    }
    assert [(each.name, each.events, each.unmapped) for each in report.unmapped] == [("observation_fact", 15, 2)]
    assert not set_aside(tmp_path / "events")
    words = pd.read_parquet(tmp_path / "events" / "metadata" / "codes.parquet").set_index("code")["description"]
    assert (words["ICD10CM/E11.9"], words["SITE_A/77"]) == ("Type 2 diabetes", "A thing")
    assert not any(b"02139" in f.read_bytes() for f in (tmp_path / "events").rglob("*") if f.is_file())


def test_the_tables_of_a_database(tmp_path: Path) -> None:
    source = extract(tmp_path / "x")
    with duckdb.connect(str(tmp_path / "star.duckdb")) as connection:
        connection.execute("CREATE SCHEMA demodata")
        for path in source.iterdir():
            connection.execute(f"CREATE TABLE demodata.{path.stem} AS SELECT * FROM read_csv('{path}')")
    ingest_events(tmp_path / "star.duckdb", tmp_path / "events")
    assert keyed(events_of(tmp_path / "events")) == EVENTS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("modifier_cd <> '@'", "modifier_cd = 'XX'"),
        ("starts_with(concept_cd, 'DEM|')", "starts_with(concept_cd, 'XX|')"),
        ('code = "{i2b2_code(concept_cd)}"\nnormalise = "by_system"\nvalue', 'code = "I2B2/{concept_cd}"\nvalue'),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(tmp_path: Path, old: str, new: str) -> None:
    found = read_wrongly(extract(tmp_path / "x"), tmp_path, "i2b2", old, new)
    assert differences(found, EVENTS)


@pytest.mark.parametrize("sex", ["1", "femme"])
def test_a_sex_that_is_not_known_is_rejected_not_forgotten(tmp_path: Path, sex: str) -> None:
    source = extract(tmp_path / "x")
    lines(source / "PATIENT_DIMENSION.csv", [*PATIENTS, f"4,N,,,{sex},white"])
    mapping = edited(tmp_path, "i2b2", "rejected_share = 0.01", "rejected_share = 1")
    ingest_events(source, tmp_path / "events", mapping=mapping)
    assert list(set_aside(tmp_path / "events")) == [("PATIENT_DIMENSION.csv", "5", "SEX", "code malformed")]
