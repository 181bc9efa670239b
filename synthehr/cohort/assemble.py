"""Counted files become one cohort: rows in order, columns that enough train patients have, splits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.cohort import SPLITS, Cohort, draw_splits
from synthehr.cohort.matrix import UNKNOWN, CodeMatrix
from synthehr.cohort.options import CohortOptions
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData


@dataclass(frozen=True)
class CountedFiles:
    """What `counting.count_file` wrote. free: the columns that its positions mean; members: those of each group.

    members: group -> all columns that its members may be, sorted, of which one is `SYSTEM/unknown`.
    """

    paths: Sequence[Path]
    free: Sequence[str]
    members: Mapping[str, Sequence[str]]

    def part(self, path: Path) -> "Part":
        """One file, in memory."""
        table = pq.read_table(path).combine_chunks()
        columns = {name: table.column(name) for name in table.schema.names}
        codes, counts = (_chunk(columns.pop(name)) for name in ("codes", "counts"))
        plain = {name: np.asarray(column) for name, column in columns.items()}
        lengths = np.asarray(codes.value_lengths(), dtype=np.int32)
        return Part(plain, lengths, np.asarray(codes.flatten()), np.asarray(counts.flatten()))

    @cached_property
    def order(self) -> "Order":
        """The rows of all files, ascending by subject, then visit.

        Raises:
            BadData: no row, or a row in more than one file.
        """
        keys = [pq.read_table(path, columns=_keys(path)) for path in self.paths]
        table = pa.concat_tables(keys)
        subject = np.asarray(table.column("subject_id"))
        visit = np.asarray(table.column("visit_id")) if "visit_id" in table.schema.names else None
        order = np.argsort(subject, kind="stable") if visit is None else np.lexsort((visit, subject))
        ordered, visits = subject[order], None if visit is None else visit[order]
        twice = (ordered[1:] == ordered[:-1]) & (True if visits is None else visits[1:] == visits[:-1])
        if twice.any():
            raise BadData(
                f"{int(twice.sum())} patients have events in more than one file: an events landing has each patient in "
                "one. Ingest the events again."
            )
        place = np.empty(len(order), dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        bounds = np.cumsum([len(table) for table in keys])[:-1]
        return Order(ordered, visits, np.split(place, bounds))


@dataclass(frozen=True)
class Order:
    """Rows of a cohort. subject, visit: (n_rows,) int64; place: of each file, where its rows go, (n,) int32."""

    subject: NDArray[np.int64]
    visit: NDArray[np.int64] | None
    place: list[NDArray[np.int32]]


@dataclass(frozen=True)
class Part:
    """One counted file. plain: its columns that are no lists; lengths: of the lists; codes, counts: all lists."""

    plain: Mapping[str, NDArray[Any]]
    lengths: NDArray[np.int32]
    codes: NDArray[np.int32]
    counts: NDArray[np.uint16]

    def group(self, number: int | None) -> tuple[NDArray[np.int32], int]:
        """The member of each row, -1 for none, and the number of rows whose events differ; of no group: none."""
        if number is None:
            return np.full(len(self.lengths), -1, dtype=np.int32), 0
        return self.plain[f"member_{number}"], int(self.plain[f"differs_{number}"].sum())


@dataclass(frozen=True)
class Assembled:
    """A cohort, and what its report says of groups: rows whose member is `unknown`, rows whose events differ."""

    cohort: Cohort
    unknown: Mapping[str, int]
    differing: Mapping[str, int]


def assemble(
    files: CountedFiles, options: CohortOptions, words: Mapping[str, str], public: Vocabulary | None
) -> Assembled:
    """Put the rows of all files into one matrix, over the columns of `public` where it is given.

    Without it the columns are the members that rows have, of each group, then the codes that `min_patients` train
    patients have; `words` describes columns that have no description.

    Raises:
        BadData: a split is empty.
    """
    rows = files.order
    split = draw_splits(rows.subject, shares=options.shares, seed=options.seed)
    _refuse_empty(split, options)
    carriers, having = _survey(files, split == SPLITS.index("train"), patients=rows.visit is not None)
    vocabulary = public or _vocabulary(files, carriers >= options.min_patients, having)
    described = (
        text or words.get(code, "") for code, text in zip(vocabulary.code, vocabulary.description, strict=True)
    )
    vocabulary = Vocabulary(vocabulary.code, tuple(described), vocabulary.group)
    counts, unknown, differing = _filled(files, vocabulary)
    ids = rows.subject if rows.visit is None else np.arange(len(rows.subject), dtype=np.int64)
    patients = None if rows.visit is None else rows.subject
    return Assembled(Cohort(CodeMatrix(counts, ids, vocabulary), split, patients, rows.visit), unknown, differing)


def _refuse_empty(split: NDArray[np.uint8], options: CohortOptions) -> None:
    if empty := [name for k, name in enumerate(SPLITS) if not (split == k).any()]:
        raise BadData(
            f"Of {len(split)} {options.unit}s none fell into {' and '.join(empty)}, by seed {options.seed} and shares "
            f"{options.shares}; every split needs one. Choose another seed or other shares, or bring more patients."
        )


def _parts(files: CountedFiles) -> Iterator[tuple[NDArray[np.int32], Part]]:
    for place, path in zip(files.order.place, files.paths, strict=True):
        yield place, files.part(path)


def _survey(
    files: CountedFiles, train: NDArray[np.bool_], *, patients: bool
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.bool_]]]:
    """Train patients with each free column, and which members of each group any row has.

    patients: whether rows are less than patients, who then count once.
    """
    carriers = np.zeros(len(files.free), dtype=np.int64)
    having = {name: np.zeros(len(members), dtype=np.bool_) for name, members in files.members.items()}
    for place, part in _parts(files):
        chosen = np.repeat(train[place], part.lengths)
        codes = part.codes[chosen]
        if patients:  # of each file the rows of a patient are side by side
            rank = np.cumsum(np.diff(part.plain["subject_id"], prepend=0) != 0)
            codes = np.unique(np.repeat(rank, part.lengths)[chosen] << 32 | codes) & 0xFFFFFFFF
        carriers += np.bincount(codes, minlength=len(carriers))
        for k, (name, members) in enumerate(files.members.items()):
            having[name][_known(part.plain[f"member_{k}"], members)] = True
    return carriers, having


def _vocabulary(files: CountedFiles, kept: NDArray[np.bool_], having: Mapping[str, NDArray[np.bool_]]) -> Vocabulary:
    grouped = [
        (column, name)
        for name, members in files.members.items()
        for column, found in zip(members, having[name], strict=True)
        if found
    ]
    free = [column for column, found in zip(files.free, kept, strict=True) if found]
    codes = (*(column for column, _ in grouped), *free)
    return Vocabulary(codes, ("",) * len(codes), (*(name for _, name in grouped), *(None for _ in free)))


def _known(member: NDArray[np.int32], members: Sequence[str]) -> NDArray[np.int32]:
    """Members, with that of `unknown` in place of none."""
    unknown = next(k for k, name in enumerate(members) if name.endswith(UNKNOWN))
    return np.where(member < 0, np.int32(unknown), member)


def _filled(files: CountedFiles, vocabulary: Vocabulary) -> tuple[sparse.csr_matrix, dict[str, int], dict[str, int]]:
    """CSR (n_rows, n_codes) uint16, canonical, filled file by file, without a second copy; unknown, differing."""
    free = np.array([vocabulary.index.get(name, -1) for name in files.free], dtype=np.int32)
    groups = {name: _group_columns(files, vocabulary, name) for name in vocabulary.groups}
    indptr = _ends(files, free, len(groups))
    indices = np.empty(indptr[-1], dtype=np.int32)
    data = np.empty(indptr[-1], dtype=np.uint16)
    unknown, differing = dict.fromkeys(groups, 0), dict.fromkeys(groups, 0)
    for place, part in _parts(files):
        start = indptr[place].astype(np.int64)
        for k, (name, columns) in enumerate(groups.items()):
            member, differs = part.group(list(files.members).index(name) if name in files.members else None)
            indices[start + k] = columns[member]
            data[start + k] = 1
            unknown[name] += int((columns[member] == columns[-1]).sum())
            differing[name] += differs
        column = free[part.codes]
        kept = column >= 0
        lengths = indptr[place + 1] - start - len(groups)
        first = np.repeat(start + len(groups) - np.cumsum(lengths) + lengths, lengths)
        target = first + np.arange(len(first))
        indices[target] = column[kept]
        data[target] = part.counts[kept]
    shape = (len(indptr) - 1, len(vocabulary))
    return sparse.csr_matrix((data, indices, indptr), shape=shape), unknown, differing


def _ends(files: CountedFiles, free: NDArray[np.int32], groups: int) -> NDArray[np.int32] | NDArray[np.int64]:
    """(n_rows + 1,) where the codes of each row begin and end: one of each group, and the columns that are kept."""
    ends = np.zeros(len(files.order.subject) + 1, dtype=np.int64)
    for place, part in _parts(files):
        kept = np.concatenate([[0], np.cumsum(free[part.codes] >= 0)])
        end = np.cumsum(part.lengths)
        ends[place + 1] = kept[end] - kept[end - part.lengths] + groups
    np.cumsum(ends, out=ends)
    return ends.astype(np.int32) if ends[-1] <= np.iinfo(np.int32).max else ends


def _group_columns(files: CountedFiles, vocabulary: Vocabulary, name: str) -> NDArray[np.int32]:
    """The column of each member of a group; the last entry, at -1, is that of rows without one, `unknown`."""
    unknown = [j for j in vocabulary.groups[name] if vocabulary.code[j].endswith(UNKNOWN)]
    nobody = int(unknown[0]) if unknown else -1
    listed = files.members.get(name, ())
    return np.array([*(vocabulary.index.get(member, nobody) for member in listed), nobody], dtype=np.int32)


def _keys(path: Path) -> list[str]:
    return [name for name in ("subject_id", "visit_id") if name in pq.read_schema(path).names]


def _chunk(column: pa.ChunkedArray) -> pa.ListArray:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
