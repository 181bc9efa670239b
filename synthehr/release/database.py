"""`cohort.duckdb`: the synthetic cohort as a database that any DuckDB from 1.0 on opens, with a comment on everything.

DuckDB reads the Parquet shards itself, so memory does not grow with the cohort. The content follows from the landing
alone; the bytes of the file do not, because DuckDB keeps a random sample of each table for its planner.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.events.engine import engine, literal, quoted

STORAGE = "v1.0.0"  # what DuckDB 1.x reads; the default of 2.x is refused there
WIDE_LIMIT = 1_000  # a view of more columns takes longer to plan than to run

TABLE_COMMENTS = {
    "patients": "One row a synthetic patient: demographics from the exclusive groups, and the number of other codes",
    "codes": "One row a synthetic patient and code: the cohort in long form",
    "matrix": "One row a synthetic patient: all codes as parallel lists, the cohort in sparse form",
    "vocabulary": "One row a code that a patient of this cohort can have",
    "_about": "What this file is, and that no row of it is a real patient",
}
COLUMN_COMMENTS = {
    "synthetic_id": "Id of a synthetic patient, always negative; it stands for no real person",
    "n_codes": "Number of distinct codes of the patient, demographics not counted",
    "code_index": "Position of the code in the vocabulary, from 0",
    "code": "SYSTEM/value, such as ICD9CM/250",
    "count": "How often the patient has the code, at least 1",
    "codes": "code_index of each code of the patient, ascending",
    "counts": "How often the patient has the code at the same place of the list codes",
    "description": "What the code means, as the source's dictionary says it; may be empty",
    "system": "Code system: what stands before the first slash of the code",
    "exclusive_group": "Group of which each patient has exactly one member (such as sex, age, race), or NULL",
    "key": "Name of a fact",
    "value": "The fact",
}


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
        _views(connection, known)
        _comment(connection)
        connection.execute("USE memory; DETACH cohort")


def wide_codes(connection: duckdb.DuckDBPyConnection, limit: int = WIDE_LIMIT) -> list[tuple[int, str]]:
    """(code_index, code) of the columns of `patients_wide`: all codes in no group, or the `limit` commonest."""
    rows = connection.execute(
        """
        SELECT v.code_index, v.code, count(c.synthetic_id) AS n
        FROM vocabulary v LEFT JOIN codes c USING (code_index) WHERE v.exclusive_group IS NULL
        GROUP BY v.code_index, v.code ORDER BY n DESC, v.code_index LIMIT ?
        """,
        [limit],
    ).fetchall()
    return sorted((index, code) for index, code, _ in rows)


def _load(connection: duckdb.DuckDBPyConnection, shards: Sequence[Path], vocabulary: Path) -> None:
    files = "[" + ", ".join(literal(str(shard)) for shard in shards) + "]"
    connection.execute(
        f"""
        CREATE TABLE vocabulary AS
        SELECT "index" AS code_index, code, description, system, "group" AS exclusive_group
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


def _views(connection: duckdb.DuckDBPyConnection, known: Vocabulary) -> None:
    groups = "".join(f", p.{quoted(g)}" for g in known.groups)
    connection.execute(
        f"""
        CREATE VIEW codes_long AS
        SELECT c.synthetic_id{groups}, c.code, v.description, v.system, c."count"
        FROM codes c JOIN vocabulary v USING (code_index) JOIN patients p USING (synthetic_id)
        WHERE v.exclusive_group IS NULL;
        COMMENT ON VIEW codes_long IS
        'One row a synthetic patient and code with its description and the patient''s demographics'
        """
    )
    chosen = wide_codes(connection)
    # DuckDB's names know no case: of two codes that differ in case alone the later carries its index
    taken = {"synthetic_id", "n_codes", *(g.lower() for g in known.groups)}
    labels = {}
    for j, code in chosen:
        labels[j] = f"{code} [{j}]" if code.lower() in taken else code
        taken.add(code.lower())
    # an expression a column: DuckDB computes only the columns that a query names
    columns = "".join(
        f", coalesce(m.counts[list_position(m.codes, {j}::UINTEGER)], 0)::INTEGER AS {quoted(label)}"
        for j, label in labels.items()
    )
    connection.execute(
        f"CREATE VIEW patients_wide AS SELECT p.*{columns} FROM patients p JOIN matrix m USING (synthetic_id)"
    )
    kept = "every code" if len(chosen) == len(known.free) else f"each of the {len(chosen)} commonest codes"
    connection.execute(
        "COMMENT ON VIEW patients_wide IS "
        + literal(
            f"One row a synthetic patient, one column for {kept} outside the exclusive groups: its count, 0 if absent"
        )
    )


def _comment(connection: duckdb.DuckDBPyConnection) -> None:
    for table, comment in TABLE_COMMENTS.items():
        connection.execute(f"COMMENT ON TABLE {table} IS {literal(comment)}")
        for (column,) in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND database_name = 'cohort'", [table]
        ).fetchall():
            comment = COLUMN_COMMENTS.get(column, f"Demographics: the patient's member of the group {column}")
            connection.execute(f"COMMENT ON COLUMN {table}.{quoted(column)} IS {literal(comment)}")
    for column, comment in COLUMN_COMMENTS.items():
        if column in ("synthetic_id", "code", "description", "system", "count"):
            connection.execute(f"COMMENT ON COLUMN codes_long.{quoted(column)} IS {literal(comment)}")
