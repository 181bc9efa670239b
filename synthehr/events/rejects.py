"""Rows that were set aside: counted by reason, listed by file and row, and refused where they are too many."""

import csv
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthehr.errors import BadData
from synthehr.events.mapping import Mapping as SourceMapping
from synthehr.events.report import TableReport
from synthehr.events.sources.databases import DatabaseTable
from synthehr.events.sources.layout import Layout
from synthehr.events.sources.reading import SourceFile
from synthehr.events.sql.staging import ROWS_OF_A_FILE

PLACES = 3  # named in a refusal
COLUMNS = ("file", "row", "column", "reason")


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

    path: where it lies unpacked, asked for where rows are to be found again. layout: of its columns. records: those
    that could be split into columns; bad: (row, reason) of those that not.
    """

    file: SourceFile | DatabaseTable
    path: Callable[[], Path]
    layout: Layout
    records: int
    bad: tuple[tuple[int, str], ...] = ()

    def rows(self, records: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of the file at which its n-th good records stand, n from 1; reads the file where there is need."""
        if isinstance(self.file, DatabaseTable) or self.file.kind != "csv" or not len(records):
            return records
        first = 1 + self.layout.has_header
        empty = _empty_rows(self.path(), quotes=self.layout.quotes)
        passed_over = np.array(sorted({*(row for row, _ in self.bad), *empty}), dtype=np.int64)
        good_before = passed_over - first - np.arange(len(passed_over))
        return records + (first - 1) + np.searchsorted(good_before, records, side="left")


def _empty_rows(path: Path, *, quotes: bool) -> list[int]:
    """Rows of a CSV with nothing in them, which DuckDB passes over; a line break in quotation marks ends no row."""
    found, row, quoted = [], 1, False
    with path.open("rb") as stream:
        for line in stream:
            if not quoted and not line.strip(b"\r\n"):
                found.append(row)
            quoted ^= quotes and line.count(b'"') % 2 == 1
            row += not quoted
    return found


def table_rejects(entries: Sequence[tuple[int, str, str]], staged: Sequence[StagedFile]) -> list[Reject]:
    """Everything that was set aside of one table, in the order of its files and rows.

    entries: (row_, column, reason), ascending, row_ as `staging.stage` numbers the rows of a table.
    """
    records = np.array([entry[0] for entry in entries], dtype=np.int64)
    found = []
    for k, part in enumerate(staged):
        low, high = np.searchsorted(records, [k * ROWS_OF_A_FILE, (k + 1) * ROWS_OF_A_FILE])
        rows = part.rows(records[low:high] - k * ROWS_OF_A_FILE)
        here = [(int(row), *entry[1:]) for row, entry in zip(rows, entries[low:high], strict=True)]
        here += [(row, "", reason) for row, reason in part.bad]
        found += [Reject(part.file.shown, *entry) for entry in sorted(here)]
    return found


def account(
    table: str,
    staged: Sequence[StagedFile],
    rejects: Sequence[Reject],
    *,
    repeated: int = 0,
    left_out: Mapping[str, int] | None = None,
) -> TableReport:
    """The account of one table; a row that was rejected for two reasons counts once, and once for each reason."""
    reasons = Counter(reason for _, _, reason in {(r.file, r.row, r.reason) for r in rejects})
    return TableReport(
        name=table,
        files=tuple(part.file.shown for part in staged),
        rows=sum(part.records + len(part.bad) for part in staged),
        repeated=repeated,
        left_out=dict(left_out or {}),
        rejected=len({(r.file, r.row) for r in rejects}),
        reasons=dict(sorted(reasons.items())),
    )


def refuse_too_many(source: SourceMapping, report: TableReport, rejects: Sequence[Reject]) -> None:
    """Let a few rejected rows pass.

    Raises:
        BadData: more than the mapping's share of a table's rows was rejected, or a required table has no row at all.
    """
    if not report.rows and source.tables[report.name].required:
        raise BadData(f"{', '.join(report.files)} has a header and no rows: export it again.")
    if report.rejected <= source.rejected_share * report.rows:
        return
    places = "; ".join(
        f"{r.file}, row {r.row}{f', column {r.column}' if r.column else ''}: {r.reason}" for r in rejects[:PLACES]
    )
    reasons = ", ".join(f"{reason} ({n})" for reason, n in report.reasons.items())
    raise BadData(
        f"{report.rejected} of {report.rows} rows of {report.name} were rejected, more than the "
        f"{source.rejected_share:.2%} that {source.name} allows: {reasons}. First: {places}. Mend these rows, or "
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
