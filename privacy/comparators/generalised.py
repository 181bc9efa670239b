"""k-anonymised records: the de-identification that a synthetic cohort is to replace, as a release to compare with.

Full-domain generalisation and suppression (Samarati 2001; Sweeney 2002): the quasi-identifiers of all records are
coarsened alike until no combination of them has fewer than k records, but for a few records that are left out. The
codes of each record stay as they were. That is what makes such releases useful, and what an attacker who knows some
codes needs.

Why no library: anjana 1.2.3 and pycanon 1.3.6 pin numpy, pandas and scipy to single versions, which no application that
uses them otherwise can meet.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

SUPPRESSED_AT_MOST = 0.05


def k_anonymised(records: sparse.csr_matrix, groups: Sequence[Sequence[int]], k: int) -> sparse.csr_matrix:
    """Real records with coarsened quasi-identifiers, in the order of the records that are kept.

    records: CSR of 0 and 1, (n, n_codes). groups: columns of each quasi-identifier, exclusive, in their natural order.
    Level 0 of a group is as it is, level l joins runs of 2^l neighbouring columns (age bands), the last level tells
    nothing. Of the combinations of levels at which at most 5 % of the records stand in classes of fewer than k, the one
    is taken that keeps the most classes; those records are left out. A coarsened value is shown as the first column of
    its run, a group at its last level as none.

    Raises:
        ValueError: k is less than 1, or a column in two groups.
    """
    columns = [np.asarray(group, dtype=np.int64) for group in groups]
    together = np.concatenate([*columns, np.zeros(0, dtype=np.int64)])
    if k < 1 or len(np.unique(together)) < len(together):
        raise ValueError(f"k must be at least 1 and each column in one group. Got k = {k} and {len(together)} columns.")
    values = [_values(records, group) for group in columns]
    chosen, kept = _best(values, [len(group) for group in columns], k)
    other = records.tocsc(copy=True).tolil()
    other[:, together] = 0
    coarse = other[np.flatnonzero(kept)].tocsr()
    parts = [coarse]
    for group, value in zip(columns, chosen, strict=True):
        shown = np.flatnonzero(value[kept] >= 0)
        where = group[value[kept][shown]]
        ones = np.ones(len(shown), dtype=np.uint8)
        parts.append(sparse.csr_matrix((ones, (shown, where)), shape=coarse.shape))
    return sparse.csr_matrix(sum(parts[1:], parts[0]), dtype=np.uint8)


def levels(size: int) -> int:
    """How many levels a group of `size` columns has: as it is, runs of 2, 4, ..., and nothing."""
    return (size - 1).bit_length() + 1 if size > 1 else 2


def _values(records: sparse.csr_matrix, group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of the column that each record has of a group, -1 where it has none."""
    present = records[:, group].toarray() != 0
    return np.where(present.any(axis=1), present.argmax(axis=1), -1).astype(np.int64)


def _coarsened(values: NDArray[np.int64], level: int, size: int) -> NDArray[np.int64]:
    if level == levels(size) - 1:
        return np.full_like(values, -1)
    return np.where(values < 0, -1, values >> level << level)


def _best(
    values: Sequence[NDArray[np.int64]], sizes: Sequence[int], k: int
) -> tuple[list[NDArray[np.int64]], NDArray[np.bool_]]:
    n = len(values[0]) if values else 0
    best: tuple[float, list[NDArray[np.int64]], NDArray[np.bool_]] | None = None
    for level in product(*(range(levels(size)) for size in sizes)):
        coarse = [_coarsened(v, at, size) for v, at, size in zip(values, level, sizes, strict=True)]
        _, place, count = np.unique(np.stack(coarse, axis=1), axis=0, return_inverse=True, return_counts=True)
        kept = count[place.ravel()] >= k
        # discernibility (Bayardo and Agrawal 2005): classes squared, and n for each record that is left out
        cost = float((count[count >= k].astype(np.float64) ** 2).sum() + n * (~kept).sum())
        if (~kept).mean() <= SUPPRESSED_AT_MOST and (best is None or cost < best[0]):
            best = (cost, coarse, kept)
    if best is None:
        # fewer than k records in all: nothing may be shown
        return [np.full(n, -1, dtype=np.int64) for _ in values], np.zeros(n, dtype=bool)
    return best[1], best[2]
