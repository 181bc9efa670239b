"""How a file is laid out: its columns, what stands between them, and whether it is what its name says."""

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.errors import BadData
from synthehr.events.mapping import Table
from synthehr.events.sources.databases import DatabaseTable
from synthehr.events.sources.reading import SourceFile, opened

START_BYTES = 1 << 20
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"PAR1": "Parquet",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite format 3": "an SQLite database",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"<!DOCTYPE": "an HTML page",
    b"<html": "an HTML page",
}
NUMBERED = re.compile(r"(column|col|field|f|_c|c)_?[0-9]+")  # how imports call columns that have no name
VALUES = {"id": re.compile(r"-?[0-9]+([.]0)?"), "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T].*)?")}
KINDS = {"csv": "CSV", "ndjson": "JSON lines"}


@dataclass(frozen=True)
class Layout:
    """Columns of a file in its own spelling and order; of a database's table, in its own order.

    delimiter: what stands between them, in CSV. has_header: whether row 1 names them. quotes: whether a quotation mark
    quotes. floats: columns of floating-point numbers, in Parquet, where a whole number was once an integer. blankless:
    columns of integers, times and the like, whose text has no blanks around it.
    """

    names: tuple[str, ...]
    delimiter: str = ","
    has_header: bool = True
    quotes: bool = True
    floats: tuple[str, ...] = ()
    blankless: tuple[str, ...] = ()


def layout(table: Table, file: SourceFile | DatabaseTable) -> Layout:
    """Find how a file is laid out, given what a mapping expects of it.

    Raises:
        BadData: it is not what its name says, it is cut short or empty.
    """
    if isinstance(file, DatabaseTable):
        return _database(table, file)
    if file.kind == "parquet":
        return _parquet(file)
    with opened(file) as stream:
        start = stream.read(START_BYTES)
    _check_text(file, start)
    text = start.decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise BadData(f"{file.shown} is empty: expected a header row with column names.")
    return _json_lines(file, text) if file.kind == "ndjson" else _csv(table, file, text)


def _database(table: Table, file: DatabaseTable) -> Layout:
    """Its columns; those of a table that was imported without its header are known by their order."""
    names = file.columns()
    if all(NUMBERED.fullmatch(name.lower()) for name in names):
        orders = _as_long(table.order, len(names))
        if len(orders) > 1:
            raise BadData(_ambiguous(file, orders))
        names = next(iter(orders.values()), names)
    return Layout(names)


def _csv(table: Table, file: SourceFile, text: str) -> Layout:
    """The first delimiter under which a row 1 has the columns, or else the first under which it has several."""
    quotes = {mark: mark not in table.quotes_are_text for mark in table.delimiter}
    rows = {mark: next(_rows(text, mark, quotes[mark]), []) for mark in table.delimiter}
    wanted = {name.lower() for name in table.columns}
    headed = [mark for mark, row in rows.items() if wanted <= {name.lower() for name in row}]
    for mark, row in rows.items() if not headed else ():
        orders = _as_long(table.order, len(row)) if row and row[0].lstrip("-").isdigit() else {}
        if orders:
            order = _ordered(file, orders, _rows(text, mark, quotes[mark]))
            return Layout(order, mark, has_header=False, quotes=quotes[mark])
    mark = next(iter(headed), max(rows, key=lambda mark: len(rows[mark])))
    if not any(rows[mark]):
        raise BadData(f"{file.shown} is empty: expected a header row with column names.")
    return Layout(tuple(rows[mark]), mark, quotes=quotes[mark])


def _rows(text: str, mark: str, quotes: bool) -> Iterator[list[str]]:
    how: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    with contextlib.suppress(csv.Error):  # an open quotation mark: whoever reads the file names its row
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark, quoting=how):
            yield [value.strip() for value in row]


def _as_long(orders: Dict[str, Sequence[str]], n: int) -> dict[str, tuple[str, ...]]:
    return {name: tuple(order) for name, order in orders.items() if len(order) == n}


def _ordered(file: SourceFile, orders: Dict[str, tuple[str, ...]], rows: Iterator[list[str]]) -> tuple[str, ...]:
    """The columns of rows without a header: of layouts that have as many, the one whose numbers and dates are such."""
    if len(orders) > 1:
        whole = [row for row in rows if len(row) == len(next(iter(orders.values())))]
        fitting = {
            name: order for name, order in orders.items() if all(_fits(order, row) for row in whole[:-1] or whole)
        }
        if len(fitting) != 1:
            raise BadData(_ambiguous(file, orders))
        orders = fitting
    return next(iter(orders.values()))


def _fits(order: Sequence[str], row: Sequence[str]) -> bool:
    """Whether the values of a row are numbers and days where the names of a layout end in id and date."""
    kinds = ((name.rsplit("_", 1)[-1], value) for name, value in zip(order, row, strict=True) if value)
    return all(VALUES[kind].fullmatch(value) for kind, value in kinds if kind in VALUES)


def _ambiguous(file: SourceFile | DatabaseTable, orders: Dict[str, Sequence[str]]) -> str:
    return (
        f"{file.shown} has no names of columns, and {' and '.join(orders)} have as many in different orders, of which "
        "its values do not tell one: name the columns (in a CSV, by a header row)."
    )


def _parquet(file: SourceFile) -> Layout:
    if file.member or file.is_gzip:
        raise BadData(f"{file.shown}: Parquet is read as a plain file, not out of a zip or gzip: unpack it first.")
    try:
        found = pq.read_schema(file.path)
    except (pa.ArrowInvalid, OSError):
        raise BadData(f"{file.shown} is not Parquet, or it is cut short: write or copy it again.") from None
    return typed(found)


def typed(schema: pa.Schema) -> Layout:
    """The layout of a Parquet file with this schema."""
    floats = tuple(field.name for field in schema if pa.types.is_floating(field.type))
    whole = (pa.types.is_integer, pa.types.is_temporal, pa.types.is_boolean)
    blankless = tuple(field.name for field in schema if any(kind(field.type) for kind in whole))
    return Layout(tuple(schema.names), floats=floats, blankless=blankless)


def _json_lines(file: SourceFile, text: str) -> Layout:
    """Elements of the first resource, with its type in front."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    try:
        found = json.loads(first)
    except json.JSONDecodeError:
        if len(first) < START_BYTES // 2:  # else it may be a long line whose end was not read
            raise BadData(f"{file.shown}, row 1 is no JSON: expected one resource a line.") from None
        found = {}
    if not isinstance(found, dict):
        raise BadData(f"{file.shown}, row 1 is no JSON object: expected one resource a line.")
    return Layout(tuple(found))


def _check_text(file: SourceFile, start: bytes) -> None:
    said = KINDS[file.kind]
    for magic, name in MAGIC.items():
        if start.startswith(magic):
            raise BadData(f"{file.shown} says it is {said} but is {name}: give it as UTF-8 text with a header row.")
    if b"\0" in start:
        raise BadData(f"{file.shown} says it is {said} but holds binary data: give it as UTF-8 text with a header row.")
