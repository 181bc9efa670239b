"""How a file is laid out: its columns, what stands between them, and whether it is what its name says."""

import csv
import io
import json
import re
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.errors import BadData
from synthehr.events.databases import DatabaseTable
from synthehr.events.mapping import Table
from synthehr.events.reading import SourceFile, opened

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
KINDS = {"csv": "CSV", "ndjson": "JSON lines"}


@dataclass(frozen=True)
class Layout:
    """Columns of a file in its own spelling and order; of a database's table, in its own order.

    delimiter: what stands between them, in CSV. has_header: whether row 1 names them. quotes: whether a quotation mark
    quotes. floats: columns of floating-point numbers, in Parquet, where a whole number was once an integer.
    """

    names: tuple[str, ...]
    delimiter: str = ","
    has_header: bool = True
    quotes: bool = True
    floats: tuple[str, ...] = ()


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
        names = next((order for order in table.order.values() if len(order) == len(names)), names)
    return Layout(names)


def _csv(table: Table, file: SourceFile, text: str) -> Layout:
    """The first delimiter under which a row 1 has the columns, or else the first under which it has several."""
    rows = {mark: _first_row(text, mark) for mark in table.delimiter}
    wanted = {name.lower() for name in table.columns}
    headed = [mark for mark, row in rows.items() if wanted <= {name.lower() for name in row}]
    if not headed and table.order:
        for mark, row in rows.items():
            if (order := _ordered(table.order, row)) is not None:
                return Layout(order, mark, has_header=False, quotes=mark not in table.quotes_are_text)
    mark = next(iter(headed), max(rows, key=lambda mark: len(rows[mark])))
    if not any(rows[mark]):
        raise BadData(f"{file.shown} is empty: expected a header row with column names.")
    return Layout(tuple(rows[mark]), mark, quotes=mark not in table.quotes_are_text)


def _first_row(text: str, mark: str) -> list[str]:
    return [name.strip() for name in next(csv.reader(io.StringIO(text, newline=""), delimiter=mark), [])]


def _ordered(orders: Dict[str, Sequence[str]], row: Sequence[str]) -> tuple[str, ...] | None:
    """The columns of a row that begins with a number instead of a name: of the layout that has as many."""
    if not row or not row[0].lstrip("-").isdigit():
        return None
    return next((tuple(names) for names in orders.values() if len(names) == len(row)), None)


def _parquet(file: SourceFile) -> Layout:
    if file.member or file.is_gzip:
        raise BadData(f"{file.shown}: Parquet is read as a plain file, not out of a zip or gzip: unpack it first.")
    try:
        found = pq.read_schema(file.path)
    except (pa.ArrowInvalid, OSError):
        raise BadData(f"{file.shown} is not Parquet, or it is cut short: write or copy it again.") from None
    return Layout(tuple(found.names), floats=tuple(field.name for field in found if pa.types.is_floating(field.type)))


def _json_lines(file: SourceFile, text: str) -> Layout:
    """Elements of the first resource, with its type in front."""
    first = next((line for line in text.splitlines() if line.strip()), "")
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
