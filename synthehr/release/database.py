"""`cohort.duckdb`: the synthetic cohort as a database that any DuckDB from 1.0 on opens, with a comment on everything.

Tables are made here; views, the schema `omop` and macros by the files of those names beside this one.

DuckDB reads the Parquet shards itself, so memory does not grow with the cohort. The content follows from the landing
alone; the bytes of the file do not, because DuckDB keeps a random sample of each table for its planner.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.events.engine import engine, literal, quoted
from synthehr.release.comments import comment_tables
from synthehr.release.domains import domain_sql
from synthehr.release.macros import create_macros
from synthehr.release.omop_views import create_omop_views
from synthehr.release.views import create_views, create_wide_view

STORAGE = "v1.0.0"  # what DuckDB 1.x reads; the default of 2.x is refused there


def write_database(
    target: Path, *, shards: Sequence[Path], vocabulary: Path, about: Mapping[str, str], scratch: Path
) -> None:
    """Write `cohort.duckdb` from the matrix shards and the vocabulary of a synthetic landing.

    target: must not exist. about: rows of the table `_about`. scratch: an existing folder to spill to.

    Raises:
        BadData: an id that is not negative or comes twice, or a patient without exactly one member of a group.
        OSError: the disk is full.
    """
    known = Vocabulary.read(vocabulary)
    with engine(scratch) as connection:
        connection.execute(f"ATTACH {literal(str(target))} AS cohort (STORAGE_VERSION '{STORAGE}'); USE cohort")
        _load(connection, shards, vocabulary)
        _check_ids(connection)
        _patients(connection, list(known.groups))
        _about(connection, about)
        connection.execute("BEGIN")  # one, for each is synced to disk
        comment_tables(connection)
        create_views(connection, known)
        create_omop_views(connection, known.groups, len(known))
        create_macros(connection)
        connection.execute("COMMIT")
        create_wide_view(connection, known)
        connection.execute("USE memory; DETACH cohort")


def _load(connection: duckdb.DuckDBPyConnection, shards: Sequence[Path], vocabulary: Path) -> None:
    files = "[" + ", ".join(literal(str(shard)) for shard in shards) + "]"
    connection.execute(
        f"""
        CREATE TABLE vocabulary AS
        SELECT "index" AS code_index, code, description, system, {domain_sql("system", '"group"')} AS domain,
          "group" AS exclusive_group
        FROM read_parquet({literal(str(vocabulary))}) ORDER BY code_index;
        CREATE TABLE matrix AS SELECT synthetic_id, codes, counts FROM read_parquet({files}) ORDER BY synthetic_id DESC;
        CREATE TABLE codes AS
        SELECT m.synthetic_id, m.code_index, v.code, m."count"
        FROM (SELECT synthetic_id, unnest(codes) AS code_index, unnest(counts)::INTEGER AS "count" FROM matrix) m
        JOIN vocabulary v USING (code_index) ORDER BY m.synthetic_id DESC, m.code_index
        """
    )


def _check_ids(connection: duckdb.DuckDBPyConnection) -> None:
    rows, distinct, positive = connection.execute(
        "SELECT count(*), count(DISTINCT synthetic_id), count(*) FILTER (synthetic_id >= 0 OR synthetic_id IS NULL) "
        "FROM matrix"
    ).fetchall()[0]
    if positive or distinct != rows or not rows:
        raise BadData(
            f"A synthetic cohort needs patients with negative ids, each once; of {rows} rows {positive} have another "
            f"id and {rows - distinct} repeat one. Run `synthehr generate` again."
        )


def _patients(connection: duckdb.DuckDBPyConnection, groups: Sequence[str]) -> None:
    members = "".join(
        f", any_value(m.member) FILTER (m.exclusive_group = {literal(g)}) AS {quoted(g)}"
        f", count(*) FILTER (m.exclusive_group = {literal(g)}) AS {quoted('n in ' + g)}"
        for g in groups
    )
    columns = "".join(f", p.{quoted(g)}" for g in groups)
    connection.execute(
        f"""
        CREATE TEMP TABLE members AS
        SELECT m.synthetic_id{members}, count(*) AS n_members
        FROM (SELECT c.synthetic_id, v.exclusive_group, substr(v.code, length(v.system) + 2) AS member
              FROM codes c JOIN vocabulary v USING (code_index) WHERE v.exclusive_group IS NOT NULL) m
        GROUP BY m.synthetic_id;
        CREATE TABLE patients AS
        SELECT m.synthetic_id{columns}, (len(m.codes) - coalesce(p.n_members, 0))::UINTEGER AS n_codes
        FROM matrix m LEFT JOIN members p USING (synthetic_id) ORDER BY m.synthetic_id DESC
        """
    )
    for group in groups:
        bad = connection.execute(
            f"SELECT count(*) FROM matrix LEFT JOIN members USING (synthetic_id) "
            f"WHERE coalesce({quoted('n in ' + group)}, 0) <> 1"
        ).fetchall()[0][0]
        if bad:
            raise BadData(
                f"Every synthetic patient must have exactly one member of the group {group}; {bad} have none or "
                "several. Run `synthehr generate` again."
            )
    connection.execute("DROP TABLE members")


def _about(connection: duckdb.DuckDBPyConnection, about: Mapping[str, str]) -> None:
    connection.execute('CREATE TABLE _about ("key" VARCHAR, "value" VARCHAR)')
    connection.executemany("INSERT INTO _about VALUES (?, ?)", [[key, value] for key, value in about.items()])
