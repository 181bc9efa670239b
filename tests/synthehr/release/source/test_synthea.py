"""Synthea's CSV in, Synthea's CSV out."""

import csv
from collections.abc import Callable
from pathlib import Path

import duckdb

from tests.synthehr.events.mappings.counted import differences, number
from tests.synthehr.release.source.conftest import SHARED
from tests.synthehr.release.source.returned import Patient, Returned, encounters, found_again, tally

WOMAN: Patient = {
    **{"SEX/female": 1, "RACE/white": 1, "AGE/50-60": 1, "SNOMED/38341003": 3, "RXNORM/314076": 1},
    **{"SNOMED/430193006": 2, "CVX/08": 1, "ALLERGY/SNOMED/419474003": 1, "LOINC/8302-2": 1, "SYNTHEA/QALY": 1},
}
MAN: Patient = {"SEX/male": 1, "RACE/hispanic": 1, "AGE/90+": 1, "SNOMED/10509002": 1, "OUTCOME/died": 1}
NOBODY: Patient = {"SEX/unknown": 1, "RACE/unknown": 1, "AGE/unknown": 1}
PATIENTS = [WOMAN, MAN, NOBODY]
QUERY = """SELECT count(DISTINCT PATIENT) FROM '{folder}/conditions.csv{packed}' JOIN '{folder}/patients.csv{packed}'
  ON Id = PATIENT WHERE DESCRIPTION ILIKE '%gingivitis%' AND GENDER = 'F'"""


def test_each_code_stands_in_its_file_as_often_as_it_is_counted(
    synthea_events: Path, back: Callable[..., Returned]
) -> None:
    made = back(synthea_events, PATIENTS, words={"SNOMED/38341003": 'Hypertension, "high"'})
    assert made.schema == "synthea"
    found = {
        (name, row["PATIENT"], row.get("SYSTEM"), row["CODE"], row["DESCRIPTION"])
        for name in ("conditions", "medications", "procedures", "immunizations", "allergies", "observations")
        for row in made.table(name).to_dict("records")
    }
    snomed = "http://snomed.info/sct"
    assert found == {
        ("conditions", "-1", snomed, "38341003", 'Hypertension, "high"'),
        ("conditions", "-2", snomed, "10509002", ""),
        ("medications", "-1", None, "314076", ""),
        ("procedures", "-1", snomed, "430193006", ""),
        ("immunizations", "-1", None, "08", ""),
        ("allergies", "-1", "SNOMED-CT", "419474003", ""),
        ("observations", "-1", None, "8302-2", ""),
        ("observations", "-1", None, "QALY", ""),
    }
    assert (len(made.table("conditions")), len(made.table("procedures"))) == (4, 2)
    assert made.table("encounters")["PATIENT"].to_list() == ["-1", "-1", "-1", "-2", "-3"]


def test_people_are_what_the_cohort_says_and_no_more(synthea_events: Path, back: Callable[..., Returned]) -> None:
    people = back(synthea_events, PATIENTS).table("patients")
    said = ["Id", "BIRTHDATE", "DEATHDATE", "RACE", "ETHNICITY", "GENDER"]
    assert people[said].values.tolist() == [
        ["-1", "1945-01-01", "", "white", "nonhispanic", "F"],
        ["-2", "1905-01-01", "2001-12-31", "", "hispanic", "M"],
        ["-3", "", "", "", "", ""],
    ]
    assert (people.drop(columns=said) == "").all(axis=None)


def test_an_ingest_of_it_finds_every_patient_as_given(
    synthea_events: Path, back: Callable[..., Returned], tmp_path: Path
) -> None:
    made = back(synthea_events, PATIENTS)
    found = encounters(found_again(made.folder / "synthea", tmp_path / "again", "synthea"))
    expected = {(number(str(who)), code): n for (who, code), n in made.per_patient().items()}
    assert not differences(found, expected)
    # control: one record less
    path = made.folder / "synthea" / "procedures.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert differences(encounters(found_again(made.folder / "synthea", tmp_path / "less", "synthea")), expected) == {
        (number("-1"), "SNOMED/430193006"): (1, 2)
    }


def test_a_real_export_comes_back_with_every_prevalence_and_count(returned_synthea: Returned, tmp_path: Path) -> None:
    found = tally(encounters(found_again(returned_synthea.folder / "synthea", tmp_path / "again", "synthea")))
    expected = tally(returned_synthea.per_patient())
    assert not differences(found, expected)
    assert len(expected) > 300


def test_a_real_export_has_the_same_columns_and_answers_the_same_query(
    returned_synthea: Returned, tmp_path: Path
) -> None:
    real, written = SHARED / "synthea_csv", returned_synthea.folder / "synthea"
    with duckdb.connect() as connection:
        for path in sorted(real.glob("*.csv.gz")):
            there = connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
            with (written / path.name.removesuffix(".gz")).open(newline="") as stream:
                assert next(csv.reader(stream)) == [row[0] for row in there]
        asked = connection.execute(QUERY.format(folder=real, packed=".gz")).fetchall()
        assert asked == connection.execute(QUERY.format(folder=written, packed="")).fetchall()
        assert asked[0][0]
