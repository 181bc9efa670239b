"""Chow-Liu tree: the best density in which every code depends on one other (Chow and Liu 1968).

The tree is the maximum spanning tree of the codes' mutual informations, which one product of the sparse records with
themselves gives.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

PSEUDO = 0.5  # patients added to each of the four cells of a pair


@dataclass(frozen=True)
class ChowLiuTree:
    """log p(x) = constant + x . linear + sum over edges of paired_e x_child x_parent.

    linear: (n_codes,). paired: (n_edges,). child, parent: (n_edges,) columns.
    """

    constant: float
    linear: NDArray[np.float64]
    paired: NDArray[np.float64]
    child: NDArray[np.int64]
    parent: NDArray[np.int64]

    def log_density(self, records: sparse.csr_matrix) -> NDArray[np.float64]:
        """Natural log of the density at each record of 0 and 1, (n,)."""
        columns = sparse.csc_matrix(records, dtype=np.float64)
        both = columns[:, self.child].multiply(columns[:, self.parent])
        return np.asarray(columns @ self.linear + both @ self.paired + self.constant)


def fit_chow_liu(records: sparse.csr_matrix) -> ChowLiuTree:
    """Fit the tree to CSR of 0 and 1, (n, n_codes) with at least two codes.

    Raises:
        ValueError: fewer than two codes, or no records.
    """
    n, d = records.shape
    if n < 1 or d < 2:
        raise ValueError(f"A tree needs records over at least two codes. Got {records.shape} instead.")
    wide = sparse.csr_matrix(records, dtype=np.float64)
    both = (wide.T @ wide).toarray()
    cells = _cells(both, n)
    information = np.zeros((d, d))
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        own, other = cells[a, 0] + cells[a, 1], cells[0, b] + cells[1, b]
        information += cells[a, b] * np.log(cells[a, b] / (own * other))
    # a spanning tree minimises positive weights, and reads a weight of 0 as no edge
    np.fill_diagonal(information, 0.0)
    tree = csgraph.minimum_spanning_tree(sparse.csr_matrix(np.triu(1.0 + information.max() - information, 1)))
    order, parents = csgraph.breadth_first_order(tree, 0, directed=False)
    child = order[1:].astype(np.int64)
    return _tree(cells, child, parents[child].astype(np.int64), root=int(order[0]))


def _cells(both: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Joint shares of (x_i, x_j), (2, 2, n_codes, n_codes), none of them 0."""
    have = np.diag(both)
    counts = np.empty((2, 2, *both.shape))
    counts[1, 1] = both
    counts[1, 0] = have[:, None] - both
    counts[0, 1] = have[None, :] - both
    counts[0, 0] = n - have[:, None] - have[None, :] + both
    return (counts + PSEUDO) / (n + 4 * PSEUDO)


def _tree(cells: NDArray[np.float64], child: NDArray[np.int64], parent: NDArray[np.int64], *, root: int) -> ChowLiuTree:
    joint = cells[:, :, child, parent]  # (child value, parent value, edges)
    given = np.log(joint / joint.sum(axis=0))
    has_root = cells[1, :, root, child[0]].sum()
    linear = np.zeros(cells.shape[2])
    linear[root] = np.log(has_root) - np.log1p(-has_root)
    np.add.at(linear, child, given[1, 0] - given[0, 0])
    np.add.at(linear, parent, given[0, 1] - given[0, 0])
    paired = given[1, 1] - given[1, 0] - given[0, 1] + given[0, 0]
    return ChowLiuTree(float(np.log1p(-has_root) + given[0, 0].sum()), linear, paired, child, parent)
