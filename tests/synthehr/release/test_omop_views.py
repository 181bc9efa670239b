from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.release.source.cdm import DOMAINS, columns

NAMES = Vocabulary(
    code=(
        *("ICD9CM/250", "ICD10CM/E11", "SNOMED/44054006", "RXNORM/860975", "NDC/1", "CPT/99213", "ICD9PROC/38"),
        *("LOINC/4548-4", "OMOP/4265453", "OUTCOME/died", "SEX/female", "SEX/unknown", "RACE/white", "RACE/hispanic"),
        "AGE/70-80",
    ),
    description=("Diabetes", *[""] * 14),
    group=(*[None] * 10, "sex", "sex", "race", "race", "age"),
)
FIRST = [2, 1, 0, 3, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1]
SECOND = [0, 0, 1, 0, 1, 0, 2, 0, 0, 1, 0, 1, 0, 1, 1]


@pytest.fixture(scope="module")
def ask(build_cohort: Callable[..., Path]) -> Callable[[str], list[tuple]]:
    file = build_cohort(counts=[FIRST, SECOND], ids=[-1, -2], vocabulary=NAMES) / "cohort.duckdb"

    def asked(sql: str) -> list[tuple]:
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    return asked


def test_columns_are_those_of_the_cdm(ask: Callable[[str], list[tuple]]) -> None:
    for table in ("person", *DOMAINS.values()):
        found = [name for name, *_ in ask(f"DESCRIBE omop.{table}")]
        assert tuple(found[: len(columns(table))]) == columns(table)
        assert found[len(columns(table)) :] == (["age_source_value"] if table == "person" else [])


def test_persons(ask: Callable[[str], list[tuple]]) -> None:
    rows = ask(
        "SELECT person_id, gender_concept_id, year_of_birth, race_concept_id, ethnicity_concept_id, "
        "gender_source_value, race_source_value, age_source_value FROM omop.person ORDER BY 1 DESC"
    )
    # 8532 female, 8527 white, 38003563 Hispanic or Latino; an unknown sex has no concept; nobody has a birthday
    assert rows == [
        (-1, 8532, None, 8527, 0, "female", "white", "70-80"),
        (-2, 0, None, 0, 38003563, "unknown", "hispanic", "70-80"),
    ]


@pytest.mark.parametrize(
    ("table", "word", "expected"),
    [
        ("condition_occurrence", "condition", {"ICD9CM/250": 2, "ICD10CM/E11": 1, "SNOMED/44054006": 1}),
        ("drug_exposure", "drug", {"RXNORM/860975": 3, "NDC/1": 1}),
        ("procedure_occurrence", "procedure", {"CPT/99213": 1, "ICD9PROC/38": 2}),
        ("measurement", "measurement", {"LOINC/4548-4": 1}),
        ("observation", "observation", {"OMOP/4265453": 1, "OUTCOME/died": 1, "AGE/70-80": 2}),
    ],
)
def test_a_row_is_an_occurrence(
    ask: Callable[[str], list[tuple]], table: str, word: str, expected: dict[str, int]
) -> None:
    assert dict(ask(f"SELECT {word}_source_value, count(*) FROM omop.{table} GROUP BY 1")) == expected
    ((n, distinct, highest),) = ask(f"SELECT count(*), count(DISTINCT {table}_id), max({table}_id) FROM omop.{table}")
    assert n == distinct
    assert highest < 0
    dates = [name for name in columns(table) if name.endswith("_date")]
    assert ask(f"SELECT {', '.join(f'count({name})' for name in dates)} FROM omop.{table}") == [(0,) * len(dates)]


def test_concepts_that_are_known(ask: Callable[[str], list[tuple]]) -> None:
    rows = ask(
        "SELECT observation_source_value, observation_concept_id, value_as_string FROM omop.observation "
        "GROUP BY ALL ORDER BY 1"
    )
    assert rows == [("AGE/70-80", 0, "70-80"), ("OMOP/4265453", 4265453, None), ("OUTCOME/died", 0, None)]
    assert ask("SELECT DISTINCT condition_concept_id FROM omop.condition_occurrence") == [(0,)]


def test_each_code_has_its_meaning_beside_it(ask: Callable[[str], list[tuple]]) -> None:
    found = ask(
        "SELECT DISTINCT m.source_code_description FROM omop.condition_occurrence c "
        "JOIN omop.source_to_concept_map m ON m.source_code = c.condition_source_value "
        "WHERE m.source_code = 'ICD9CM/250'"
    )
    assert found == [("Diabetes",)]
    assert ask("SELECT count(*) FROM omop.source_to_concept_map") == [(15,)]


def test_comments_say_what_is_not_there(ask: Callable[[str], list[tuple]]) -> None:
    said = dict(ask("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'condition_occurrence'"))
    assert said["condition_start_date"] == "Always NULL: the cohort has no such value"
    assert said["condition_concept_id"] == "Always 0, which in OMOP says that no concept is known"
    ((view,),) = ask("SELECT comment FROM duckdb_views() WHERE view_name = 'condition_occurrence'")
    assert "No dates and no visits: the cohort has none" in view


def test_a_cohort_without_demographics_has_persons(build_cohort: Callable[..., Path]) -> None:
    names = Vocabulary(("A/1",), ("",), (None,))
    file = build_cohort(counts=[[1]], ids=[-1], vocabulary=names) / "cohort.duckdb"
    with duckdb.connect(str(file), read_only=True) as connection:
        found = connection.execute("SELECT person_id, gender_concept_id, race_source_value FROM omop.person").fetchall()
    assert found == [(-1, 0, None)]
