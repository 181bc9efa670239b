"""How many codes of each system a patient has, as exclusive groups that a generator can learn beside the codes.

Records are not draws of independent codes: in an extract that keeps three diagnoses an encounter, 71 % of patients have
exactly three. A size learned as one more category, and met exactly when scores are cut into codes, keeps that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary

MIN_PATIENTS = 20  # a size of fewer patients is merged into the next smaller kept: it would be learned from outliers


@dataclass(frozen=True)
class SizeHead:
    """The size group of one code system.

    system: its name. codes: (k,) ascending columns of its codes. values: (s,) ascending sizes that are members.
    members: (s,) columns of the members in the extended matrix.
    """

    system: str
    codes: NDArray[np.int64]
    values: NDArray[np.int64]
    members: NDArray[np.int64]


def size_values(matrix: CodeMatrix) -> dict[str, NDArray[np.int64]]:
    """The sizes that occur often enough, by code system; systems of one code or one size have no head."""
    found = {}
    for system, codes in matrix.vocabulary.free_by_system.items():
        if len(codes) < 2:
            continue
        occurring = np.bincount(sizes_of(matrix, codes))
        kept = np.flatnonzero(occurring >= min(MIN_PATIENTS, occurring.max()))
        if len(kept) > 1:
            found[system] = kept.astype(np.int64)
    return found


def size_heads(vocabulary: Vocabulary, values: Mapping[str, NDArray[np.int64]]) -> tuple[SizeHead, ...]:
    """Heads over the columns that `extended` appends, in the order in which the vocabulary has the systems."""
    heads, start = [], len(vocabulary)
    for system, codes in vocabulary.free_by_system.items():
        if system not in values:
            continue
        kept = values[system]
        heads.append(SizeHead(system, codes, kept, np.arange(start, start + len(kept))))
        start += len(kept)
    return tuple(heads)


def extended_vocabulary(vocabulary: Vocabulary, heads: tuple[SizeHead, ...]) -> Vocabulary:
    """The vocabulary with the heads' members appended, each head an exclusive group."""
    codes = tuple(f"SIZE/{head.system}/{value}" for head in heads for value in head.values)
    groups = tuple(f"size of {head.system}" for head in heads for _ in head.values)
    return Vocabulary(vocabulary.code + codes, vocabulary.description + ("",) * len(codes), vocabulary.group + groups)


def extended(matrix: CodeMatrix, heads: tuple[SizeHead, ...]) -> CodeMatrix:
    """The matrix with one-hot size columns appended; a size without a member counts as the next smaller one."""
    parts = [matrix.counts]
    for head in heads:
        member = np.searchsorted(head.values, sizes_of(matrix, head.codes), side="right") - 1
        parts.append(one_hot(np.maximum(member, 0), len(head.values)))
    counts = sparse.hstack(parts, format="csr", dtype=np.uint16)
    return CodeMatrix(counts, matrix.ids, extended_vocabulary(matrix.vocabulary, heads))


def sizes_of(matrix: CodeMatrix, codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_patients,) how many of the codes, by column, each patient has."""
    return np.asarray(np.diff(matrix.counts[:, codes].indptr), dtype=np.int64)


def one_hot(member: NDArray[np.int64], n: int) -> sparse.csr_matrix:
    """CSR (len(member), n) uint16: a one in column `member` of each row."""
    rows = len(member)
    return sparse.csr_matrix((np.ones(rows, dtype=np.uint16), member, np.arange(rows + 1)), shape=(rows, n))
