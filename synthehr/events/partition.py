"""First task of an ingest: a file of the source, its rows numbered and parted by patient, as Parquet."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from synthehr.errors import BadData
from synthehr.events.engine import engine, literal
from synthehr.events.macros.normalise import macros
from synthehr.events.mapping import Mapping, Table
from synthehr.events.sources.databases import DatabaseTable
from synthehr.events.sources.layout import Layout, typed
from synthehr.events.sources.reading import SourceFile, plain_file
from synthehr.events.sources.recognise import Resolved
from synthehr.events.sql.staging import (
    COUNTED,
    REJECTED_LINES,
    csv_reader,
    identified,
    is_plain,
    line_reader,
    stage,
)
from synthehr.landing import write_text

DONE = "done.json"
PARTITION_BYTES = 200 << 20  # of text, of all files: some 2 million events, 150 MB while they are sorted
PRIMES = (1, 2, 3, 5, 7, 11, 17, 23, 31, 43, 61, 83, 113, 157, 211, 293, 401, 557, 757, 1009)
TASK_MEMORY = "450MB"
FLUSHED_ROWS = 1 << 16  # of a partition, before they are written: more of them, of many partitions, would spill
_LINE_REASONS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "INVALID ENCODING": "text is not UTF-8",
    "INVALID UNICODE": "text is not UTF-8",
}


@dataclass(frozen=True, kw_only=True)
class PartitionFile:
    """Partition the k-th file of a table into `out`.

    alone: whether it is the only file, and so may have all cores. foreign: staged folders of the table that knows its
    patients.
    """

    mapping: Mapping
    table: str
    parts: tuple[Resolved, ...]
    k: int
    partitions: int
    out: Path
    alone: bool = False
    foreign: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Partitioned:
    """What came of a file.

    records: those that could be split into columns; bad: (row, reason) of those that not. plain: whether every patient,
    and every visit, is named by a plain whole number.
    """

    records: int
    bad: tuple[tuple[int, str], ...]
    plain_subjects: bool
    plain_visits: bool


def partitions_of(text_bytes: int) -> int:
    """How many partitions a source of so much text is parted into: a prime, since identifiers have patterns."""
    return next((prime for prime in PRIMES if prime * PARTITION_BYTES >= text_bytes), PRIMES[-1])


def partition_file(task: PartitionFile) -> None:
    """Read one file and write `out/p_=N/*.parquet` for each partition N, and last `out/done.json`.

    A table without a patient is one partition, 0. What another run left unfinished is removed first.

    Raises:
        BadData: the packing is cut short or damaged, or a line after which nothing can be trusted, such as a quotation
            mark that does not close. OSError: the disk is full.
    """
    shutil.rmtree(task.out, ignore_errors=True)
    task.out.mkdir(parents=True)
    work = task.out / ".work"
    table = task.mapping.tables[task.table]
    part = task.parts[task.k]
    path, layout = plain_part(table, part, work)
    with engine(work, memory_limit=TASK_MEMORY, threads=None if task.alone else 1) as connection:
        connection.execute(f"SET partitioned_write_flush_threshold = {FLUSHED_ROWS}")
        for macro in macros():
            connection.execute(macro)
        if task.foreign:
            globs = ", ".join(literal(str(folder / "p_=*" / "*.parquet")) for folder in task.foreign)
            (other,) = table.subject_from
            known = identified(task.mapping.tables[other], f"read_parquet([{globs}], hive_partitioning=false)")
            connection.execute(f"CREATE VIEW _raw_{other} AS {known}")
        layouts = [layout if k == task.k else other.layout for k, other in enumerate(task.parts)]
        reader, row = reader_of(table, part, layout, path)
        sql = stage(task.mapping, table, layouts, task.k, reader, row=row)
        try:
            records = copied(connection, sql, task.out, task.partitions if table.has_subject else 1, table)
        except duckdb.InvalidInputException as error:
            raise _unreadable(part, error) from None
        found = _account(connection, task, records, table)
    shutil.rmtree(work)
    write_text(task.out / DONE, json.dumps(vars(found)) + "\n")


def plain_part(table: Table, part: Resolved, work: Path) -> tuple[Path, Layout]:
    """A file that DuckDB can read, and its layout: unpacked, or exported from its database, into `work`."""
    if isinstance(part.file, SourceFile):
        return plain_file(part.file, work), part.layout
    work.mkdir(parents=True, exist_ok=True)
    wanted = {name.lower() for name in table.named}
    both = zip(part.file.columns(), part.layout.names, strict=True)
    names = {name: called for name, called in both if table.others or called.lower() in wanted}
    path = work / "exported.parquet"
    part.file.export(names, path)
    return path, typed(pq.read_schema(path))


def reader_of(table: Table, part: Resolved, layout: Layout, path: Path | str) -> tuple[str, str]:
    """SQL that gives the rows of a file, and SQL of their numbers."""
    kind = "parquet" if isinstance(part.file, DatabaseTable) else part.file.kind
    if kind == "parquet":
        return f"read_parquet({literal(str(path))}, file_row_number=true)", "file_row_number + 1"
    return line_reader(str(path)) if kind == "ndjson" else csv_reader(table, layout, str(path)), COUNTED


def copied(connection: duckdb.DuckDBPyConnection, sql: str, out: Path, partitions: int, table: Table) -> int:
    """Write the rows of a query by their partition; how many there were."""
    options = "FORMAT parquet, COMPRESSION lz4_raw"
    if partitions == 1:
        (out / "p_=0").mkdir()
        target, options = out / "p_=0" / "data_0.parquet", options
    else:
        spread = f"coalesce(xor(subject_, subject_ >> 16) % {partitions}, 0)"
        sql, target, options = (
            f"SELECT *, {spread} AS p_ FROM ({sql})",
            out,
            f"{options}, PARTITION_BY (p_), OVERWRITE_OR_IGNORE",
        )
    found = connection.execute(f"COPY ({sql}) TO {literal(str(target))} ({options})").fetchone()
    return int(found[0]) if found else 0


def _account(connection: duckdb.DuckDBPyConnection, task: PartitionFile, records: int, table: Table) -> Partitioned:
    part = task.parts[task.k]
    written = f"read_parquet({literal(str(task.out / 'p_=*' / '*.parquet'))}, hive_partitioning=false)"
    staged = f"({identified(table, written)})"
    plain = {"subject": True, "visit": True}
    for kind, rule in (("subject", task.mapping.subject_ids), ("visit", task.mapping.visit_ids)):
        if rule == "any" and table.has_subject and (kind == "subject" or table.visit) and records:
            asked = f"SELECT bool_and(coalesce({is_plain(kind)}, {kind}_text_ IS NULL)) FROM {staged}"
            found = connection.execute(asked).fetchone()
            plain[kind] = found is None or found[0] is not False
    bad = () if isinstance(part.file, DatabaseTable) or part.file.kind == "parquet" else _bad_lines(connection, part)
    return Partitioned(records=records, bad=bad, plain_subjects=plain["subject"], plain_visits=plain["visit"])


def _bad_lines(connection: duckdb.DuckDBPyConnection, part: Resolved) -> tuple[tuple[int, str], ...]:
    lines = connection.execute(
        f"SELECT line, max(error_type), max(csv_line) FROM {REJECTED_LINES} GROUP BY line ORDER BY line"
    ).fetchall()
    for line, kind, text in lines:
        if str(kind) == "LINE SIZE OVER MAXIMUM":
            raise BadData(f"{part.file.shown}, row {line}: the line is too long; split the file, or mend that row.")
        # a broken letter hides a quotation mark that stands open before it, and with it the rows that it swallows
        if str(kind) not in _LINE_REASONS or (part.layout.quotes and not _splits(str(text), part.layout.delimiter)):
            raise BadData(
                f"{part.file.shown}, row {line}: a quotation mark stands open or stray ({str(kind).lower()}), so "
                "nothing after it can be trusted. Mend that row: a field with a comma, quote or line break stands in "
                "double quotes, and a quote inside it is doubled."
            )
    return tuple((int(line), _LINE_REASONS[str(kind)]) for line, kind, _ in lines)


def _splits(line: str, mark: str) -> bool:
    """Whether every quotation mark of a line opens a field, closes one, or is doubled inside one."""
    field = rf'(?:"(?:[^"]|"")*"|[^"{re.escape(mark)}][^{re.escape(mark)}]*|)'
    return re.fullmatch(rf"{field}(?:{re.escape(mark)}{field})*\r?", line) is not None


def _unreadable(part: Resolved, error: Exception) -> BadData:
    return BadData(
        f"{part.file.shown} cannot be read to its end ({type(error).__name__}): it is damaged or not what its name "
        "says. Copy or write it again."
    )


def partitioned(folder: Path) -> Partitioned | None:
    """What came of a file that was partitioned into `folder`, or None if it was not, or not to the end."""
    if not (folder / DONE).is_file():
        return None
    found: dict[str, Any] = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return Partitioned(**found | {"bad": tuple((int(row), str(reason)) for row, reason in found["bad"])})
