"""From columns to codes: how one column of several tables becomes columns of 0 and 1 that all share.

Members and non-members must stay exchangeable: were there a bin or a code because a non-member has the value, members
would look different from non-members without any leak. So whatever is learnt from values is learnt from holdout
patients who are not attacked (edges of bins), or from all real patients alike (which texts are frequent). Never from
the training table or the release alone: such edges would carry what the attack is to find, and no attacker has them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from privacy.tables.columns import Column, Kind

# of a number. Members found at 1 % FPR in copies of 8 numbers and 4 categories, with noise of 0.1 standard deviations:
# 45 % with 5 bins, 56 % with 10, 47 % with 20, 30 % with 40; nearly alike without noise
BINS = 10
MOST_WORDS = 1_000  # codes that one category becomes: beyond, the rarest share one
MOST_CODES = 4_000  # likewise for a column of codes
FEWEST_NAMED = (
    11  # CMS cell size policy: nothing is said of 1 to 10 patients, so a code of theirs has a number for a name
)


class Entries(NamedTuple):
    """The ones of a matrix: record and code of each, (n_entries,) int64 both."""

    records: NDArray[np.int64]
    codes: NDArray[np.int64]


class Coded(NamedTuple):
    """What a column became.

    names: of its codes. tables: the ones in each of the tables. exclusive: a record has at most one of the codes. note:
    what was merged, in a sentence, or nothing. No value of a patient is in names or note.
    """

    names: tuple[str, ...]
    tables: tuple[Entries, ...]
    exclusive: bool
    note: str


def code_column(
    name: str,
    kind: Kind,
    columns: Sequence[Column],
    learnt_from: NDArray[np.integer],
    *,
    alone: bool = False,
    both_sides: bool = False,
) -> Coded:
    """Codes of one column of the training table, the holdout, the release and any further ones, in this order.

    A flag is one code. A number or date becomes the bin it falls in, between quantiles of the holdout records at
    `learnt_from`; end bins are open. A category becomes a code for each text in any of the tables; its name shows the
    text only where 11 real records have it. Of a column of codes a record has any number. Where a cell is missing in
    any table, `name=missing` is one more code. alone: codes are named without the column's name. both_sides: a flag is
    two codes, so that every record has one.
    """
    prefix, note = "" if alone else f"{name}=", ""
    names: tuple[str, ...]
    if kind in ("category", "codes"):
        names, tables, note = _words(name, prefix, kind, columns)
    elif kind in ("number", "date"):
        holdout = columns[1]
        known = learnt_from[~holdout.missing[learnt_from]]
        edges = quantile_edges(holdout.values[known])
        names = tuple(f"{prefix}bin {k + 1} of {len(edges) + 1}" for k in range(len(edges) + 1))
        tables = [_present(column, np.searchsorted(edges, column.values)) for column in columns]
    else:
        names = (f"{prefix}0", f"{prefix}1") if both_sides else (name,)
        tables = [_present(column, column.values.astype(np.int64) - 1 + both_sides) for column in columns]
    if kind != "codes" and any(column.missing.any() for column in columns):
        tables = [_with_missing(table, column, len(names)) for table, column in zip(tables, columns, strict=True)]
        names += (f"{name}=missing",)
    return Coded(names, tuple(tables), exclusive=kind != "codes" and len(names) > 1, note=note)


def quantile_edges(values: NDArray[np.float64], bins: int = BINS) -> NDArray[np.float64]:
    """Ascending edges of at most `bins` bins that hold equal numbers of `values`; an edge is in the bin below it.

    values: (n,) float64. Up to `bins` distinct values each have a bin, with edges half-way between them. Infinite
    values are left out. No values, no edges: one bin.
    """
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    if len(distinct) <= bins:
        low, high = distinct[:-1], distinct[1:]
        # two neighbours in floating point have nothing between them: the edge is the lower one
        return np.asarray(np.clip(low / 2 + high / 2, low, np.nextafter(high, -np.inf)), dtype=np.float64)
    shares = np.arange(1, bins) / bins
    return np.unique(np.quantile(finite, shares, method="inverted_cdf"))


def _present(column: Column, codes: NDArray[Any]) -> Entries:
    records = np.flatnonzero(~column.missing & (codes >= 0))
    return Entries(records, np.asarray(codes[records], dtype=np.int64))


def _with_missing(table: Entries, column: Column, code: int) -> Entries:
    records = np.flatnonzero(column.missing)
    return Entries(np.concatenate([table.records, records]), np.concatenate([table.codes, np.full(len(records), code)]))


def _words(name: str, prefix: str, kind: Kind, columns: Sequence[Column]) -> tuple[tuple[str, ...], list[Entries], str]:
    words, tables = _common_words(columns)
    real = np.bincount(np.concatenate([table.codes for table in tables[:2]]), minlength=len(words))
    only_synthetic = int(np.count_nonzero(real[np.unique(tables[2].codes)] == 0))
    found_in = int(np.count_nonzero(real[tables[2].codes] == 0))
    notes = []
    if only_synthetic:
        notes.append(f"{only_synthetic:,} values ({found_in:,} synthetic cells) occur in no real record")
    most = MOST_CODES if kind == "codes" else MOST_WORDS
    names = [prefix + word for word in words]
    for number, rare in enumerate(np.flatnonzero(real < FEWEST_NAMED), 1):
        names[rare] = f"{prefix}(rare {number})"
    if len(words) > most:
        merged = len(words) - most + 1
        notes.append(f"the {merged:,} rarest of {len(words):,} values share one code")
        to_code = np.full(len(words), most - 1)
        kept = np.sort(np.argsort(-real, kind="stable")[: most - 1])
        to_code[kept] = np.arange(most - 1)
        names = [*(names[word] for word in kept), f"{prefix}(other)"]
        tables = [Entries(table.records, to_code[table.codes]) for table in tables]
    return tuple(names), tables, f"{name!r}: {'; '.join(notes)}." if notes else ""


def _common_words(columns: Sequence[Column]) -> tuple[list[str], list[Entries]]:
    """All texts of the tables in order, and which record has which, each once."""
    words = sorted({word for column in columns for word in column.words})
    place = {word: code for code, word in enumerate(words)}
    tables = []
    for column in columns:
        to_code = np.array([place[word] for word in column.words], dtype=np.int64)
        records = column.entries_of if column.entries_of is not None else np.flatnonzero(~column.missing)
        values = column.values if column.entries_of is not None else column.values[records]
        # a column all of whose cells are missing holds no positions, of whatever type
        pairs = np.unique(np.asarray(records, dtype=np.int64) * max(1, len(words)) + to_code[values.astype(np.int64)])
        tables.append(Entries(pairs // max(1, len(words)), pairs % max(1, len(words))))
    return words, tables
