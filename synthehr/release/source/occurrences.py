"""A code matrix as records: a code with the count c becomes c records, each in another nominal visit of the patient."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from synthehr.events.engine import literal


def each_shard(connection: duckdb.DuckDBPyConnection, shards: Sequence[Path]) -> Iterator[None]:
    """Leave two tables of one shard after another, so that memory does not grow with the cohort.

    people: synthetic_id, visits (at least 1), before (visits of all patients before). occurrence: person_id,
    code_index, nth (from 1), visit_id (negative, unique); the n-th record of each code is in the n-th visit, which
    makes the fewest visits that the counts allow.
    """
    before = 0
    for shard in shards:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE people AS
            SELECT *, {before} - visits
              + sum(visits) OVER (ORDER BY synthetic_id DESC ROWS UNBOUNDED PRECEDING) AS before
            FROM (SELECT synthetic_id, codes, counts, CAST(coalesce(list_max(counts), 1) AS BIGINT) AS visits
                  FROM read_parquet({literal(str(shard))}))"""
        )
        connection.execute(
            """CREATE OR REPLACE TEMP TABLE occurrence AS
            SELECT synthetic_id AS person_id, code_index, nth, CAST(-(before + nth) AS BIGINT) AS visit_id
            FROM (SELECT synthetic_id, before, code_index, unnest(range(1, n + 1)) AS nth
                  FROM (SELECT synthetic_id, before, unnest(codes) AS code_index, unnest(counts) AS n FROM people))"""
        )
        yield
        found = connection.execute("SELECT coalesce(sum(visits), 0) FROM people").fetchall()
        before += int(found[0][0])


def visits_sql() -> str:
    """SQL of all visits of the shard: person_id, visit_id, in order."""
    return """SELECT synthetic_id AS person_id, CAST(-(before + nth) AS BIGINT) AS visit_id
      FROM (SELECT synthetic_id, before, unnest(range(1, visits + 1)) AS nth FROM people) ORDER BY visit_id DESC"""


def records_sql(table: str, before: int) -> str:
    """SQL of the shard's records of one table: the columns of `route`, person_id, visit_id and record_id, in order.

    The table `route` names the `source_table` of each code_index. before: records of the table in earlier shards;
    record_id goes on from there, negative.
    """
    return f"""SELECT * EXCLUDE (nth),
      -({before} + row_number() OVER (ORDER BY person_id DESC, code_index, nth)) AS record_id
      FROM occurrence JOIN route USING (code_index) WHERE source_table = {literal(table)} ORDER BY record_id DESC"""


def eras_sql(table: str, before: int) -> str:
    """SQL of what the records of one table add up to, by person and concept: n, and the others of `records_sql`.

    The table `era` names the era_concept_id of each source_table and concept_id, or several.
    """
    return f"""SELECT *, -({before} + row_number() OVER (ORDER BY person_id DESC, concept_id)) AS record_id
      FROM (SELECT person_id, era_concept_id AS concept_id, count(*) AS n
            FROM occurrence JOIN route USING (code_index) JOIN era USING (source_table, concept_id)
            WHERE source_table = {literal(table)} GROUP BY person_id, era_concept_id) ORDER BY record_id DESC"""
