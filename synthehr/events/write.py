"""Events on their way to disk: repeated ones dropped, sorted, a file for each partition of patients, with metadata."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthehr.codes.categories import category, titles
from synthehr.events.engine import literal
from synthehr.events.schema import CODES, EVENTS, EXCLUSIVE, MEDS_VERSION
from synthehr.landing import write_text

ROW_GROUP = 1 << 17
ORDER = "subject_id, time NULLS FIRST, visit_id NULLS FIRST, code, numeric_value NULLS FIRST, text_value NULLS FIRST"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written of one partition, in counts; the fields are those of `IngestReport`."""

    patients: int
    patients_without_codes: int
    events: int
    events_repeated: int
    events_without_time: int
    first_day: str | None
    last_day: str | None


def arrow(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The result of a query as one Arrow table."""
    relation = connection.sql(sql)
    reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader  # DuckDB 2, DuckDB 1
    return reader().read_all()


def write_events(connection: duckdb.DuckDBPyConnection, path: Path) -> Written:
    """Write the table `events` as one MEDS file; nothing is written if it is empty.

    events: subject_id, time, code, numeric_value, text_value, visit_id, in any order. The same rows give the same
    bytes, whatever order they were made in.
    """
    table = arrow(connection, f"SELECT * FROM _events ORDER BY {ORDER}")
    made = table.num_rows
    exact = _without_repeats(pa.Table.from_arrays([table.column(f.name).cast(f.type) for f in EVENTS], schema=EVENTS))
    del table
    if exact.num_rows:
        pq.write_table(exact, path, compression="zstd", row_group_size=ROW_GROUP)
    connection.register("_written", exact)
    facts = ", ".join(literal(name) for name in EXCLUSIVE)
    counted = connection.execute(
        f"""SELECT count(*), count(DISTINCT subject_id), count(*) FILTER (time IS NULL),
          count(DISTINCT subject_id) FILTER (split_part(code, '/', 1) NOT IN ({facts})),
          CAST(CAST(min(time) AS DATE) AS VARCHAR), CAST(CAST(max(time) AS DATE) AS VARCHAR)
        FROM _written"""
    ).fetchone()
    assert counted is not None
    events, patients, timeless, with_codes, first, last = counted
    return Written(
        patients=patients,
        patients_without_codes=patients - with_codes,
        events=events,
        events_repeated=made - events,
        events_without_time=timeless,
        first_day=first,
        last_day=last,
    )


def _without_repeats(table: pa.Table) -> pa.Table:
    """Sorted rows without those that are as the one before."""
    if table.num_rows < 2:
        return table
    same = None
    for column in table.columns:
        before, here = column.slice(0, table.num_rows - 1), column.slice(1)
        nothing = pc.and_(pc.is_null(before), pc.is_null(here))
        equal = pc.or_(pc.fill_null(pc.equal(before, here), False), nothing)
        same = equal if same is None else pc.and_(same, equal)
    return (
        table.filter(pa.chunked_array([pa.array([True]), *pc.invert(same).chunks])) if pc.any(same).as_py() else table
    )


def added(parts: Sequence[Written]) -> Written:
    """The counts of all partitions together: no patient is in two."""
    days = [(part.first_day, part.last_day) for part in parts]
    return Written(
        patients=sum(part.patients for part in parts),
        patients_without_codes=sum(part.patients_without_codes for part in parts),
        events=sum(part.events for part in parts),
        events_repeated=sum(part.events_repeated for part in parts),
        events_without_time=sum(part.events_without_time for part in parts),
        first_day=min((first for first, _ in days if first is not None), default=None),
        last_day=max((last for _, last in days if last is not None), default=None),
    )


def write_metadata(folder: Path, codes: Mapping[str, str | None], *, dataset: str) -> None:
    """Write MEDS `metadata/`: every code of the events and its category, with words for them.

    codes: each code of the events, and what the source calls it, or None: then its classification may have words.
    """
    (folder / "metadata").mkdir()
    words: dict[str, str | None] = {**titles(), **{code: text for code, text in codes.items() if text}}
    parents = {code: category(code) for code in codes}
    named = sorted({*codes, *(parent for parent in parents.values() if parent)})
    above = [[p] if (p := parents.get(code)) and p != code else None for code in named]
    columns = [pa.array(named, pa.string()), pa.array([words.get(c) for c in named], pa.string())]
    table = pa.Table.from_arrays([*columns, pa.array(above, pa.list_(pa.string()))], schema=CODES)
    pq.write_table(table, folder / "metadata" / "codes.parquet", compression="zstd")
    about = {
        "dataset_name": dataset,
        "etl_name": "synthehr",
        "etl_version": metadata.version("synthehr"),
        "meds_version": MEDS_VERSION,
        "raw_source_id_columns": ["visit_id"],
    }
    write_text(folder / "metadata" / "dataset.json", json.dumps(about, indent=1) + "\n")
