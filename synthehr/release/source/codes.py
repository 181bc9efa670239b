"""What each code of a cohort is in OMOP: a record with a concept, or a fact of a person; as tables to join with."""

from collections.abc import Mapping

import duckdb

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.schema import system
from synthehr.release.source.concepts import HISPANIC, RACES, SEXES, Concepts
from synthehr.release.source.dates import year_of_birth
from synthehr.release.source.routes import DIED

MOST = 2**31 - 1  # a concept_id is a plain integer of the CDM


def load_codes(
    connection: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, tables: Mapping[str, str], concepts: Concepts
) -> None:
    """Leave the tables `route` (of codes that are records), `fact` (of those that say something of a person) and `era`.

    tables: code -> table of the CDM, of those that are records. See `occurrences` for what is done with them.
    """
    connection.execute(
        """
        CREATE TABLE route (code_index BIGINT, source_table VARCHAR, concept_id BIGINT, source_value VARCHAR);
        CREATE TABLE fact
        (code_index BIGINT, sex INTEGER, born INTEGER, race INTEGER, ethnicity INTEGER, died BOOLEAN);
        CREATE TABLE era (source_table VARCHAR, concept_id BIGINT, era_concept_id BIGINT)
        """
    )
    routes: list[list[object]] = []
    facts: list[list[object]] = []
    for j, code in enumerate(vocabulary.code):
        if code in tables:
            routes.append([j, tables[code], *_concept(code, concepts)])
        else:
            facts.append([j, *_fact(code)])
    for name, rows in (("route", routes), ("fact", facts), ("era", _eras(concepts))):
        if rows:
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", rows)


def _eras(concepts: Concepts) -> list[list[object]]:
    """Eras of conditions are of the concepts themselves, those of drugs of their ingredients, as the CDM has it."""
    ingredients = {row["concept_id"] for row in concepts.rows if row["concept_class_id"] == "Ingredient"}
    conditions = [["condition_occurrence", row["concept_id"], row["concept_id"]] for row in concepts.known.values()]
    drugs = [
        ["drug_exposure", pair["descendant_concept_id"], pair["ancestor_concept_id"]]
        for pair in concepts.ancestors
        if pair["ancestor_concept_id"] in ingredients
    ]
    return [*conditions, *drugs]


def _concept(code: str, concepts: Concepts) -> tuple[int, str | None]:
    """The concept of a code and what stands in its place where there is none."""
    if code in concepts.known:
        return concepts.known[code]["concept_id"], None
    value = code.partition("/")[2]
    if system(code) == "OMOP" and value.isdigit() and int(value) <= MOST:
        return int(value), None
    return 0, value if system(code) == "SOURCE" else code


def _fact(code: str) -> tuple[int | None, int | None, int | None, int | None, bool]:
    value, kind = code.partition("/")[2], system(code)
    return (
        SEXES.get(value) if kind == "SEX" else None,
        year_of_birth(value) if kind == "AGE" else None,
        RACES.get(value) if kind == "RACE" else None,
        HISPANIC if code == "RACE/hispanic" else None,
        code == DIED,
    )
