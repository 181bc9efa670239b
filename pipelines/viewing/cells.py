"""A query's answer as it is shown on a page, and as it is written to a file."""

import csv
import io
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.viewing.queries import Answer

COLUMNS = 50  # `patients_wide` has a thousand, and a page of them no reader
LONGEST = 300  # characters of one cell


@dataclass(frozen=True)
class Column:
    """A column of a page. number: whether it is set flush right."""

    name: str
    number: bool


@dataclass(frozen=True)
class Shown:
    """An answer on a page: at most `COLUMNS` columns, cells as text, None where the value is null."""

    columns: tuple[Column, ...]
    rows: list[list[str | None]]
    told: str


def shown_answer(answer: Answer) -> Shown:
    """The answer for a page, with a sentence on what of it is there."""
    columns = tuple(
        Column(name, _is_number([row[place] for row in answer.rows]))
        for place, name in enumerate(answer.columns[:COLUMNS])
    )
    rows = [[cell(value) for value in row[:COLUMNS]] for row in answer.rows]
    return Shown(columns, rows, _told(answer))


def cell(value: Any) -> str | None:
    """A value as text: numbers with a fraction to six figures, long texts cut."""
    if value is None:
        return None
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:.6g}"
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def as_csv(answer: Answer) -> bytes:
    """The answer as CSV in UTF-8, values in full; a null is an empty field."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)
    return stream.getvalue().encode("utf-8", errors="replace")


def _is_number(values: list[Any]) -> bool:
    present = [value for value in values if value is not None]
    return bool(present) and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool) for value in present
    )


def _told(answer: Answer) -> str:
    n, wide = len(answer.rows), len(answer.columns) - COLUMNS
    if answer.more:
        rows = f"The first {n:,} rows; there are more. Add a LIMIT or a filter, or download the CSV."
    else:
        rows = "No row." if n == 0 else "1 row." if n == 1 else f"{n:,} rows, all of them."
    columns = f" {COLUMNS} of {len(answer.columns):,} columns." if wide > 0 else ""
    return f"{rows}{columns} {answer.seconds:.2f} s."
