"""The real patients that attacks are tried on: those who were in the training data, and three groups who were not."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Four groups of real patients of one population; nobody is in two of them.

    members: were in the training data. nonmembers: were not; attacked alike, so that what is found for them is chance.
    reference: what the attacker holds besides the release. fresh: stand in the release's place as control. All CSR of
    uint8, 0 and 1, sorted indices, (n, n_codes). codes: (n_codes,) names of the columns.

    Raises:
        ValueError: fewer than 2 patients in a group, unequal columns, or a value other than 0 and 1.
    """

    members: sparse.csr_matrix
    nonmembers: sparse.csr_matrix
    reference: sparse.csr_matrix
    fresh: sparse.csr_matrix
    codes: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("members", "nonmembers", "reference", "fresh"):
            # a frozen record that keeps its promise whatever form of CSR it was given
            object.__setattr__(self, name, binary_records(name, getattr(self, name), len(self.codes)))


def binary_records(name: str, matrix: sparse.csr_matrix, n_codes: int) -> sparse.csr_matrix:
    """`matrix` as CSR of uint8 0 and 1 with sorted indices and no stored zero; a copy, the argument is left alone.

    Raises:
        ValueError: fewer than 2 records, not `n_codes` columns, or a value other than 0 and 1. Names `name`.
    """
    if matrix.shape[0] < 2 or matrix.shape[1] != n_codes:
        raise ValueError(f"{name} must have at least 2 records and {n_codes} codes. Got {matrix.shape} instead.")
    tidy = sparse.csr_matrix(matrix, copy=True)
    tidy.sum_duplicates()
    tidy.eliminate_zeros()
    if tidy.nnz and not (tidy.data == 1).all():
        raise ValueError(f"{name} must hold 0 and 1 only: clip counts to 1 first. Its largest value is {tidy.max()}.")
    tidy.data = np.ones(tidy.nnz, dtype=np.uint8)
    return tidy
