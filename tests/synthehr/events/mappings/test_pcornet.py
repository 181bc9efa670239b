"""PCORnet by hand, by the specification of its CDM 6.1: flags, types of codes, modifiers, statuses."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import differences, edited, events_of, keyed, lines, number, set_aside

FILES: dict[str, Sequence[str]] = {
    "DEMOGRAPHIC": [
        "PATID,BIRTH_DATE,SEX,HISPANIC,RACE",
        "p1,1950-06-15,F,N,05",
        "p2,1950-06-15,M,Y,03",
        "p3,,A,NI,07",
        "p4,,OT,UN,04",
        "p5,,NI,R,06",
    ],
    "ENCOUNTER": ["ENCOUNTERID,PATID,ADMIT_DATE,ENC_TYPE", "e1,p1,2010-06-15,IP", "e2,p2,2010-06-14,NI"],
    "DIAGNOSIS": [
        "DIAGNOSISID,PATID,ENCOUNTERID,ADMIT_DATE,DX,DX_TYPE,DX_DATE",
        "1,p1,e1,2010-06-15,E11.9,10,2010-06-16",
        "2,p1,e1,2010-06-15,250.00,09,",
        "3,p1,e1,2010-06-15,0380,09,",
        "4,p1,e1,2010-06-15,44054006,SM,",
        "5,p1,e1,2010-06-15,5A11,11,",
        "6,p1,e1,2010-06-15,X1,NI,",
        "7,p1,e1,2010-06-15,X2,,",
        "8,p1,,,I10,10,",
        "9,p1,e1,2010-06-15,38.93,09,",  # a procedure among diagnoses, or a zero lost?
    ],
    "PROCEDURES": [
        "PROCEDURESID,PATID,ENCOUNTERID,PX,PX_TYPE,PX_DATE",
        "1,p1,e1,36.05,09,2010-06-15",
        "2,p1,e1,0210093,10,2010-06-15",
        "3,p1,e1,99213,CH,2010-06-15",
        "4,p1,e1,J1234,CH,2010-06-15",
        "5,p1,e1,4548-4,LC,2010-06-15",
        "6,p1,e1,0450,RE,2010-06-15",
        "7,p1,e1,3.31,09,2010-06-15",  # 03.31 or 33.1?
    ],
    "PRESCRIBING": [
        "PRESCRIBINGID,PATID,ENCOUNTERID,RX_ORDER_DATE,RX_START_DATE,RXNORM_CUI,RAW_RX_MED_NAME",
        "1,p1,e1,2010-06-15,,314076,LISINOPRIL 10",
        "2,p1,,,2010-06-17,,Insulin  Regular",
        "3,p1,,2010-06-15,,,",
    ],
    "DISPENSING": [
        "DISPENSINGID,PATID,DISPENSE_DATE,NDC",
        "1,p1,2010-06-15,0002-1433-80",
        "2,p1,2010-06-16,00002143380",
    ],
    "LAB_RESULT_CM": [
        "LAB_RESULT_CM_ID,PATID,ENCOUNTERID,LAB_LOINC,RESULT_DATE,RESULT_NUM,RESULT_MODIFIER,RESULT_QUAL",
        "1,p1,e1,2345-7,2010-06-15,98.5,EQ,NI",
        "2,p1,e1,2345-7,2010-06-15,5,LT,",
        "3,p1,e1,5778-6,2010-06-15,,,NEGATIVE",
        "4,p1,e1,,2010-06-15,1,EQ,",
    ],
    "IMMUNIZATION": [
        "IMMUNIZATIONID,PATID,VX_CODE,VX_CODE_TYPE,VX_ADMIN_DATE,VX_STATUS",
        "1,p1,8,CX,2010-06-15,CP",
        "2,p1,140,CX,2010-06-15,ND",
        "3,p1,141,CX,2010-06-15,ER",
        "4,p1,90630,CH,2010-06-15,",
    ],
    "DEATH": ["PATID,DEATH_DATE,DEATH_SOURCE", "p2,2012-01-05,D", "p2,2012-01-03,L", "p4,,L"],
}
DAY = "2010-06-15T00:00:00.000000"
ONE, TWO, FOUR, FIVE, STAY = (number(text) for text in ("p1", "p2", "p4", "p5", "e1"))
EVENTS = {
    (ONE, None, "SEX/female", None): 1,
    (ONE, None, "RACE/white", None): 1,
    (TWO, None, "SEX/male", None): 1,
    (TWO, None, "RACE/hispanic", None): 1,
    (FOUR, None, "RACE/pacific_islander", None): 1,
    (FIVE, None, "RACE/other", None): 1,
    (ONE, DAY, "AGE/60-70", STAY): 1,
    (TWO, "2010-06-14T00:00:00.000000", "AGE/50-60", number("e2")): 1,
    (ONE, "2010-06-16T00:00:00.000000", "ICD10CM/E11.9", STAY): 1,
    (ONE, DAY, "ICD9CM/250.00", STAY): 1,
    (ONE, DAY, "ICD9CM/038.0", STAY): 1,
    (ONE, DAY, "SNOMED/44054006", STAY): 1,
    (ONE, DAY, "PCORNET_DX/5A11", STAY): 1,
    (ONE, DAY, "PCORNET_DX/X1", STAY): 1,
    (ONE, DAY, "PCORNET_DX/X2", STAY): 1,
    (ONE, None, "ICD10CM/I10", None): 1,
    (ONE, DAY, "ICD9PROC/36.05", STAY): 1,
    (ONE, DAY, "ICD10PCS/0210093", STAY): 1,
    (ONE, DAY, "CPT/99213", STAY): 1,
    (ONE, DAY, "HCPCS/J1234", STAY): 1,
    (ONE, DAY, "LOINC/4548-4", STAY): 1,
    (ONE, DAY, "PCORNET_PX/0450", STAY): 1,
    (ONE, DAY, "RXNORM/314076", STAY): 1,
    (ONE, "2010-06-17T00:00:00.000000", "DRUG/insulin regular", None): 1,
    (ONE, DAY, "NDC/00002143380", None): 1,
    (ONE, "2010-06-16T00:00:00.000000", "NDC/00002143380", None): 1,
    (ONE, DAY, "LOINC/2345-7", STAY): 2,
    (ONE, DAY, "LOINC/5778-6", STAY): 1,
    (ONE, DAY, "CVX/08", None): 1,
    (ONE, DAY, "CPT/90630", None): 1,
    (TWO, "2012-01-03T00:00:00.000000", "OUTCOME/died", None): 1,  # once, though two sources know of it
    (FOUR, None, "OUTCOME/died", None): 1,
}


def extract(folder: Path) -> Path:
    for name, rows in FILES.items():
        lines(folder / f"{name}.csv", rows)
    return folder


def test_every_table_by_the_specification(tmp_path: Path) -> None:
    mapping = edited(tmp_path, "pcornet", "rejected_share = 0.01", "rejected_share = 0.2")
    report = ingest_events(extract(tmp_path / "x"), tmp_path / "events", mapping=mapping)
    found = events_of(tmp_path / "events")
    assert keyed(found) == EVENTS
    assert sorted(found["numeric_value"].dropna()) == [98.5]
    assert sorted(found["text_value"].dropna()) == ["<5", "NEGATIVE"]
    assert {each.name: each.left_out for each in report.tables if each.left_out} == {
        "prescribing": {"neither RXNORM_CUI nor name": 1},
        "lab_result_cm": {"no LOINC code": 1},
        "immunization": {"entered in error": 1, "not done": 1},
    }
    assert {each.name: (each.events, each.unmapped) for each in report.unmapped} == {
        "diagnosis": (8, 3),
        "procedures": (6, 1),
        "prescribing": (2, 1),
        "immunization": (2, 0),
    }
    assert set(set_aside(tmp_path / "events")) == {
        ("DIAGNOSIS.csv", "10", "code", "code malformed"),
        ("PROCEDURES.csv", "8", "code", "code malformed"),
    }


def test_it_is_recognised_in_parquet_and_lower_case_too(tmp_path: Path) -> None:
    kept = {name: rows for name, rows in FILES.items() if name not in ("DIAGNOSIS", "PROCEDURES")}
    for name, rows in (kept | {"DIAGNOSIS": FILES["DIAGNOSIS"][:-1], "PROCEDURES": FILES["PROCEDURES"][:-1]}).items():
        cells = [row.split(",") for row in rows]
        (tmp_path / "x").mkdir(exist_ok=True)
        table = pd.DataFrame(cells[1:], columns=[name.lower() for name in cells[0]])
        table.to_parquet(tmp_path / "x" / f"{name.lower()}.parquet")
    assert ingest_events(tmp_path / "x", tmp_path / "events").mapping == "pcornet"
    assert keyed(events_of(tmp_path / "events")) == EVENTS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("'not done\" = \"vx_status = 'ND'\"".lstrip("'"), 'not done" = "vx_status = \'XX\'"'),
        ("WHEN '09' THEN 'ICD9PROC/'", "WHEN '09' THEN 'ICD9CM/'"),
        ('missing = ["NI", "UN", "OT"]\nkey = ["patid"]', 'key = ["patid"]'),
        ("ORDER BY death_date, death_source) = 1", "ORDER BY death_date, death_source) > 0"),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(tmp_path: Path, old: str, new: str) -> None:
    wrong = edited(tmp_path, "pcornet", old, new)
    wrong.write_text(wrong.read_text().replace("rejected_share = 0.01", "rejected_share = 1.0"))
    ingest_events(extract(tmp_path / "x"), tmp_path / "events", mapping=wrong)
    found = keyed(events_of(tmp_path / "events"))
    assert differences(found, EVENTS) or set(set_aside(tmp_path / "events")) - {
        ("DIAGNOSIS.csv", "10", "code", "code malformed"),
        ("PROCEDURES.csv", "8", "code", "code malformed"),
    }
