"""A table as somebody hands it over: one Parquet file, a folder of Parquet shards, or delimited text, perhaps gzipped.

Content decides what a file is, not its name. Text is read as text, cell by cell: what a column means is decided on
whole tables (`privacy.tables.columns`), not on the first rows of one of them.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

HEADER_BYTES = 1 << 20
DELIMITERS = ",;\t|"
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
LOOKS_LIKE_A_VALUE = re.compile(r"[+-]?\d[\d.,:/ T+-]*")  # a number, a date or a time


class BadTable(ValueError):
    """A table that is not what an attack needs; names the file and columns, never a value of a cell (exit 3)."""

    exit_code = 3


def read_table(path: Path) -> pa.Table:
    """All rows of a table; column names without blanks around them, each once. Cells of a text file are strings.

    path: a Parquet file, a text file with a header row (separated by comma, semicolon, tab or bar; plain or gzip), or a
    folder with Parquet shards of one schema, in it or in its `data/`.

    Raises:
        BadTable: nothing is there, it is empty, cut short or of another kind, a row has too many or too few cells, or a
            column name is repeated.
    """
    if path.is_dir():
        table = _read_shards(path)
    elif path.is_file():
        with path.open("rb") as stream:
            start = stream.read(HEADER_BYTES)
        table = _read_parquet(path) if start.startswith(PARQUET) else _read_text(path, start)
    else:
        raise BadTable(f"Expected a table at {path}; nothing is there.")
    names = [name.strip() for name in table.column_names]
    check_names(str(path), names)
    return table.rename_columns(names)


def check_names(shown: str, names: Sequence[str]) -> None:
    """Refuse a column name that stands twice; `shown` is how messages name the table.

    Raises:
        BadTable: with the names, unless they look like cells of a table without a header row.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if not twice:
        return
    if any(looks_like_a_value(name) for name in names):
        raise BadTable(f"{shown}: the first row repeats a cell and seems to hold values. It must hold column names.")
    raise BadTable(f"{shown}: {in_words(twice)} stand more than once in the header. Rename or remove the repeats.")


def looks_like_a_value(name: str) -> bool:
    """Whether a column name could be a cell of a table without a header row: a number, a date or a time."""
    return LOOKS_LIKE_A_VALUE.fullmatch(name) is not None


def in_words(names: Sequence[str], most: int = 5) -> str:
    """A few column names for a message: 'age', 'sex' and 3 more."""
    shown = ", ".join(f"{name!r}" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _read_shards(folder: Path) -> pa.Table:
    shards = sorted((folder / "data").glob("*.parquet")) or sorted(folder.glob("*.parquet"))
    if not shards:
        raise BadTable(f"{folder} is a folder without Parquet files: name a file, or a folder of Parquet shards.")
    tables = [_read_parquet(shard) for shard in shards]
    for shard, table in zip(shards, tables, strict=True):
        if not table.schema.equals(tables[0].schema, check_metadata=False):
            raise BadTable(
                f"{folder}: {shard.name} has other columns or types than {shards[0].name}. The shards of a table "
                "must have one schema; tables of several kinds go in folders of their own."
            )
    return pa.concat_tables([table.replace_schema_metadata(None) for table in tables])


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        if getattr(error, "errno", None):  # the machine's fault, not the file's
            raise
        # not the words of Arrow: they can quote a cell
        raise BadTable(f"{path} is not Parquet, or it is cut short or damaged: write or copy it again.") from None


def _read_text(path: Path, start: bytes) -> pa.Table:
    packed = start.startswith(GZIP)
    header = _unpacked_start(path) if packed else start
    if not header.strip():
        raise BadTable(f"{path} is empty: expected a header row and one row a patient.")
    if b"\0" in header:
        raise BadTable(f"{path} is neither Parquet nor UTF-8 text: write it as Parquet or as CSV, plain or gzip.")
    first = header.decode("utf-8-sig", errors="replace").lstrip("\r\n")
    delimiter = max(DELIMITERS, key=first.splitlines()[0].count)
    names = next(csv.reader(io.StringIO(first, newline=""), delimiter=delimiter))
    broken: list[str] = []

    def note_broken(row: pa.csv.InvalidRow) -> str:
        broken.append(f"row {row.number} has {row.actual_columns} cells, the header {row.expected_columns}")
        return "error"

    try:
        with pa.input_stream(path, compression="gzip" if packed else None) as stream:
            return pa.csv.read_csv(
                stream,
                # one thread: only then are the rows counted
                read_options=pa.csv.ReadOptions(use_threads=False),
                parse_options=pa.csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note_broken
                ),
                convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
            )
    except (pa.ArrowInvalid, OSError) as error:
        reason = broken[0] if broken else "it is no UTF-8 text, cut short, or a quote is not closed"
        if "UTF8" in str(error):
            reason = "it is not UTF-8"
        raise BadTable(f"{path} could not be read as text separated by {delimiter!r}: {reason}.") from None


def _unpacked_start(path: Path) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read(HEADER_BYTES)
    except (OSError, EOFError, zlib.error):
        raise BadTable(f"{path} is gzip that is cut short or damaged: copy it again from its source.") from None
