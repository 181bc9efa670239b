"""Rows that were set aside: counted by reason, listed by file and row, and refused where they are too many."""

import csv
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from synthehr.errors import BadData
from synthehr.events.engine import literal
from synthehr.events.mapping import Mapping
from synthehr.events.reading import SourceFile
from synthehr.events.report import TableReport
from synthehr.events.staging import bad_lines

PLACES = 3  # named in a refusal
COLUMNS = ("file", "row", "column", "reason")
_LINE_REASONS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "INVALID ENCODING": "text is not UTF-8",
    "INVALID UNICODE": "text is not UTF-8",
}


@dataclass(frozen=True)
class Reject:
    """One entry that was set aside; row: as a spreadsheet numbers it, a CSV's header being row 1."""

    file: str
    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class StagedFile:
    """A file as it was read.

    path: where it lies unpacked. records: those that could be split into columns; bad: (row, reason) of those that not.
    """

    file: SourceFile
    path: Path
    records: int
    bad: tuple[tuple[int, str], ...] = ()

    def rows(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the file at which its n-th good records stand, n from 1; reads the file where there is need."""
        if self.file.is_parquet or not len(records):
            return records
        passed_over = np.array(sorted({*(row for row, _ in self.bad), *_empty_rows(self.path)}), dtype=np.int64)
        good_before = passed_over - 2 - np.arange(len(passed_over))
        return records + 1 + np.searchsorted(good_before, records, side="left")


def _empty_rows(path: Path) -> list[int]:
    """Rows of a CSV with nothing in them, which DuckDB passes over; a line break in quotation marks ends no row."""
    found, row, quoted = [], 1, False
    with path.open("rb") as stream:
        for line in stream:
            if not quoted and not line.strip(b"\r\n"):
                found.append(row)
            quoted ^= line.count(b'"') % 2 == 1
            row += not quoted
    return found


def staged_file(
    connection: duckdb.DuckDBPyConnection, table: str, file: SourceFile, path: Path, earlier: Sequence[StagedFile]
) -> StagedFile:
    """Account for a file just read from `path` into `raw_<table>`, after the earlier files of that table.

    Raises:
        BadData: a line after which nothing can be trusted, such as a quotation mark that does not close.
    """
    found = connection.execute(f"SELECT count(*) FROM raw_{table}").fetchone()
    records = (found[0] if found else 0) - sum(part.records for part in earlier)
    if file.is_parquet:
        return StagedFile(file, path, records)
    lines = connection.execute(
        f"SELECT line, max(error_type) FROM {bad_lines(table, len(earlier))} GROUP BY line ORDER BY line"
    ).fetchall()
    for line, kind in lines:
        if str(kind) not in _LINE_REASONS:
            raise BadData(
                f"{file.shown}, row {line}: a quotation mark stands open or stray ({str(kind).lower()}), so nothing "
                "after it can be trusted. Mend that row: a field with a comma, quote or line break stands in double "
                "quotes, and a quote inside it is doubled."
            )
    return StagedFile(file, path, records, tuple((line, _LINE_REASONS[str(kind)]) for line, kind in lines))


def table_rejects(connection: duckdb.DuckDBPyConnection, table: str, staged: Sequence[StagedFile]) -> list[Reject]:
    """Everything that was set aside of one table, in the order of its files and rows."""
    entries = connection.execute(
        "SELECT DISTINCT row_, column_, reason_ FROM rejected WHERE table_ = ? ORDER BY row_, column_, reason_", [table]
    ).fetchall()
    records = np.array([entry[0] for entry in entries], dtype=np.int64)
    found, start = [], 0
    for part in staged:
        low, high = np.searchsorted(records, [start + 1, start + part.records + 1])
        rows = part.rows(records[low:high] - start)
        here = [(int(row), *entry[1:]) for row, entry in zip(rows, entries[low:high], strict=True)]
        here += [(row, "", reason) for row, reason in part.bad]
        found += [Reject(part.file.shown, *entry) for entry in sorted(here)]
        start += part.records
    return found


def account(table: str, staged: Sequence[StagedFile], rejects: Sequence[Reject], repeated: int) -> TableReport:
    """The account of one table; a row that was rejected for two reasons counts once, and once for each reason."""
    reasons = Counter(reason for _, _, reason in {(r.file, r.row, r.reason) for r in rejects})
    return TableReport(
        name=table,
        files=tuple(part.file.shown for part in staged),
        rows=sum(part.records + len(part.bad) for part in staged),
        repeated=repeated,
        rejected=len({(r.file, r.row) for r in rejects}),
        reasons=dict(sorted(reasons.items())),
    )


def refuse_too_many(mapping: Mapping, report: TableReport, rejects: Sequence[Reject]) -> None:
    """Let a few rejected rows pass.

    Raises:
        BadData: more than the mapping's share of a table's rows was rejected, or a required table has no row at all.
    """
    if not report.rows and mapping.tables[report.name].required:
        raise BadData(f"{', '.join(report.files)} has a header and no rows: export it again.")
    if report.rejected <= mapping.rejected_share * report.rows:
        return
    places = "; ".join(
        f"{r.file}, row {r.row}{f', column {r.column}' if r.column else ''}: {r.reason}" for r in rejects[:PLACES]
    )
    reasons = ", ".join(f"{reason} ({n})" for reason, n in report.reasons.items())
    raise BadData(
        f"{report.rejected} of {report.rows} rows of {report.name} were rejected, more than the "
        f"{mapping.rejected_share:.2%} that {mapping.name} allows: {reasons}. First: {places}. Mend these rows, or "
        "copy the mapping, change what does not fit (or rejected_share), and give its path with --format."
    )


def write_rejects(folder: Path, rejects: Sequence[Reject]) -> None:
    """Write `rejected/rows.csv` into an open landing: file, row, column and reason, and no value of any record."""
    (folder / "rejected").mkdir()
    with (folder / "rejected" / "rows.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((r.file, r.row, r.column, r.reason) for r in rejects)
        stream.flush()
        os.fsync(stream.fileno())


def repeated_rows(connection: duckdb.DuckDBPyConnection, mapping: Mapping, table: str) -> int:
    """Rows of a table that were dropped because another of the same key says the same."""
    if not mapping.tables[table].key:
        return 0
    found = connection.execute(f"SELECT count(*) FROM dropped_{table} WHERE reason_ = {literal('repeated')}").fetchone()
    return int(found[0]) if found else 0
