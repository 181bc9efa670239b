"""Tables of the same columns, as matrices of the same codes: what every attack of this floor is tried on.

Somebody hands over the table that a generator was trained on, one of patients whom it never saw, and the release;
perhaps an earlier release too. All that the attacks need of them is which record has which code.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from privacy.tables.coding import Coded, code_column
from privacy.tables.columns import Column, Kind, not_numbers
from privacy.tables.reading import BadTable, in_words, looks_like_a_value
from privacy.tables.sheet import PERSON_IDS, Sheet, read_sheet

FEWEST = 40  # records of a table: cut in parts, fewer leave under ten in the smallest
ROLES = ("training table", "holdout table", "synthetic table", "previous table")


@dataclass(frozen=True, kw_only=True)
class Sheets:
    """The tables, read and found to fit: the same columns, each of one kind (kinds, by name). previous: if any."""

    train: Sheet
    holdout: Sheet
    synthetic: Sheet
    kinds: Mapping[str, Kind]
    notes: tuple[str, ...]
    previous: Sheet | None = None

    @property
    def all(self) -> tuple[Sheet, ...]:
        """Training table, holdout, release, and the earlier release where there is one."""
        return (self.train, self.holdout, self.synthetic, *([self.previous] if self.previous else []))


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The tables as CSR of uint8 0 and 1, (n, n_codes), rows as in the files. previous: if any.

    codes: (n_codes,) names, unique, that show no value of fewer than 11 patients. columns: (n_codes,) the column of the
    file that each code came from; a code itself where the file was nothing but codes. groups: positions of codes of
    which a record has at most one. notes: what a reader must know of how the tables were read; no value of a patient.
    """

    members: sparse.csr_matrix
    holdout: sparse.csr_matrix
    synthetic: sparse.csr_matrix
    codes: tuple[str, ...]
    columns: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...]
    previous: sparse.csr_matrix | None = None


def read_sheets(
    train: Path,
    holdout: Path,
    synthetic: Path,
    declared: Mapping[str, Kind] | None = None,
    progress: Callable[[str, int, int, str], None] | None = None,
    *,
    previous: Path | None = None,
) -> Sheets:
    """Read three tables of any form that `read_sheet` knows; they need not be of one file format.

    declared: kinds of columns by name, where cells do not tell (a postcode is no number). Told as id, it is left out.
    previous: an earlier release, a fourth table of the same columns.

    Raises:
        BadTable: one of them cannot be read, has under 40 records, or does not fit the others: other columns, a column
            of another kind, no text in common, a patient both in training and holdout.
    """
    given = dict(declared or {})
    sheets = []
    paths = [train, holdout, synthetic, *([previous] if previous else [])]
    for done, (role, path) in enumerate(zip(ROLES, paths, strict=False)):
        if progress:
            progress("reading", done, len(paths), "table")
        sheets.append(read_sheet(role, path, given))
    if progress:
        progress("reading", len(paths), len(paths), "table")
    for sheet in sheets:
        if sheet.n < FEWEST:
            raise BadTable(f"{sheet.name} has {sheet.n:,} records; under {FEWEST} nothing could be shown.")
    _check_declared(sheets, given)
    _check_names(sheets)
    _check_strangers(sheets)
    agreed = {name: _agreed(name, sheets, name in given) for name in sheets[0].columns}
    kinds = {name: kind for name, kind in agreed.items() if kind is not None}
    if not kinds:
        raise BadTable(f"{sheets[0].name} and the others have not one cell that is filled: there is nothing to attack.")
    empty = [name for name in agreed if name not in kinds]
    names = ("train", "holdout", "synthetic", "previous")
    return Sheets(**dict(zip(names, sheets, strict=False)), kinds=kinds, notes=_reading_notes(sheets, empty))


def code_tables(sheets: Sheets, learnt_from: NDArray[np.integer], both_sides: Collection[str] = ()) -> Tables:
    """Code the tables; see `privacy.tables.coding` for what a column becomes.

    learnt_from: positions of the holdout records that bins are learnt from. None of them may be attacked: bins with
    edges at attacked non-members' values would tell them from members where nothing leaked. both_sides: flags of which
    the absence is a code as well, so that every record has one of the group (quasi-identifiers).

    Raises:
        BadTable: two codes of one name, from columns with names such as `sex` and `sex=M`.
    """
    alone = list(sheets.kinds.values()) == ["codes"]
    coded: dict[str, Coded] = {}
    for name, kind in sheets.kinds.items():
        columns = [sheet.columns[name] for sheet in sheets.all]
        coded[name] = code_column(name, kind, columns, learnt_from, alone=alone, both_sides=name in both_sides)
    codes = tuple(code for column in coded.values() for code in column.names)
    if len(set(codes)) < len(codes):
        raise BadTable("Two columns give codes of one name, such as 'sex=M' beside 'sex' with the text M. Rename one.")
    starts = np.concatenate([[0], np.cumsum([len(column.names) for column in coded.values()])]).tolist()
    matrices = [_matrix(sheet.n, k, list(coded.values()), starts) for k, sheet in enumerate(sheets.all)]
    return Tables(
        members=matrices[0],
        holdout=matrices[1],
        synthetic=matrices[2],
        previous=matrices[3] if sheets.previous else None,
        codes=codes,
        columns=codes if alone else tuple(name for name, column in coded.items() for _ in column.names),
        groups=tuple(
            tuple(range(start, start + len(column.names)))
            for start, column in zip(starts, coded.values(), strict=False)
            if column.exclusive
        ),
        notes=(*sheets.notes, *(column.note for column in coded.values() if column.note)),
    )


def _matrix(n: int, which: int, coded: Sequence[Coded], starts: Sequence[int]) -> sparse.csr_matrix:
    records = np.concatenate([column.tables[which].records for column in coded])
    codes = np.concatenate([column.tables[which].codes + start for start, column in zip(starts, coded, strict=False)])
    ones = np.ones(len(codes), dtype=np.uint8)
    matrix = sparse.csr_matrix((ones, (records, codes)), shape=(n, starts[-1]))
    matrix.data[:] = 1  # merged codes of one record were summed
    return matrix


def _check_declared(sheets: Sequence[Sheet], declared: Mapping[str, Kind]) -> None:
    known = {name for sheet in sheets for name in (*sheet.columns, *sheet.ids)}
    if unknown := sorted(set(declared) - known):
        raise BadTable(f"{in_words(unknown)} declared, and no table has it. Columns: {in_words(sorted(known), 20)}.")


def _check_names(sheets: Sequence[Sheet]) -> None:
    """The same columns in any order; of a file without a header row the first patient must not be printed."""
    first = sheets[0]
    for sheet in sheets[1:]:
        lacks = [name for name in first.columns if name not in sheet.columns]
        besides = [name for name in sheet.columns if name not in first.columns]
        if not lacks and not besides:
            continue
        headless = [s.name for s in (first, sheet) if _looks_headless(s, (*lacks, *besides))]
        if headless:
            raise BadTable(
                f"{first.name} and {sheet.name} have other columns, and the first row of {' and of '.join(headless)} "
                "seems to hold values instead of column names. Each table needs a header row, the same in all."
            )
        words = [f"lacks {in_words(lacks)}"] if lacks else []
        words += [f"has besides {in_words(besides)}"] if besides else []
        raise BadTable(
            f"{sheet.name} has other columns than {first.name}: it {' and '.join(words)}. Give the tables the "
            "same columns, in any order."
        )


def _looks_headless(sheet: Sheet, differing: Sequence[str]) -> bool:
    names = [name for name in differing if name in sheet.columns]
    return any(looks_like_a_value(name) or name in sheet.columns[name].words for name in names)


def _check_strangers(sheets: Sequence[Sheet]) -> None:
    train, holdout = sheets[0], sheets[1]
    for name in train.ids.keys() & holdout.ids.keys():
        if name.lower() not in PERSON_IDS:
            continue
        both = pc.sum(pc.is_in(pc.unique(train.ids[name]).drop_null(), value_set=pc.unique(holdout.ids[name]))).as_py()
        if both:
            raise BadTable(
                f"{both:,} values of {name!r} stand both in {train.name} and in {holdout.name}: the holdout must be "
                "patients whom the generator never saw. Remove them; if ids start anew in each file, drop that column."
            )


def _agreed(name: str, sheets: Sequence[Sheet], declared: bool) -> Kind | None:
    """The kind of a column in all tables; None where no table has a filled cell of it."""
    columns = [sheet.columns[name] for sheet in sheets]
    kinds = {column.kind for column in columns if column.kind is not None}
    if kinds == {"flag", "number"}:
        return "number"
    if len(kinds) > 1:
        found = "; ".join(_account(sheet, sheet.columns[name]) for sheet in sheets if sheet.columns[name].kind)
        raise BadTable(f"Column {name!r} is not of one kind: {found}. Mend the cells, or declare the column's kind.")
    kind = next(iter(kinds), None)
    if kind in ("category", "codes"):
        _check_texts(name, sheets, columns, kind, declared)
    return kind


def _account(sheet: Sheet, column: Column) -> str:
    if column.kind != "category":
        return f"{column.kind} in {sheet.name}"
    return f"text in {sheet.name} ({not_numbers(column):,} of {sheet.n:,} cells are no number)"


def _check_texts(name: str, sheets: Sequence[Sheet], columns: Sequence[Column], kind: Kind, declared: bool) -> None:
    train, holdout, *releases = (set(column.words) for column in columns)
    filled = sum(int(np.count_nonzero(~column.missing)) for column in columns[:2])
    if kind == "category" and not declared and len(train | holdout) > filled / 2:
        raise BadTable(
            f"Column {name!r} has more texts than half the real records, like an id or free text. Declare it as id, to "
            "leave it out, or as category, to compare it."
        )
    for which, (texts, others) in enumerate([(holdout, train), *((words, train | holdout) for words in releases)], 1):
        if texts and others and texts.isdisjoint(others):
            raise BadTable(
                f"{sheets[which].name}: column {name!r} has no text in common with the tables before it. Is it spelt "
                "otherwise? Records that cannot agree would look safe."
            )


def _reading_notes(sheets: Sequence[Sheet], empty: Sequence[str]) -> tuple[str, ...]:
    notes = []
    ids = sorted({name for sheet in sheets for name in sheet.ids if not sheet.from_list})
    if ids:
        notes.append(f"Left out as ids: {in_words(ids, 20)}.")
    if empty:
        notes.append(f"Left out, empty in all tables: {in_words(empty, 20)}.")
    for sheet in sheets[:2]:
        for name, values in sheet.ids.items():
            repeated = sheet.n - pc.count_distinct(values).as_py() if name.lower() in PERSON_IDS else 0
            if repeated:
                notes.append(
                    f"{sheet.name} has {repeated:,} further records of patients it already has; intervals count each "
                    "record as a patient and are too narrow."
                )
    if any(sheet.from_list for sheet in sheets):
        notes.append("Of a list of codes, patients without a code are those with a row whose code is empty, no others.")
    return tuple(notes)
