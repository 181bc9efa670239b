"""Whether the forms in which a bundle holds its cohort are one cohort: database, Parquet, events, dictionary."""

import csv
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from synthehr.errors import BadData
from synthehr.events.engine import literal

# (patients, rows, sum of counts, hash over all rows), order of the rows apart
FORMS = {
    "cohort.duckdb": 'SELECT synthetic_id AS id, code, "count"::BIGINT AS n FROM cohort.codes',
    "data/*.parquet": """
        SELECT m.synthetic_id AS id, v.code, m.n::BIGINT AS n
        FROM (SELECT synthetic_id, unnest(codes) AS j, unnest(counts) AS n FROM read_parquet({data})) m
        JOIN read_parquet({vocabulary}) v ON v."index" = m.j""",
    "events/data/*.parquet": "SELECT subject_id AS id, code, numeric_value::BIGINT AS n FROM read_parquet({events})",
}


def same_contents(public: Path) -> str:
    """Compare every form of the cohort by patients, rows, counts and a hash over all rows; what was found, in words.

    Raises:
        BadData: two forms differ, an id is not negative, or a patient has not exactly one member of each group.
    """
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {literal(str(public / 'cohort.duckdb'))} AS cohort (READ_ONLY)")
        places = {
            "data": _files(public / "data"),
            "events": _files(public / "events" / "data"),
            "vocabulary": literal(str(public / "vocabulary.parquet")),
        }
        found = {name: _digest(connection, sql.format(**places)) for name, sql in FORMS.items()}
        first, *others = found.items()
        for name, digest in others:
            if digest != first[1]:
                raise BadData(f"{name} does not hold the cohort of {first[0]}")
        _check_patients(connection)
        patients = connection.execute("SELECT count(*) FROM cohort.patients").fetchall()[0][0]
        _check_matrix(public, patients)
        _check_dictionary(connection, public)
    return (
        f"{patients:,} patients and {first[1][1]:,} codes of theirs, the same in {len(FORMS)} forms; all ids negative"
    )


def _files(folder: Path) -> str:
    """The Parquet files of a folder by name: a pattern would take brackets in the folder's own name for its own."""
    return "[" + ", ".join(literal(str(file)) for file in sorted(folder.glob("*.parquet"))) + "]"


def _digest(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    query = f"SELECT count(DISTINCT id), count(*), sum(n), bit_xor(hash(id, code, n)) FROM ({sql})"
    return tuple(int(value or 0) for value in connection.execute(query).fetchall()[0])


def _check_patients(connection: duckdb.DuckDBPyConnection) -> None:
    positive = connection.execute(
        "SELECT count(*) FROM cohort.patients WHERE synthetic_id >= 0 OR synthetic_id IS NULL"
    ).fetchall()[0][0]
    if positive:
        raise BadData(f"{positive:,} patients have an id that is not negative: they are not marked as synthetic")
    for group, bad in connection.execute(
        """
        SELECT g.exclusive_group, (SELECT count(*) FROM cohort.patients) - count(DISTINCT c.synthetic_id)
          + (count(c.synthetic_id) - count(DISTINCT c.synthetic_id)) AS bad
        FROM cohort.vocabulary g LEFT JOIN cohort.codes c USING (code_index)
        WHERE g.exclusive_group IS NOT NULL GROUP BY g.exclusive_group
        """
    ).fetchall():
        if bad:
            raise BadData(f"{bad:,} patients have not exactly one member of the group {group}")


def _check_matrix(public: Path, patients: int) -> None:
    rows = sum(pq.read_metadata(file).num_rows for file in (public / "data").glob("*.parquet"))
    if rows != patients:
        raise BadData(f"data/ has {rows:,} patients, cohort.duckdb {patients:,}")


def _check_dictionary(connection: duckdb.DuckDBPyConnection, public: Path) -> None:
    counted = dict(
        connection.execute(
            "SELECT v.code, count(c.synthetic_id) FROM cohort.vocabulary v LEFT JOIN cohort.codes c USING (code_index) "
            "GROUP BY v.code"
        ).fetchall()
    )
    with (public / "dictionary.csv").open(encoding="utf-8", newline="") as stream:
        said = {row["code"]: int(row["n_synthetic_patients"]) for row in csv.DictReader(stream)}
    if said != counted:
        raise BadData("dictionary.csv does not count the patients of cohort.duckdb")
