"""The schema `omop` of `cohort.duckdb`: the cohort as views named as the tables of OMOP CDM 5.4, columns and all.

https://ohdsi.github.io/CommonDataModel/cdm54.html. A code matrix has neither dates nor visits, and its codes no
concept ids: such columns stand there, NULL or 0, so that a query binds, and their comments say so.
"""

from collections.abc import Iterable, Mapping

import duckdb
import pyarrow as pa

from synthehr.events.engine import literal, quoted
from synthehr.release.comments import comment_columns
from synthehr.release.source.cdm import DOMAINS, RECORDS, schema
from synthehr.release.source.concepts import HISPANIC, RACES, SEXES

SCHEMA = "omop"
COUNTS = 65_536  # counts are uint16, so an id made with this factor is an occurrence's own
NOT_OMOP = "age_source_value"
SPELLINGS = {"africanamerican": "black", "caucasian": "white"}  # of races, by sources that have their own
MAP = (
    *("source_code", "source_concept_id", "source_vocabulary_id", "source_code_description", "target_concept_id"),
    *("target_vocabulary_id", "valid_start_date", "valid_end_date", "invalid_reason"),
)
TYPES = {pa.int32(): "INTEGER", pa.float64(): "DOUBLE", pa.date32(): "DATE", pa.timestamp("us"): "TIMESTAMP"}


def create_omop_views(connection: duckdb.DuckDBPyConnection, groups: Iterable[str], n_codes: int) -> None:
    """Create the schema and its views, with comments, in the database in use.

    groups: exclusive groups of the cohort, each a column of `patients`. n_codes: length of the vocabulary.
    """
    connection.execute(f"CREATE SCHEMA {SCHEMA}")
    has = set(groups)
    person = _columns("person") | {NOT_OMOP: "VARCHAR"}
    _create(connection, "person", person, _person(has), "main.patients p", "One row a synthetic patient")
    for domain, table in DOMAINS.items():
        source = (
            "(SELECT c.synthetic_id, c.code, c.code_index, v.system, v.exclusive_group, "
            'unnest(range(c."count")) AS nth FROM main.codes c JOIN main.vocabulary v USING (code_index) '
            f"WHERE v.domain = {literal(domain)}) e"
        )
        says = (
            f"One row a synthetic patient, code of the domain {domain} and occurrence of it; the domain follows from "
            "the code's system alone. No dates and no visits: the cohort has none"
        )
        _create(connection, table, _columns(table), _record(table, n_codes), source, says)
    filled = {
        "source_code": "v.code",
        "source_vocabulary_id": "v.system",
        "source_code_description": "v.description",
        "source_concept_id": "0",
        "target_concept_id": "0",
    }
    says = "What each *_source_value means: one row a code of the vocabulary; target_concept_id is yours to fill"
    kinds = {"_date": "DATE", "_concept_id": "INTEGER"}
    types = {name: next((k for end, k in kinds.items() if name.endswith(end)), "VARCHAR") for name in MAP}
    _create(connection, "source_to_concept_map", types, filled, "main.vocabulary v", says)


def _columns(table: str) -> dict[str, str]:
    """Columns of a table of the CDM -> type in SQL; ids that the cohort makes are wider than the CDM's."""
    own = {"person_id", f"{table}_id"}
    return {
        field.name: "BIGINT" if field.name in own else TYPES.get(field.type, "VARCHAR") for field in schema(table, {})
    }


def _person(has: set[str]) -> dict[str, str]:
    sex, race, age = (f"p.{quoted(g)}" if g in has else "NULL::VARCHAR" for g in ("sex", "race", "age"))
    hispanic = f"lower({race}) = 'hispanic'"
    return {
        "person_id": "p.synthetic_id",
        "gender_concept_id": _concept(sex, SEXES),
        "race_concept_id": _concept(race, RACES | {name: RACES[race] for name, race in SPELLINGS.items()}),
        "ethnicity_concept_id": f"CASE WHEN {hispanic} THEN {HISPANIC} ELSE 0 END",
        "gender_source_concept_id": "0",
        "race_source_concept_id": "0",
        "ethnicity_source_concept_id": "0",
        "person_source_value": "p.synthetic_id::VARCHAR",
        "gender_source_value": sex,
        "race_source_value": race,
        "ethnicity_source_value": f"CASE WHEN {hispanic} THEN {race} END",
        NOT_OMOP: age,
    }


def _concept(member: str, concepts: Mapping[str, int]) -> str:
    cases = " ".join(f"WHEN {literal(name)} THEN {concept}" for name, concept in concepts.items())
    return f"CASE lower({member}) {cases} ELSE 0 END"


def _record(table: str, n_codes: int) -> dict[str, str]:
    word, _ = RECORDS[table]
    filled = {
        f"{table}_id": f"-(((-e.synthetic_id - 1) * {n_codes} + e.code_index) * {COUNTS} + e.nth + 1)",
        "person_id": "e.synthetic_id",
        f"{word}_source_value": "e.code",
        **{f"{word}_{kind}concept_id": "0" for kind in ("", "type_", "source_")},
    }
    if table == "observation":
        value = "substr(e.code, length(e.system) + 2)"
        # a source without a vocabulary at hand names the concept itself
        concept = f"CASE WHEN e.system = 'OMOP' THEN coalesce(TRY_CAST({value} AS INTEGER), 0) ELSE 0 END"
        filled["observation_concept_id"] = concept
        filled["value_as_string"] = f"CASE WHEN e.exclusive_group IS NOT NULL THEN {value} END"
    return filled


def _create(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    types: Mapping[str, str],
    filled: Mapping[str, str],
    source: str,
    says: str,
) -> None:
    parts = [f"({filled.get(column, 'NULL')})::{kind} AS {column}" for column, kind in types.items()]
    connection.execute(f"CREATE VIEW {SCHEMA}.{view} AS SELECT {', '.join(parts)} FROM {source}")
    connection.execute(f"COMMENT ON VIEW {SCHEMA}.{view} IS {literal(f'OMOP CDM 5.4: {says}')}")
    comment_columns(connection, f"{SCHEMA}.{view}", {column: _says(column, filled) for column in types})


def _says(column: str, filled: Mapping[str, str]) -> str:
    if column == NOT_OMOP:
        return "Age group of the patient; not of OMOP CDM, where a person has a year of birth, which the cohort has not"
    if column not in filled:
        return "Always NULL: the cohort has no such value"
    if filled[column] == "0":
        return "Always 0, which in OMOP says that no concept is known"
    return {
        "person_id": "Id of a synthetic patient, always negative",
        "person_source_value": "The same id as text",
        "gender_concept_id": "8532 female, 8507 male, 0 not known",
        "race_concept_id": "Concept of the race where its name is known, else 0",
        "ethnicity_concept_id": "38003563 where the race is hispanic, else 0",
        "value_as_string": "Of a member of an exclusive group (such as AGE/70-80) the part after the slash, else NULL",
        "observation_concept_id": "The number of a code OMOP/number, else 0: no concept is known",
        "source_code": "The code as *_source_value has it: SYSTEM/value",
        "source_vocabulary_id": "Code system",
        "source_code_description": "What the code means; may be empty",
    }.get(column, _kind(column))


def _kind(column: str) -> str:
    if column.endswith("_id"):
        return "Id of this row, always negative"
    return "As the source has it" if column.startswith(("gender", "race", "ethnicity")) else "The code: SYSTEM/value"
