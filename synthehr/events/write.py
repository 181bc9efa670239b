"""Events on their way to disk: repeated ones dropped, sorted, in shards that no patient straddles, with metadata."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.events.engine import literal
from synthehr.events.icd9 import categories, category
from synthehr.events.schema import CODES, EVENTS, EXCLUSIVE, MEDS_VERSION
from synthehr.landing import write_text

SHARD_EVENTS = 5_000_000  # about 300 MB while it is sorted
ROW_GROUP = 1 << 17
ORDER = "subject_id, time NULLS FIRST, visit_id NULLS FIRST, code, numeric_value NULLS FIRST, text_value NULLS FIRST"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written, in counts; the fields are those of `IngestReport`."""

    patients: int
    patients_without_codes: int
    events: int
    events_repeated: int
    events_without_time: int
    codes: int
    first_day: str | None
    last_day: str | None


def arrow(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The result of a query as one Arrow table."""
    relation = connection.sql(sql)
    reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader  # DuckDB 2, DuckDB 1
    return reader().read_all()


def write_events(connection: duckdb.DuckDBPyConnection, folder: Path, *, dataset: str) -> Written:
    """Write the table `made` as MEDS `data/` and `metadata/` into an open landing.

    made: subject_id, time, code, numeric_value, text_value, visit_id, in any order. descriptions: code, description.
    The same rows give the same bytes, whatever order they were made in.
    """
    (folder / "data").mkdir()
    (folder / "metadata").mkdir()
    for k, (low, high) in enumerate(_shards(connection)):
        table = arrow(
            connection,
            f"SELECT DISTINCT * FROM made WHERE subject_id BETWEEN {low} AND {high} ORDER BY {ORDER}",
        )
        columns = [table.column(f.name).cast(f.type) for f in EVENTS]
        exact = pa.Table.from_arrays(columns, schema=EVENTS)
        pq.write_table(exact, folder / "data" / f"{k:05d}.parquet", compression="zstd", row_group_size=ROW_GROUP)
    _write_codes(connection, folder)
    about = {
        "dataset_name": dataset,
        "etl_name": "synthehr",
        "etl_version": metadata.version("synthehr"),
        "meds_version": MEDS_VERSION,
        "raw_source_id_columns": ["visit_id"],
    }
    write_text(folder / "metadata" / "dataset.json", json.dumps(about, indent=1) + "\n")
    return _counted(connection, folder)


def _shards(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[int, int]]:
    """First and last subject of each shard, ascending."""
    yield from connection.execute(
        f"""SELECT min(subject_id), max(subject_id)
        FROM (SELECT subject_id, floor((sum(n) OVER (ORDER BY subject_id) - n) / {SHARD_EVENTS}) AS shard
              FROM (SELECT subject_id, count(*) AS n FROM made GROUP BY subject_id))
        GROUP BY shard ORDER BY shard"""
    ).fetchall()


def _read(folder: Path) -> str:
    return f"read_parquet({literal(str(folder / 'data' / '*.parquet'))})"


def _write_codes(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Every code of the events and its category, with the words of the source or of ICD-9-CM."""
    codes = {code for (code,) in connection.execute(f"SELECT DISTINCT code FROM {_read(folder)}").fetchall()}
    words = dict(categories())
    words |= connection.execute("SELECT code, min(description) FROM descriptions GROUP BY code").fetchall()
    parents = {code: category(code) for code in codes}
    named = sorted(codes | {parent for parent in parents.values() if parent})
    above = [[p] if (p := parents.get(code)) and p != code else None for code in named]
    columns = [pa.array(named, pa.string()), pa.array([words.get(c) for c in named], pa.string())]
    table = pa.Table.from_arrays([*columns, pa.array(above, pa.list_(pa.string()))], schema=CODES)
    pq.write_table(table, folder / "metadata" / "codes.parquet", compression="zstd")


def _counted(connection: duckdb.DuckDBPyConnection, folder: Path) -> Written:
    facts = ", ".join(literal(name) for name in EXCLUSIVE)
    counted = connection.execute(
        f"""SELECT count(*), count(DISTINCT subject_id), count(*) FILTER (time IS NULL), count(DISTINCT code),
          count(DISTINCT subject_id) FILTER (split_part(code, '/', 1) NOT IN ({facts})),
          CAST(CAST(min(time) AS DATE) AS VARCHAR), CAST(CAST(max(time) AS DATE) AS VARCHAR)
        FROM {_read(folder)}"""
    ).fetchone()
    made = connection.execute("SELECT count(*) FROM made").fetchone()
    assert counted is not None
    assert made is not None
    events, patients, timeless, codes, with_codes, first, last = counted
    return Written(
        patients=patients,
        patients_without_codes=patients - with_codes,
        events=events,
        events_repeated=made[0] - events,
        events_without_time=timeless,
        codes=codes,
        first_day=first,
        last_day=last,
    )
