"""The density of copies: a kernel that copies a record and draws some of its codes anew.

Aitchison and Aitken's (1976) kernel for binary data with its redraw made explicit: each code of a record s is kept with
probability 1 - r, and otherwise drawn with its prevalence p_j, so

    K(x | s) = prod_j ((1 - r) [x_j = s_j] + r p_j^x_j (1 - p_j)^(1 - x_j)).

Sharing a rare code weighs more than sharing a common one, and lacking it weighs little: what a rarity-weighted distance
approximates. The density at x is the mean of K over all records, not only the nearest.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

BLOCK_CELLS = 8_000_000  # kernel values held at once: 32 MB of float32, of which exp makes no copy


def prevalence(records: sparse.csr_matrix) -> NDArray[np.float64]:
    """Share of records with each code, (n_codes,), strictly between 0 and 1: half a patient is added to either side."""
    counts = np.bincount(records.indices, minlength=records.shape[1])
    return np.asarray((counts + 0.5) / (records.shape[0] + 1.0))


def log_kernel_density(
    targets: sparse.csr_matrix, base: sparse.csr_matrix, p: NDArray[np.floating], redraw: float
) -> NDArray[np.float64]:
    """Log mean_i K(x | base_i) for each target x, (n_targets,).

    targets, base: CSR of 0 and 1 over the same codes. p: (n_codes,) in (0, 1). redraw: r in (0, 1).

    Log K is affine in s for a given x, so one product of the sparse base with a dense block gives it for all pairs.

    Raises:
        ValueError: no base record, other codes, or p or redraw not strictly between 0 and 1.
    """
    _check(targets, base, p, redraw)
    shared, missed = kernel_gains(p, redraw)
    empty = np.log((1 - redraw) + redraw * (1.0 - p))  # log K(0 | 0), code by code
    constant = empty.sum() + targets @ (np.log(redraw * p) - empty)
    wide = base.astype(np.float32)
    found = np.empty(targets.shape[0])
    rows = max(1, BLOCK_CELLS // base.shape[0])
    for start in range(0, targets.shape[0], rows):
        x = targets[start : start + rows].toarray() != 0
        values = wide @ np.ascontiguousarray(np.where(x, shared, missed).T)  # (n_base, rows)
        most = values.max(axis=0)
        np.exp(np.subtract(values, most, out=values), out=values)
        found[start : start + rows] = np.log(values.sum(axis=0, dtype=np.float64)) + most
    return np.asarray(found + constant - np.log(base.shape[0]))


def kernel_gains(p: NDArray[np.floating], redraw: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What s_j = 1 adds to log K(x | s) over s_j = 0: where x_j = 1, and where x_j = 0; both (n_codes,)."""
    q = 1.0 - p
    shared = np.log(((1 - redraw) + redraw * p) / (redraw * p))
    missed = np.log((redraw * q) / ((1 - redraw) + redraw * q))
    return shared.astype(np.float32), missed.astype(np.float32)


def _check(targets: sparse.csr_matrix, base: sparse.csr_matrix, p: NDArray[np.floating], redraw: float) -> None:
    if base.shape[0] < 1 or not targets.shape[1] == base.shape[1] == len(p):
        raise ValueError(
            f"A kernel density needs base records over the codes of the targets. Got {base.shape}, {targets.shape} and "
            f"{len(p)} prevalences instead."
        )
    if not (0 < redraw < 1 and (p > 0).all() and (p < 1).all()):
        raise ValueError("redraw and every prevalence must lie strictly between 0 and 1.")
