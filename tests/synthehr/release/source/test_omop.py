"""OMOP in, OMOP out: the CDM's columns, the cohort's counts, and queries that do not know which they run on."""

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.release.source.dates import NOMINAL
from tests.synthehr.events.mappings.counted import differences
from tests.synthehr.events.mappings.handmade_omop import orders
from tests.synthehr.release.source.returned import Patient, Returned, encounters, found_again, go_back, tally, unsigned

WOMAN: Patient = {
    **{"SEX/female": 1, "RACE/white": 1, "AGE/50-60": 1, "SNOMED/59621000": 3, "SOURCE/K92.2": 1, "CPT/71020": 1},
    **{"RXNORM/140587": 2, "LOINC/8480-6": 2, "SOURCE/smoker": 1},
}
MAN: Patient = {"SEX/male": 1, "RACE/hispanic": 1, "AGE/90+": 1, "OMOP/999": 1, "ICD10CM/I10": 2, "OUTCOME/died": 1}
NOBODY: Patient = {"SEX/unknown": 1, "RACE/unknown": 1, "AGE/unknown": 1}
PATIENTS = [WOMAN, MAN, NOBODY]
QUERIES = [
    """SELECT count(DISTINCT person_id) FROM condition_occurrence
       JOIN concept ON condition_concept_id = concept_id WHERE concept_name ILIKE '%sinusitis%'""",
    """SELECT gender_concept_id, count(DISTINCT person_id) FROM person JOIN condition_occurrence USING (person_id)
       JOIN concept ON condition_concept_id = concept_id WHERE concept_name = 'Gastrointestinal hemorrhage'
       GROUP BY ALL ORDER BY ALL""",
    """SELECT count(*), count(DISTINCT o.person_id) FROM observation o JOIN concept c
       ON o.observation_concept_id = c.concept_id WHERE c.domain_id = 'Observation' AND c.vocabulary_id = 'SNOMED'""",
    """SELECT count(DISTINCT person_id) FROM drug_exposure JOIN concept_ancestor
       ON drug_concept_id = descendant_concept_id WHERE ancestor_concept_id = 1118084""",
    """SELECT race_concept_id, ethnicity_concept_id = 38003563, count(*) FROM person
       WHERE race_concept_id <> 0 AND ethnicity_concept_id <> 38003563 GROUP BY ALL ORDER BY ALL""",
]


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    """What was written, as a database of one view a file."""
    connection = duckdb.connect()
    for path in folder.glob("*.parquet"):
        connection.execute(f"CREATE VIEW {path.stem} AS SELECT * FROM '{path}'")
    return connection


def test_each_code_stands_in_its_table_as_often_as_it_is_counted(
    omop_events: Path, back: Callable[..., Returned]
) -> None:
    made = back(omop_events, PATIENTS)
    assert made.schema == "omop"
    found = {
        (name, int(row["person_id"]), row[f"{prefix}_concept_id"], row[f"{prefix}_source_value"])
        for name, prefix in {
            "condition_occurrence": "condition",
            "procedure_occurrence": "procedure",
            "drug_exposure": "drug",
            "measurement": "measurement",
            "observation": "observation",
        }.items()
        for row in made.table(name).astype(object).where(lambda t: t.notna(), None).to_dict("records")
    }
    assert found == {
        ("condition_occurrence", -1, 320128, None),
        ("condition_occurrence", -1, 0, "K92.2"),
        ("procedure_occurrence", -1, 2211, None),
        ("drug_exposure", -1, 1118084, None),
        ("measurement", -1, 3004249, None),
        ("observation", -1, 0, "smoker"),
        ("condition_occurrence", -2, 999, None),  # no row of CONCEPT knew it, but its table did
        ("observation", -2, 0, "ICD10CM/I10"),  # of a system that the source does not have
    }
    rows = {name: len(made.table(name)) for name in ("condition_occurrence", "drug_exposure", "observation", "death")}
    assert rows == {"condition_occurrence": 3 + 1 + 1, "drug_exposure": 2, "observation": 1 + 2, "death": 1}
    # the commonest code of each patient has 3, 2 and no records
    assert made.table("visit_occurrence")["person_id"].to_list() == [-1, -1, -1, -2, -2, -3]


def test_people_are_what_the_cohort_says_and_no_more(omop_events: Path, back: Callable[..., Returned]) -> None:
    made = back(omop_events, PATIENTS)
    people = made.table("person").astype(object).where(lambda t: t.notna(), None)
    said = ["person_id", "gender_concept_id", "year_of_birth", "race_concept_id", "ethnicity_concept_id"]
    assert people[said].values.tolist() == [
        [-1, 8532, 1945, 8527, 0],
        [-2, 8507, 1905, 0, 38003563],
        [-3, 0, None, 0, 0],
    ]
    assert people.drop(columns=said).isna().all(axis=None)
    assert made.table("condition_occurrence")["condition_source_concept_id"].isna().all()


def test_tables_have_the_columns_of_the_cdm(omop_events: Path, back: Callable[..., Returned]) -> None:
    made = back(omop_events, PATIENTS)
    listed = (Path(__file__).parents[2] / "events" / "mappings" / "cdm_columns.txt").read_text()
    tables = [line.split(":")[0].split()[1] for line in listed.splitlines() if line.startswith("5.4 ")]
    assert len(tables) == 11
    for name in tables:
        assert tuple(made.table(name).columns) == orders(name, "5.4")
    kinds = pq.read_schema(made.folder / "omop" / "measurement.parquet")
    expected = {
        "person_id": pa.int32(),
        "measurement_date": pa.date32(),
        "measurement_datetime": pa.timestamp("us"),
        "measurement_time": pa.string(),
        "value_as_number": pa.float64(),
        "unit_source_value": pa.string(),
    }
    assert {name: kinds.field(name).type for name in expected} == expected
    nullable = {name for name in kinds.names if kinds.field(name).nullable}
    assert "measurement_concept_id" not in nullable
    assert "value_as_number" in nullable
    drug = pq.read_schema(made.folder / "omop" / "drug_exposure.parquet")
    assert (drug.field("quantity").type, drug.field("refills").type) == (pa.float64(), pa.int32())
    assert pq.read_schema(made.folder / "omop" / "procedure_occurrence.parquet").field("quantity").type == pa.int32()


def test_all_dates_are_nominal_and_every_file_says_so(omop_events: Path, back: Callable[..., Returned]) -> None:
    made = back(omop_events, PATIENTS)
    days = {datetime.date(1999, 1, 1), datetime.date(2000, 7, 1), datetime.date(2001, 12, 31)}
    for path in sorted((made.folder / "omop").glob("*.parquet")):
        table = pq.read_table(path)
        assert table.schema.metadata[b"synthetic"] == b"true"
        assert table.schema.metadata[b"nominal_dates"].decode() == NOMINAL
        for field in table.schema:
            if field.name.endswith("_datetime"):
                assert table[field.name].null_count == len(table)
            elif field.name.endswith("_date") and not field.name.startswith("valid_"):
                assert set(table[field.name].to_pylist()) <= {*days, None}
                assert b"ominal" in field.metadata[b"comment"]
    assert NOMINAL in made.table("cdm_source")["source_description"][0]
    assert NOMINAL in (made.folder / "README.md").read_text()


def test_only_concepts_of_the_cohort_and_those_above_them_are_given(
    omop_events: Path, back: Callable[..., Returned]
) -> None:
    made = back(omop_events, [{"SNOMED/59621000": 1}, {"SEX/male": 1}])
    concepts = made.table("concept").set_index("concept_id")
    # 320128 and 100 above it; the others are sexes, races and what the CDM needs itself
    assert {i for i in concepts.index if i > 40 and concepts["vocabulary_id"][i] == "SNOMED"} == {320128, 100}
    assert concepts["concept_name"][320128] == "Hypertension"
    assert concepts["concept_name"][0] == "No matching concept"
    assert str(concepts["valid_start_date"][320128]) == "2002-01-31"  # the source has it as Athena writes it
    above = made.table("concept_ancestor")[["ancestor_concept_id", "descendant_concept_id", "min_levels_of_separation"]]
    assert above.values.tolist() == [[100, 100, 0], [100, 320128, 4], [320128, 320128, 0]]


def test_a_name_that_tells_of_somebody_is_left_out(
    omop_events: Path, back: Callable[..., Returned], tmp_path: Path
) -> None:
    events = Path(shutil.copytree(omop_events, tmp_path / "events"))
    path = events / "metadata" / "concepts.parquet"
    told = pd.read_parquet(path).assign(concept_name="Mrs Smith, seen 2019-03-04")
    told.to_parquet(path)
    made = back(events, [{"SNOMED/59621000": 1}])
    assert made.table("concept").set_index("concept_id")["concept_name"][320128] == ""


def test_the_same_cohort_gives_the_same_bytes(omop_events: Path, back: Callable[..., Returned], tmp_path: Path) -> None:
    one, two = back(omop_events, PATIENTS).folder, go_back(tmp_path / "again", omop_events, PATIENTS).folder
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert len(files) > 15
    assert all((one / path).read_bytes() == (two / path).read_bytes() for path in files)
    # ids go on from one shard to the next
    other = go_back(tmp_path / "other", omop_events, PATIENTS, per_shard=3)
    for name in ("condition_occurrence", "visit_occurrence", "person"):
        path = one / "omop" / f"{name}.parquet"
        pd.testing.assert_frame_equal(other.table(name), pd.read_parquet(path, dtype_backend="pyarrow"))


def test_an_ingest_of_it_finds_every_patient_as_given(
    omop_events: Path, back: Callable[..., Returned], tmp_path: Path
) -> None:
    made = back(omop_events, PATIENTS)
    plain = unsigned(made.folder / "omop", tmp_path / "plain")
    found = encounters(found_again(plain, tmp_path / "again", "omop"))
    expected = {(-who, code.replace("ICD10CM", "SOURCE/ICD10CM")): n for (who, code), n in made.per_patient().items()}
    assert not differences(found, expected)


def test_gibleed_comes_back_with_every_prevalence_and_count(returned_gibleed: Returned, tmp_path: Path) -> None:
    plain = unsigned(returned_gibleed.folder / "omop", tmp_path / "plain")
    found = tally(encounters(found_again(plain, tmp_path / "again", "omop")))
    expected = tally(returned_gibleed.per_patient())
    assert not differences(found, expected)
    assert len(expected) > 300


def test_a_wrong_count_or_table_is_found_out(omop_events: Path, back: Callable[..., Returned], tmp_path: Path) -> None:
    made = back(omop_events, [WOMAN])
    plain = unsigned(made.folder / "omop", tmp_path / "plain")
    with duckdb.connect() as connection:
        for change, table in {
            "SELECT * FROM t UNION ALL SELECT * REPLACE (9 AS drug_exposure_id, 3 AS visit_occurrence_id) FROM t "
            "WHERE visit_occurrence_id = 1": "drug_exposure",
            "SELECT * REPLACE (3004249 AS procedure_concept_id) FROM t": "procedure_occurrence",
        }.items():
            path = plain / f"{table}.parquet"
            connection.execute(f"CREATE OR REPLACE TABLE t AS SELECT * FROM '{path}'; COPY ({change}) TO '{path}'")
    found = encounters(found_again(plain, tmp_path / "again", "omop"))
    assert differences(found, {(-who, code): n for (who, code), n in made.per_patient().items()}) == {
        (1, "RXNORM/140587"): (3, 2),
        (1, "CPT/71020"): (0, 1),
    }


def test_queries_run_unchanged_on_the_real_and_the_written_schema(gibleed: Path, returned_gibleed: Returned) -> None:
    with (
        duckdb.connect(str(gibleed), read_only=True) as real,
        opened(returned_gibleed.folder / "omop") as written,
    ):
        for query in QUERIES:
            asked = real.execute(query).fetchall()
            assert asked == written.execute(query).fetchall()
            assert asked[0][0]
        # control: in a wrong table nobody has it
        wrong = QUERIES[0].replace("condition_", "measurement_").replace("measurement_occurrence", "measurement")
        assert written.execute(wrong).fetchall() != real.execute(QUERIES[0]).fetchall()


def test_eras_add_up_what_records_say(gibleed: Path, returned_gibleed: Returned) -> None:
    """GiBleed's own eras were made by OHDSI's scripts: the same people have one of the same concept."""
    for kind in ("condition", "drug"):
        query = f"SELECT {kind}_concept_id, count(DISTINCT person_id) FROM {kind}_era GROUP BY ALL"
        with duckdb.connect(str(gibleed), read_only=True) as real:
            known = dict(real.execute(query).fetchall())
        with opened(returned_gibleed.folder / "omop") as written:
            found = dict(written.execute(query).fetchall())
        assert len(found) >= 80
        unlike = {concept for concept in {*known, *found} if known.get(concept) != found.get(concept)}
        assert len(unlike) <= 2  # an era of a condition that nobody has, and rows that gave a key twice
