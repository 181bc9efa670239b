"""Synthetic patients for augmentation: one pool a seed, shared by all codes.

Patients with a code are those of the pool who have it: exact rejection, as `synthehr generate --where CODE` draws them,
with one pass of draws for all codes instead of one for each.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipelines.conditional import Acceptance
from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.models.generator import Generator
from synthehr.models.registry import create

BLOCK = 16_384  # patients a draw
VALIDATION = 0.1  # of a few patients, the share that chooses the generator's pass


@dataclass(frozen=True)
class Pool:
    """Binary patients (n, n_codes). patients: the first drawn; carriers: of all drawn, those with a code asked for."""

    patients: sparse.csr_matrix
    carriers: sparse.csr_matrix
    drawn: int

    def with_code(self, code: int, n: int) -> sparse.csr_matrix:
        """The first n who have the code, or all of them where there are fewer."""
        return self.carriers[self._who(code)[:n]]

    def acceptance(self, code: int) -> Acceptance:
        """How many of those drawn have the code."""
        return Acceptance(self.drawn, len(self._who(code)))

    def _who(self, code: int) -> NDArray[np.int64]:
        return np.flatnonzero(self.carriers[:, [code]].getnnz(axis=1) > 0)

    def write(self, path: Path) -> None:
        """Keep it; a pool takes minutes to draw."""
        both = sparse.vstack([self.patients, self.carriers], format="csr")
        cut = {"patients": self.patients.shape[0], "drawn": self.drawn}
        np.savez(path, indices=both.indices, indptr=both.indptr, shape=both.shape, **cut)

    @staticmethod
    def read(path: Path) -> "Pool":
        """What `write` wrote."""
        kept = np.load(path)
        ones = np.ones(len(kept["indices"]), dtype=np.uint8)
        both = sparse.csr_matrix((ones, kept["indices"], kept["indptr"]), shape=tuple(kept["shape"]))
        n = int(kept["patients"])
        return Pool(both[:n], both[n:], int(kept["drawn"]))


def draw_pool(generator: Generator, codes: NDArray[np.int64], *, patients: int, drawn: int, seed: int) -> Pool:
    """Draw `drawn` patients in whole blocks; keep the first `patients`, and whoever has one of the codes."""
    rng, so_far = np.random.default_rng([seed, 21]), 0
    first, carriers = [], []
    while so_far < max(patients, drawn):
        block = binary(generator.sample(BLOCK, rng=rng))
        first.append(block[: max(0, patients - so_far)])
        carriers.append(block[block[:, codes].getnnz(axis=1) > 0])
        so_far += BLOCK
    return Pool(sparse.vstack(first, format="csr"), sparse.vstack(carriers, format="csr"), so_far)


def binary(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """The counts clipped to 1."""
    ones = np.ones(counts.nnz, dtype=np.uint8)
    return sparse.csr_matrix((ones, counts.indices, counts.indptr), shape=counts.shape)


def generator_of_few(patients: CodeMatrix, options: dict[str, int], *, seed: int) -> Generator:
    """A transformer that has seen these patients and nobody else: a tenth of them chooses its pass."""
    split = np.zeros(len(patients), dtype=np.uint8)
    split[np.random.default_rng([seed, 22]).permutation(len(patients))[: round(VALIDATION * len(patients))]] = 1
    model = create("transformer", options=options)
    with tempfile.TemporaryDirectory() as workspace:
        model.fit(Cohort(patients, split), seed=seed, workspace=Path(workspace), ledger=Ledger())
    return model
