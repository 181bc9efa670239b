"""A patient as a sequence of tokens: members of exclusive groups, a size for each code system, then the codes in order.

A set has no order, so one is chosen: within a system the commoner code first. The size of each system comes before its
codes and is met exactly, so that no end has to be learned; and because the order is known, every token that cannot
follow is masked rather than learned (Germain et al. 2015, arXiv:1502.03509, mask autoregressive inputs likewise).
In a count matrix each code carries a level, how often it is recorded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.models.sizes import MIN_PATIENTS, one_hot, sizes_of

Ints = NDArray[np.int64]

FEW = 10  # patients who may be beyond what is drawn: no single one decides it


@dataclass(frozen=True)
class Layout:
    """Which token stands for what.

    vocabulary: of the matrix. groups: columns of each exclusive group. systems: those of each code system, commonest
    first. sizes: for each system, the share of training patients with 0, 1, 2, ... codes. classes: for each system, the
    smallest size of each of its size tokens, ascending: a size of too few patients shares the next smaller one's.
    tally: share of the codes of all patients that are recorded 0, 1, 2, ... times. levels: the smallest count of each
    level, ascending from 1; presence alone has one level. reach: for each system, by the number of codes to come, the
    last place in its order at which so many patients' next code stands; see `_reach`.

    Tokens are numbered: groups, sizes system by system, codes system by system.
    """

    vocabulary: Vocabulary
    groups: tuple[Ints, ...]
    systems: tuple[Ints, ...]
    sizes: tuple[NDArray[np.float64], ...]
    classes: tuple[Ints, ...]
    tally: NDArray[np.float64]
    levels: Ints
    reach: tuple[Ints, ...]

    @staticmethod
    def of(train: CodeMatrix, *, binary: bool = True) -> "Layout":
        """The layout of a training split: columns by falling prevalence within a system, sizes as they occur."""
        vocabulary, prevalence = train.vocabulary, train.prevalence()
        systems, sizes, classes = [], [], []
        for columns in vocabulary.free_by_system.values():
            systems.append(columns[np.argsort(-prevalence[columns], kind="stable")])
            occurring = np.bincount(sizes_of(train, columns))
            kept = np.flatnonzero(occurring >= MIN_PATIENTS)
            sizes.append(occurring / occurring.sum())
            classes.append(np.union1d(np.flatnonzero(occurring)[:1], kept))
        recorded = np.bincount([1] if binary else train.counts[:, vocabulary.free].data, minlength=2)
        levels = np.union1d([1], np.flatnonzero(recorded >= MIN_PATIENTS))
        layout = Layout(
            vocabulary,
            tuple(vocabulary.groups.values()),
            tuple(systems),
            tuple(sizes),
            tuple(classes),
            recorded / max(recorded.sum(), 1),
            levels,
            tuple(np.full(2, len(columns) - 1) for columns in systems),
        )
        return replace(layout, reach=_reach(layout, layout.encode(train)))

    @cached_property
    def starts(self) -> Ints:
        """(blocks + 1,) first token of each block: groups, sizes, systems."""
        lengths = [len(block) for block in (*self.groups, *self.classes, *self.systems)]
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    @property
    def n_tokens(self) -> int:
        """Tokens of all blocks."""
        return int(self.starts[-1])

    @property
    def n_heads(self) -> int:
        """Groups and sizes: tokens that every patient has, one of each."""
        return len(self.groups) + len(self.systems)

    @cached_property
    def column(self) -> Ints:
        """(n_tokens,) the column that a token stands for, -1 for sizes."""
        sizes = [np.full(len(values), -1, dtype=np.int64) for values in self.classes]
        return np.concatenate([*self.groups, *sizes, *self.systems]).astype(np.int64)

    def size_of(self, system: int, chosen: Ints, uniform: NDArray[np.floating]) -> Ints:
        """Exact sizes of so many chosen size classes of a system: within a class as often as in training."""
        return _within(self.sizes[system], self.classes[system], chosen, uniform)

    def count_of(self, chosen: Ints, uniform: NDArray[np.floating]) -> Ints:
        """Exact counts of so many chosen levels: within a level as often as in training."""
        return _within(self.tally, self.levels, chosen, uniform)

    def encode(self, matrix: CodeMatrix) -> "Sequences":
        """The patients of a matrix as sequences.

        Raises:
            BadData: a patient without exactly one member of an exclusive group.
        """
        parts = [matrix.counts[:, columns] for columns in self.groups]
        for name, part in zip(matrix.vocabulary.groups, parts, strict=True):
            wrong = int((np.diff(part.indptr) != 1).sum())
            if wrong:
                raise BadData(
                    f"Every patient must have one member of the group {name!r}; {wrong} have none or several."
                )
        for columns, values in zip(self.systems, self.classes, strict=True):
            member = np.searchsorted(values, sizes_of(matrix, columns), side="right") - 1
            parts.append(one_hot(np.maximum(member, 0), len(values)))
        parts += [matrix.counts[:, columns] for columns in self.systems]
        stacked = sparse.hstack(parts, format="csr")
        stacked.sort_indices()
        level = np.searchsorted(self.levels, stacked.data, side="right") - 1
        return Sequences.of(self, stacked.indptr.astype(np.int64), stacked.indices.astype(np.int64), level)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of` learned, as named arrays."""
        found: dict[str, NDArray[Any]] = {"tally": self.tally, "levels": self.levels}
        for k, (columns, sizes, classes) in enumerate(zip(self.systems, self.sizes, self.classes, strict=True)):
            found |= {f"columns.{k}": columns, f"sizes.{k}": sizes, f"classes.{k}": classes}
            found[f"reach.{k}"] = self.reach[k]
        return found

    @staticmethod
    def from_arrays(vocabulary: Vocabulary, arrays: Mapping[str, NDArray[Any]]) -> "Layout":
        """Read back what `arrays` wrote."""
        n = len(vocabulary.free_by_system)
        columns, sizes, classes, reach = (
            tuple(arrays[f"{name}.{k}"] for k in range(n)) for name in ("columns", "sizes", "classes", "reach")
        )
        groups = tuple(vocabulary.groups.values())
        return Layout(vocabulary, groups, columns, sizes, classes, arrays["tally"], arrays["levels"], reach)


def _reach(layout: Layout, train: "Sequences") -> tuple[Ints, ...]:
    """For each system, by the number of codes to come (0 and 1 do not bind), the last place of the next one.

    All but FEW patients' codes stand there or before. Without it, who is given a rare code early has nothing but rarer
    ones left for all the rest: some of 10,000 drawn patients had ten of the rarest codes at once, and no real one more
    than five.
    """
    found = []
    for k, columns in enumerate(layout.systems):
        of_system = train.block == layout.n_heads + k
        left, place = train.left[of_system], train.token[of_system] - layout.starts[layout.n_heads + k]
        reach = [len(columns) - 1] * 2
        for coming in range(2, int(left.max(initial=0)) + 1):
            places = np.sort(place[left == coming])
            last = int(places[-1 - FEW]) if len(places) > 2 * FEW else reach[-1]
            reach.append(max(min(reach[-1] - 1, last), 0))  # within the next one's reach there must be room for it
        found.append(np.asarray(reach, dtype=np.int64))
    return tuple(found)


def _within(shares: NDArray[np.float64], low: Ints, chosen: Ints, uniform: NDArray[np.floating]) -> Ints:
    """Values of chosen classes, of which the k-th begins at low[k]; inside a class as often as shares say."""
    cumulative = np.concatenate([[0.0], np.cumsum(shares)])
    high = np.append(low[1:], len(shares))[chosen]
    first = low[chosen]
    target = cumulative[first] + uniform * (cumulative[high] - cumulative[first])
    drawn = np.searchsorted(cumulative, target, side="right") - 1
    return np.asarray(np.clip(drawn, first, high - 1), dtype=np.int64)


@dataclass(frozen=True)
class Sequences:
    """Patients as sequences, flat; patient i has the tokens indptr[i] to indptr[i + 1].

    token: to be predicted. block: of which block it is. left: how many codes of its system are still to come, itself
    included, 0 for groups and sizes. low, high: the tokens that may stand there are low to high - 1. level: of the
    count of a code, 0 for groups and sizes.
    """

    indptr: Ints
    token: Ints
    block: Ints
    left: Ints
    low: Ints
    high: Ints
    level: Ints

    @staticmethod
    def of(layout: Layout, indptr: Ints, token: Ints, level: Ints) -> "Sequences":
        """Work out what may stand where."""
        block = np.searchsorted(layout.starts, token, side="right") - 1
        row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        run = row * (len(layout.starts) - 1) + block
        ends = np.flatnonzero(np.append(run[1:] != run[:-1], True)) if len(run) else np.empty(0, dtype=np.int64)
        left = np.repeat(ends, np.diff(np.append(-1, ends))) - np.arange(len(run)) + 1
        first = np.append(True, run[1:] != run[:-1])[: len(run)]
        is_code = block >= layout.n_heads
        low = np.where(first, layout.starts[block], np.append(0, token[:-1] + 1)[: len(run)])
        high = layout.starts[block + 1] - np.where(is_code, left - 1, 0)
        level = np.where(is_code, level, 0)
        return Sequences(indptr, token, block, np.where(is_code, left, 0), low, high, level)

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def shares(self, n_tokens: int) -> NDArray[np.float64]:
        """(n_tokens,) share of patients who have each token."""
        return np.asarray(np.bincount(self.token, minlength=n_tokens) / max(len(self), 1))

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Ints]:
        """Rows of each batch, all once: at random, or in order without a `rng`.

        Not by length: batches of like patients, each scaled by Adam and clipped, gave the common lengths more weight
        than they have, and the model drew too many of them.
        """
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        for start in range(0, len(self), size):
            yield order[start : start + size]

    def padded(self, rows: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Positions into the flat arrays, (rows, longest), and which of them are tokens; the rest repeat the first."""
        length = self.indptr[rows + 1] - self.indptr[rows]
        steps = np.arange(int(length.max(initial=0)))
        there = steps[None] < length[:, None]
        return np.where(there, self.indptr[rows][:, None] + steps[None], self.indptr[rows][:, None]), there
