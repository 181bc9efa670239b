"""Counting one file of an events landing by row and column, in DuckDB: a task, which runs anywhere.

Light on purpose: a worker imports this module alone, without scipy or torch.
"""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthehr.events.engine import engine, literal

MEMORY_LIMIT = "400MB"  # of a task; what exceeds it spills into the work folder
MAX_COUNT = int(np.iinfo(np.uint16).max)
LEAST = np.iinfo(np.int64).min  # stands for null, which comes first
COUNTED = b"counted"


@dataclass(frozen=True, kw_only=True)
class CountTask:
    """Count one file. events: the file; columns: see `write_columns`; out: what is written, unless it is there.

    groups: of exclusive groups. by_encounter: rows are encounters; by_events: counts are of events. The window, in
    days, as `CohortOptions` has it.
    """

    events: str
    columns: str
    out: str
    groups: int
    by_encounter: bool
    by_events: bool
    first_days: int | None
    last_days: int | None


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a task saw, in events of codes that are columns in no group."""

    outside_window: int
    without_time: int
    without_visit: int


def write_columns(path: Path, codes: Sequence[tuple[str, int | None, int | None, int | None, bool]]) -> None:
    """Write what tasks join events with: of each code its column, or else its group and member, or neither.

    codes: code, position of its column, number of its group, member in that group, whether the member is `unknown`.
    """
    kinds = {
        "code": pa.string(),
        "position": pa.int32(),
        "grp": pa.int32(),
        "member": pa.int32(),
        "unknown": pa.bool_(),
    }
    columns = zip(*codes, strict=True) if codes else ([] for _ in kinds)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, kinds.values(), strict=True)]
    own = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(pa.table(dict(zip(kinds, arrays, strict=True))), own)
    own.replace(path)


def count_file(task: CountTask) -> Counted:
    """Count a file into `task.out`, one row a row of the cohort, ascending by subject (then visit).

    The file has subject_id int64, visit_id int64 where rows are encounters, codes list<int32> ascending, counts
    list<uint16> (clipped), and for group k `member_k` int32 (-1 where no event says) and `differs_k` bool. It appears
    complete or not at all, and a complete one is not made again.

    Raises:
        BadData: DuckDB refused the file. OSError: the disk is full.
    """
    out = Path(task.out)
    if out.is_file():
        return counted(out)
    spill = out.with_suffix(f".{os.getpid()}.spill")
    with engine(spill, memory_limit=MEMORY_LIMIT, threads=1) as connection:
        _prepare(connection, task)
        table, seen = _table(connection, task)
    shutil.rmtree(spill)
    about = table.schema.with_metadata({COUNTED: json.dumps(asdict(seen))})
    temporary = out.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(table.cast(about), temporary, compression="lz4", use_dictionary=False)
    temporary.replace(out)
    return seen


def counted(path: Path) -> Counted:
    """What the task saw that wrote this file."""
    return Counted(**json.loads(pq.read_schema(path).metadata[COUNTED]))


def _prepare(connection: duckdb.DuckDBPyConnection, task: CountTask) -> None:
    """Leave the tables `columns` and `found` (rows of the cohort), and the view `clinical`."""
    keys = "subject_id, visit_id" if task.by_encounter else "subject_id"
    source = f"read_parquet({literal(task.events)})"
    window, bounds = _window(task)
    connection.execute(f"CREATE TEMP TABLE columns AS SELECT * FROM read_parquet({literal(task.columns)})")
    connection.execute(f"CREATE TEMP VIEW coded AS SELECT * FROM {source} JOIN columns USING (code)")
    connection.execute(
        f"""CREATE TEMP TABLE found AS SELECT {keys}, CAST(row_number() OVER () - 1 AS INTEGER) AS row FROM (
          SELECT DISTINCT {keys} FROM {source} {"WHERE visit_id IS NOT NULL" if task.by_encounter else ""}
          ORDER BY {keys})"""
    )
    if bounds:
        connection.execute(f"CREATE TEMP TABLE bounds AS {bounds}")
    connection.execute(f"CREATE TEMP VIEW clinical AS SELECT * FROM coded {window}")


def _window(task: CountTask) -> tuple[str, str]:
    """What keeps the clinical events inside the window, and the query of each patient's first and last time."""
    bounds = """SELECT subject_id, min(time) AS first, max(time) AS last FROM coded
      WHERE grp IS NULL AND code <> 'MEDS_BIRTH' AND time IS NOT NULL GROUP BY subject_id"""
    kept = "WHERE position IS NOT NULL"
    if task.first_days is not None:
        return (
            f"JOIN bounds USING (subject_id) {kept} AND time >= first AND time < first + to_days({task.first_days})",
            bounds,
        )
    if task.last_days is not None:
        return (
            f"JOIN bounds USING (subject_id) {kept} AND time <= last AND time > last - to_days({task.last_days})",
            bounds,
        )
    return kept, ""


def _table(connection: duckdb.DuckDBPyConnection, task: CountTask) -> tuple[pa.Table, Counted]:
    rows = connection.execute("SELECT * EXCLUDE (row) FROM found ORDER BY row").fetchnumpy()
    n = len(rows["subject_id"])
    columns: dict[str, Any] = {name: pa.array(np.asarray(values, dtype=np.int64)) for name, values in rows.items()}
    columns |= _lists(connection, task, n)
    said = _said(connection, task)
    for k in range(task.groups):
        here = said["grp"] == k
        member, differs = _members({name: values[here] for name, values in said.items() if name != "grp"}, n)
        columns |= {f"member_{k}": pa.array(member), f"differs_{k}": pa.array(differs)}
    return pa.table(columns), _counted(connection, task)


def _lists(connection: duckdb.DuckDBPyConnection, task: CountTask, n: int) -> dict[str, pa.ListArray]:
    keys = "subject_id, visit_id" if task.by_encounter else "subject_id"
    # once an encounter, or once an event where there is no encounter; encounters of a patient are added up below
    times = "count(*)" if task.by_events else "CASE WHEN visit_id IS NULL THEN count(*) ELSE 1 END"
    found = connection.execute(
        f"""SELECT row, position, n FROM (SELECT subject_id, visit_id, position, {times} AS n
          FROM clinical GROUP BY subject_id, visit_id, position) JOIN found USING ({keys})"""
    ).fetchnumpy()
    key = (np.asarray(found["row"], dtype=np.int64) << 32) | np.asarray(found["position"])
    order = np.argsort(key)
    key = key[order]
    starts = _starts(key)
    counts = np.add.reduceat(np.asarray(found["n"])[order], starts) if len(key) else np.zeros(0, dtype=np.int64)
    key = key[starts]
    ends = np.concatenate([[0], np.cumsum(np.bincount(key >> 32, minlength=n))]).astype(np.int32)
    codes, clipped = (key & 0xFFFFFFFF).astype(np.int32), np.minimum(counts, MAX_COUNT).astype(np.uint16)
    return {
        "codes": pa.ListArray.from_arrays(pa.array(ends), pa.array(codes)),
        "counts": pa.ListArray.from_arrays(pa.array(ends), pa.array(clipped)),
    }


def _said(connection: duckdb.DuckDBPyConnection, task: CountTask) -> dict[str, NDArray[Any]]:
    """What events say of members of groups, by ascending row; null is the least number."""
    sql = f"""SELECT row, grp, member, unknown, {{borrowed}} AS borrowed, coalesce(epoch_us(time), {LEAST}) AS time,
      coalesce(coded.visit_id, {LEAST}) AS visit FROM coded JOIN found USING ({{keys}}) WHERE grp IS NOT NULL"""
    if task.by_encounter:
        own = sql.format(borrowed="false", keys="subject_id, visit_id")
        query = f"{own} UNION ALL {sql.format(borrowed='true', keys='subject_id')} AND coded.visit_id IS NULL"
    else:
        query = sql.format(borrowed="false", keys="subject_id")
    found = {name: np.asarray(values) for name, values in connection.execute(query).fetchnumpy().items()}
    if (np.diff(found["row"]) < 0).any():  # a file sorted by subject, as ours are, gives them in order
        order = np.argsort(found["row"], kind="stable")
        found = {name: values[order] for name, values in found.items()}
    return found


def _members(said: dict[str, NDArray[Any]], n: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Of each row its member of a group, -1 for none, and whether its events differ.

    What is known comes first, then what was said in the encounter itself, then the earliest (time, then visit; static
    facts first).
    """
    member = np.full(n, -1, dtype=np.int32)
    differs = np.zeros(n, dtype=np.bool_)
    if len(said["row"]):
        starts = _starts(said["row"])
        low, high = (f.reduceat(said["member"], starts) for f in (np.minimum, np.maximum))
        differs[said["row"][starts]] = low != high
        first = _first(said, ("unknown", "borrowed", "time", "visit", "member"))
        member[first["row"]] = first["member"]
    return member, differs


def _first(found: dict[str, NDArray[Any]], keys: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Of each row, whose entries are side by side, the entry that is the first by all keys."""
    for key in keys:
        starts = _starts(found["row"])
        least = np.minimum.reduceat(found[key], starts)
        best = found[key] == np.repeat(least, np.diff(np.append(starts, len(found["row"]))))
        if not best.all():
            found = {name: values[best] for name, values in found.items()}
    return {name: values[_starts(found["row"])] for name, values in found.items()}


def _starts(row: NDArray[Any]) -> NDArray[np.int64]:
    """Where the runs of equal entries begin."""
    return np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]])[: len(row)])


def _counted(connection: duckdb.DuckDBPyConnection, task: CountTask) -> Counted:
    windowed = task.first_days is not None or task.last_days is not None
    outside, timeless, homeless = 0, 0, 0
    if windowed:
        counted = connection.execute(
            """SELECT count(*) - (SELECT count(*) FROM clinical), count(*) FILTER (time IS NULL)
            FROM coded WHERE position IS NOT NULL"""
        ).fetchone()
        assert counted is not None
        outside, timeless = counted
    if task.by_encounter:
        counted = connection.execute("SELECT count(*) FROM clinical WHERE visit_id IS NULL").fetchone()
        assert counted is not None
        (homeless,) = counted
    return Counted(outside_window=outside, without_time=timeless, without_visit=homeless)
