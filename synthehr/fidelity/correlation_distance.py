"""Distance of whole correlation matrices: of all codes, where `correlation` looks at the common ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.correlation import CMD, CWC
from synthehr.fidelity.interval import block_rows, jackknife
from synthehr.fidelity.score import Estimate

MOST_CODES = 2_000  # bounds time and memory: three float32 matrices of 2,000 x 2,000 are 48 MB

Matrix = NDArray[np.float32]


def correlation_distance(test: CodeMatrix, candidate: CodeMatrix, prevalence: NDArray[np.float64]) -> list[Estimate]:
    """CMD, the Frobenius distance of the correlation matrices over all codes, and CWC = CMD / codes^2 x 1e6.

    Most of it is sampling noise, some sqrt(2 / n) for each pair of codes however rare: read the skill, and the twin
    over codes of 1 % that `correlation` gives. The 2,000 commonest codes at most, by prevalence, (n_codes,) of the real
    training patients. Pairs within an exclusive group are left out; a code that everybody or nobody has correlates 0
    with all. Absent where fewer than 2 pairs are left. Intervals by jackknife over the patients of both.
    """
    codes = np.sort(np.argsort(-prevalence, kind="stable")[:MOST_CODES])
    apart = _apart(test.vocabulary, codes)
    pairs = int(apart.sum()) // 2
    if pairs < 2:
        return []
    weight = apart.astype(np.float32)

    def figures(real: Matrix, other: Matrix) -> NDArray[np.float64]:
        gap = (real - other) * weight
        cmd = np.sqrt(np.vdot(gap, gap).astype(np.float64))
        return np.asarray([cmd, 1e6 * cmd / len(codes) ** 2])

    value, error = jackknife(figures, *(_Correlations.of(cohort, codes) for cohort in (test, candidate)))
    note = f"{pairs} pairs" if len(codes) == len(prevalence) else f"{pairs} pairs of the {len(codes)} commonest codes"
    return [
        measure.estimate(v, e, n=len(candidate), unit="patients", note=note)
        for measure, v, e in zip((CMD, CWC), value, error, strict=True)
    ]


def _apart(vocabulary: Vocabulary, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(k, k) whether two codes are two, and not of one exclusive group."""
    names = {name: g for g, name in enumerate(vocabulary.groups)}
    group = np.asarray([names.get(vocabulary.group[j] or "", -1 - j) for j in codes])
    return np.asarray(group[:, None] != group[None, :])


@dataclass(frozen=True)
class _Correlations:
    """Correlation matrices (k, k) of a cohort, for `jackknife`: one at a time, for 50 at once would not fit.

    moments: (k, k) x'x over all patients, float32, which counts up to 16 million exactly; blocks: CSR (n_b, k) each.
    """

    moments: Matrix
    blocks: tuple[sparse.csr_matrix, ...]

    @staticmethod
    def of(cohort: CodeMatrix, codes: NDArray[np.int64]) -> "_Correlations":
        binary = cohort.binary()[:, codes].astype(np.float32)
        return _Correlations(_moments(binary), tuple(binary[rows] for rows in block_rows(len(cohort))))

    def mean(self) -> Matrix:
        return _correlations(self.moments, sum(block.shape[0] for block in self.blocks))

    def means_without_one(self) -> Iterator[Matrix]:
        n = sum(block.shape[0] for block in self.blocks)
        for block in self.blocks:
            yield _correlations(self.moments - _moments(block), n - block.shape[0])


def _moments(binary: sparse.csr_matrix) -> Matrix:
    return np.asarray((binary.T @ binary).toarray(), dtype=np.float32)


def _correlations(moments: Matrix, n: int) -> Matrix:
    """Pearson (phi) correlations (k, k) from x'x of n patients; 0 beside a column that does not vary."""
    p = np.diag(moments).astype(np.float64) / n
    deviation = np.sqrt(p * (1 - p))
    scale = np.divide(1, deviation, out=np.zeros_like(p), where=deviation > 0).astype(np.float32)
    r = moments / np.float32(n)
    r -= np.outer(p, p).astype(np.float32)
    r *= scale
    r *= scale[:, None]
    return np.asarray(r, dtype=np.float32)
