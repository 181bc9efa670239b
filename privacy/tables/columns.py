"""One column of a table: of which kind it is, and its cells in a form that no longer depends on the file.

Kinds: flag (0 and 1), number, date, category (text), codes (several in one cell: a list, or text separated by ; or |).
An id is no kind of content: such columns are told by name and left out before.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Kind = Literal["id", "flag", "number", "date", "category", "codes"]

# how a cell says that it is empty, in lower case; "?" is UCI's way, "." that of SAS
MISSING = ("", "na", "n/a", "#n/a", "nan", "nat", "<na>", "null", "none", "?", ".")
# no leading zero: 0401 is a code, and as a number it would be another
NUMBER = r"^[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
DATE = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
FLAGS = {"false": 0, "true": 1}
SEPARATORS = r"\s*[;|]\s*"
MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True)
class Column:
    """The cells of one column of n records.

    kind: None where every cell is missing. missing: (n,) bool; none of kind codes is, an empty cell has no code.
    values: flag (n,) uint8; number (n,) float64; date (n,) float64, days since 1970; category (n,) int32,
    positions in `words`; codes (n_entries,) int32, likewise. Where a cell is missing, nothing is meant. entries_of:
    (n_entries,) int64, the record of each entry, of kind codes alone. words: distinct texts.
    """

    kind: Kind | None
    missing: NDArray[np.bool_]
    values: NDArray[Any]
    words: tuple[str, ...] = ()
    entries_of: NDArray[np.int64] | None = None


def read_column(cells: pa.ChunkedArray, asked: Kind | None = None) -> Column:
    """Recognise a column by all its cells, or read it as the kind that was asked for.

    Flag before number before date before category. The decision is for this table alone; others may differ.

    Raises:
        ValueError: a type that is none of a table's, or cells that are not of the kind asked for; the message says how
            many and quotes none.
    """
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        column = _of_lists(cells)
    elif asked in ("category", "codes") or _is_text(cells.type):
        column = _of_words(cells.cast(pa.string()), asked)
    else:
        column = _of_values(cells)
    if asked is None or column.kind in (None, asked):
        return column
    if (asked, column.kind) == ("number", "flag"):
        return replace(column, kind=asked)
    if (asked, column.kind) == ("number", "category"):
        raise ValueError(
            f"was declared number and holds text in {not_numbers(column):,} of {len(column.missing):,} cells"
        )
    raise ValueError(f"was declared {asked} and is of kind {column.kind}")


def not_numbers(column: Column) -> int:
    """How many cells of a category column are neither missing nor a number."""
    numeric = pc.match_substring_regex(pa.array(column.words, pa.string()), NUMBER).to_numpy(zero_copy_only=False)
    return int(np.count_nonzero(~numeric[column.values[~column.missing]]))


def _of_values(cells: pa.ChunkedArray) -> Column:
    kind = cells.type
    missing = np.asarray(cells.is_null().to_numpy(), dtype=bool)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        moments = cells.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).fill_null(0).to_numpy()
        return _column("date", missing, moments / MICROSECONDS_A_DAY)
    if not (pa.types.is_boolean(kind) or pa.types.is_null(kind) or _is_numeric(kind)):
        raise ValueError(f"has the type {kind}: expected numbers, text, dates, true and false, or lists of codes")
    if not _is_numeric(kind):
        cells = cells.cast(pa.uint8())
    values = np.asarray(cells.cast(pa.float64(), safe=False).fill_null(0).to_numpy(), dtype=np.float64)
    return _number(missing | np.isnan(values), values)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _number(missing: NDArray[np.bool_], values: NDArray[np.float64]) -> Column:
    values = np.where(missing, 0, values)
    if np.isin(values, (0, 1)).all():
        # a byte a cell: a wide table of 0 and 1 has a hundred million
        return _column("flag", missing, values.astype(np.uint8))
    return _column("number", missing, values)


def _column(kind: Kind, missing: NDArray[np.bool_], values: NDArray[Any], words: tuple[str, ...] = ()) -> Column:
    return Column(None if missing.all() else kind, missing, values, words)


def _of_words(cells: pa.ChunkedArray, asked: Kind | None) -> Column:
    place, words = _encoded(cells)
    missing = place < 0
    if asked == "codes":
        return _split(place, words)
    if asked != "category":
        if (numbers := _numbers(words)) is not None:
            return _number(missing, numbers[place])
        if (dates := _dates(words)) is not None:
            return _column("date", missing, dates[place])
    return _column("category", missing, place, words)


def _encoded(cells: pa.ChunkedArray) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Positions of cells in their distinct words, trimmed; -1 where missing."""
    once = cells.dictionary_encode().unify_dictionaries().combine_chunks()
    trimmed = pc.utf8_trim_whitespace(once.dictionary)
    missing = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(MISSING))
    again = pc.if_else(missing, pa.scalar(None, pa.string()), trimmed).dictionary_encode()
    to_word = np.append(again.indices.fill_null(-1).to_numpy(), -1).astype(np.int32)
    place = once.indices.fill_null(len(to_word) - 1).to_numpy()
    return to_word[place], tuple(again.dictionary.to_pylist())


def _numbers(words: tuple[str, ...]) -> NDArray[np.float64] | None:
    """(n_words + 1,) the words as numbers, the last for a missing cell; None where one of them is no number."""
    lowered = [word.lower() for word in words]
    if all(word in FLAGS for word in lowered):
        return np.array([*(FLAGS[word] for word in lowered), 0], dtype=np.float64)
    if not _all_fit(words, NUMBER):
        return None
    return np.array([*map(float, words), 0])


def _dates(words: tuple[str, ...]) -> NDArray[np.float64] | None:
    """(n_words + 1,) the words as days since 1970, the last for a missing cell; None where one of them is no date."""
    if not _all_fit(words, DATE):
        return None
    moments = pd.to_datetime(pd.Series(words), format="ISO8601", utc=True, errors="coerce")
    if moments.isna().any():
        return None
    since = moments.dt.tz_localize(None) - pd.Timestamp(0)
    return np.append(np.asarray(since / pd.Timedelta(days=1), dtype=np.float64), 0)


def _all_fit(words: tuple[str, ...], pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(pa.array(words, pa.string()), pattern)).as_py())


def _split(place: NDArray[np.int32], words: tuple[str, ...]) -> Column:
    """A codes column of cells that hold several words each; -1 is a cell without any."""
    lists = pc.split_pattern_regex(pa.array([*words, ""], pa.string()), SEPARATORS)
    return _of_lists(pa.chunked_array([lists.take(pa.array(place % (len(words) + 1)))]))


def _of_lists(cells: pa.ChunkedArray) -> Column:
    whole = cells.combine_chunks()
    lengths = pc.list_value_length(whole).fill_null(0).to_numpy()
    inner = whole.flatten()
    if not (_is_text(inner.type) or pa.types.is_integer(inner.type) or pa.types.is_null(inner.type)):
        raise ValueError(f"has lists of {inner.type}: expected lists of whole numbers or of text")
    place, words = _encoded(pa.chunked_array([inner.cast(pa.string())]))
    records = np.repeat(np.arange(len(whole), dtype=np.int64), lengths)
    known = place >= 0
    return Column("codes", np.zeros(len(whole), dtype=bool), place[known], words, records[known])
