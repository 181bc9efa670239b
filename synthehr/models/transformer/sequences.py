"""A patient as a sequence of tokens: members of exclusive groups, a size for each code system, then the codes in order.

A set has no order, so one is chosen: within a system the commoner code first. The size of each system comes before its
codes and is met exactly, so that no end has to be learned; and because the order is known, every token that cannot
follow is masked rather than learned (Germain et al. 2015, arXiv:1502.03509, mask autoregressive inputs likewise).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Layout:
    """Which token stands for what.

    vocabulary: of the matrix. groups: columns of each exclusive group. systems: those of each code system, commonest
    first. sizes: for each system, the share of training patients with 0, 1, 2, ... codes. classes: for each system, the
    smallest size of each of its size tokens, ascending: a size of too few patients shares the next smaller one's.

    Tokens are numbered: groups, sizes system by system, codes system by system.
    """

    vocabulary: Vocabulary
    groups: tuple[Ints, ...]
    systems: tuple[Ints, ...]
    sizes: tuple[NDArray[np.float64], ...]
    classes: tuple[Ints, ...]

    @staticmethod
    def of(train: CodeMatrix) -> "Layout":
        """The layout of a training split: columns by falling prevalence within a system, sizes as they occur."""
        vocabulary, prevalence = train.vocabulary, train.prevalence()
        systems, sizes, classes = [], [], []
        for columns in vocabulary.free_by_system.values():
            systems.append(columns[np.argsort(-prevalence[columns], kind="stable")])
            occurring = np.bincount(sizes_of(train, columns))
            kept = np.flatnonzero(occurring >= MIN_PATIENTS)
            sizes.append(occurring / occurring.sum())
            classes.append(np.union1d(np.flatnonzero(occurring)[:1], kept))
        return Layout(vocabulary, tuple(vocabulary.groups.values()), tuple(systems), tuple(sizes), tuple(classes))

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
        cumulative = np.concatenate([[0.0], np.cumsum(self.sizes[system])])
        low = self.classes[system]
        high = np.append(low[1:], len(self.sizes[system]))
        target = cumulative[low] + uniform[:, None] * (cumulative[high] - cumulative[low])[None]
        drawn = np.searchsorted(cumulative, target[np.arange(len(chosen)), chosen], side="right") - 1
        return np.asarray(np.clip(drawn, low[chosen], high[chosen] - 1), dtype=np.int64)

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
        return Sequences.of(self, stacked.indptr.astype(np.int64), stacked.indices.astype(np.int64))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of` learned, as named arrays."""
        found: dict[str, NDArray[Any]] = {}
        for k, (columns, sizes, classes) in enumerate(zip(self.systems, self.sizes, self.classes, strict=True)):
            found |= {f"columns.{k}": columns, f"sizes.{k}": sizes, f"classes.{k}": classes}
        return found

    @staticmethod
    def from_arrays(vocabulary: Vocabulary, arrays: Mapping[str, NDArray[Any]]) -> "Layout":
        """Read back what `arrays` wrote."""
        n = len(vocabulary.free_by_system)
        columns, sizes, classes = (
            tuple(arrays[f"{name}.{k}"] for k in range(n)) for name in ("columns", "sizes", "classes")
        )
        return Layout(vocabulary, tuple(vocabulary.groups.values()), columns, sizes, classes)


@dataclass(frozen=True)
class Sequences:
    """Patients as sequences, flat; patient i has the tokens indptr[i] to indptr[i + 1].

    token: to be predicted. block: of which block it is. left: how many codes of its system are still to come, itself
    included, 0 for groups and sizes. low, high: the tokens that may stand there are low to high - 1.
    """

    indptr: Ints
    token: Ints
    block: Ints
    left: Ints
    low: Ints
    high: Ints

    @staticmethod
    def of(layout: Layout, indptr: Ints, token: Ints) -> "Sequences":
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
        return Sequences(indptr, token, block, np.where(is_code, left, 0), low, high)

    def __len__(self) -> int:
        return len(self.indptr) - 1

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
