"""Synthea's CSV: a real export counted by pandas, and the older layout by hand."""

from pathlib import Path

import duckdb
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
    number,
    numbers,
    read_wrongly,
    set_aside,
    table,
    years_between,
)

RACES = {"native": "american_indian", "hawaiian": "pacific_islander"}
SYSTEMS = {"http://snomed.info/sct": "SNOMED", "SNOMED-CT": "SNOMED", "RxNorm": "RXNORM"}


def expected(folder: Path) -> pd.DataFrame:
    """The events of the export, from its files alone."""
    names = ("patients", "conditions", "immunizations", "careplans", "devices", "allergies")
    files = {name: table(folder / f"{name}.csv.gz") for name in names}
    patients, found = files["patients"], files["conditions"]

    def made(rows: pd.DataFrame, time: str, code: pd.Series) -> pd.DataFrame:
        times = rows[time].str.removesuffix("Z")
        return frame(subject_id=numbers(rows["patient"]), time=times, code=code, visit_id=numbers(rows["encounter"]))

    born = pd.to_datetime(found["patient"].map(patients.set_index("id")["birthdate"]))
    years = years_between(born, pd.to_datetime(found["start"]))
    races = patients["race"].replace(RACES).where(patients["ethnicity"] != "hispanic", "hispanic")
    died = patients[patients["deathdate"] != ""]
    allergies = files["allergies"]
    parts = [
        frame(subject_id=numbers(patients["id"]), code="SEX/" + patients["gender"].map({"F": "female", "M": "male"})),
        frame(subject_id=numbers(patients["id"]), code="RACE/" + races),
        frame(
            subject_id=numbers(died["id"]),
            time=died["deathdate"].str.removesuffix("Z"),
            code=["OUTCOME/died"] * len(died),
        ),
        made(found, "start", "AGE/" + years.map(band)),
        made(found, "start", found["system"].map(SYSTEMS) + "/" + found["code"]),
        made(files["immunizations"], "date", "CVX/" + files["immunizations"]["code"].str.zfill(2)),
        made(files["careplans"], "start", "SNOMED/" + files["careplans"]["code"]),
        made(files["devices"], "start", "SNOMED/" + files["devices"]["code"]),
        made(allergies, "start", "ALLERGY/" + allergies["system"].map(SYSTEMS) + "/" + allergies["code"]),
    ]
    return pd.concat(parts).drop_duplicates()


def test_the_export_has_the_events_that_pandas_counts(shared: Path, tmp_path: Path) -> None:
    report = ingest_events(shared / "synthea_csv", tmp_path / "events")
    found, counted = events_of(tmp_path / "events"), expected(shared / "synthea_csv")
    assert_same(found, counted)
    # shared/data/README.md: 555 patients; wc -l, less the header
    assert (report.mapping, report.patients, report.events) == ("synthea", 555, len(counted))
    assert {each.name: each.rows for each in report.tables} == {
        "patients": 555,
        "conditions": 18_657,
        "immunizations": 7_966,
        "allergies": 582,
        "careplans": 1_884,
        "devices": 2_954,
    }
    assert not set_aside(tmp_path / "events")
    # 64 of the allergies are of drugs, by RxNorm: none of them is a drug that somebody got
    assert found["code"].str.startswith("ALLERGY/RXNORM/").sum() == 64
    assert not found["code"].str.startswith("RXNORM/").any()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("code = \"{'CVX/' || code}\"", 'code = "CVX/{substr(code, 2)}"'),
        ("= 'hawaiian' THEN 'pacific_islander'", "= 'hawaiian' THEN 'american_indian'"),
        ("synthea_system(system, 'SNOMED')", "'SNOMED'"),
        ('time = "devices.start"', 'time = "substr(devices.start, 1, 10)"'),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(shared: Path, tmp_path: Path, old: str, new: str) -> None:
    found = read_wrongly(shared / "synthea_csv", tmp_path, "synthea", old, new)
    assert differences(found, keyed(expected(shared / "synthea_csv")))


def older(folder: Path) -> Path:
    """The layout of 2019: no SYSTEM, procedures with a DATE, deaths as days."""
    source = folder / "synthea"
    lines(
        source / "patients.csv",
        [
            "Id,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,RACE,ETHNICITY,GENDER",
            "aa-1,1950-06-15,2020-03-01,1,X,Y,white,irish,F",
            "aa-2,1920-01-01,,2,X,Y,black,nonhispanic,M",
        ],
    )
    visit = "Id,START,STOP,PATIENT,CODE,DESCRIPTION"
    lines(source / "encounters.csv", [visit, "v-1,2010-06-14T23:00:00Z,2010-06-15T01:00:00Z,aa-1,185349003,Check up"])
    head = "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION"
    lines(
        source / "conditions.csv", [head, "2010-06-15,,aa-1,v-1,38341003,Hypertension", "2015-01-01,,aa-2,,10509002,X"]
    )
    lines(source / "medications.csv", [head, "2010-06-14T23:30:00Z,,aa-1,v-1,314076,Lisinopril"])
    lines(
        source / "procedures.csv",
        ["DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,COST", "2010-06-15,aa-1,v-1,430193006,Reconciliation,1.0"],
    )
    lines(
        source / "immunizations.csv",
        ["DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,COST", "2010-06-15,aa-1,v-1,8,Hep B,1.0"],
    )
    lines(source / "allergies.csv", [head, "1951-01-01,,aa-1,v-1,419474003,Mould"])
    told = "DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS,TYPE"
    rows = ["2010-06-15,aa-1,v-1,8302-2,Height,165.5,cm,numeric", "2010-06-15,aa-1,,QALY,QALY,40,a,numeric"]
    lines(source / "observations.csv", [told, *rows, "2010-06-15,aa-1,v-1,72166-2,Smoking,Never smoker,,text"])
    return source


def test_the_older_layout_as_the_tables_of_a_database(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as connection:
        for path in older(tmp_path).iterdir():
            connection.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM read_csv('{path}', all_varchar=true)")
    ingest_events(tmp_path / "synthea", tmp_path / "csv")
    ingest_events(tmp_path / "x.duckdb", tmp_path / "duckdb")
    assert keyed(events_of(tmp_path / "duckdb")) == keyed(events_of(tmp_path / "csv"))


def test_the_older_layout(tmp_path: Path) -> None:
    report = ingest_events(older(tmp_path), tmp_path / "events")
    found = events_of(tmp_path / "events")
    one, two, visit = number("aa-1"), number("aa-2"), number("v-1")
    day = "2010-06-15T00:00:00.000000"
    assert keyed(found) == {
        (one, None, "SEX/female", None): 1,
        (one, None, "RACE/white", None): 1,
        (two, None, "SEX/male", None): 1,
        (two, None, "RACE/black", None): 1,
        (one, "2010-06-14T23:00:00.000000", "AGE/50-60", visit): 1,  # a day before the sixtieth birthday
        (one, day, "AGE/60-70", visit): 1,
        (two, "2015-01-01T00:00:00.000000", "AGE/90+", None): 1,
        (one, day, "SNOMED/38341003", visit): 1,
        (two, "2015-01-01T00:00:00.000000", "SNOMED/10509002", None): 1,
        (one, "2010-06-14T23:30:00.000000", "RXNORM/314076", visit): 1,
        (one, day, "SNOMED/430193006", visit): 1,
        (one, day, "CVX/08", visit): 1,
        (one, "1951-01-01T00:00:00.000000", "ALLERGY/SNOMED/419474003", visit): 1,
        (one, day, "LOINC/8302-2", visit): 1,
        (one, day, "SYNTHEA/QALY", None): 1,
        (one, day, "LOINC/72166-2", visit): 1,
        (one, "2020-03-01T00:00:00.000000", "OUTCOME/died", None): 1,
    }
    values = found.set_index("code")
    assert values.loc["LOINC/8302-2", "numeric_value"] == 165.5
    assert values.loc["LOINC/72166-2", "text_value"] == "Never smoker"
    assert (report.patients, report.subject_ids) == (2, "renumbered")
