"""The distance of a sample to held-out patients by which checkpoints are chosen.

Marginals are calibrated afterwards, so they cannot tell a good checkpoint from a bad one; what codes do together can.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from synthehr.cohort.matrix import CodeMatrix

MAX_SAMPLE = 20_000  # patients of the sample that is compared: beyond, the validation split is what limits


class HeldOut:
    """What validation patients look like: correlations of their commoner codes, and codes per patient.

    n: how many patients a sample to be judged should have.
    """

    def __init__(self, validation: CodeMatrix) -> None:
        prevalence = validation.prevalence()
        grouped = np.array([name is not None for name in validation.vocabulary.group])
        at_least = max(0.01, 20 / max(len(validation), 1))
        self.columns = np.flatnonzero((prevalence >= at_least) | (grouped & (prevalence > 0)))
        self.n = min(MAX_SAMPLE, max(2000, 2 * len(validation)))
        self.correlation = correlations(validation.binary()[:, self.columns])
        self.sizes = validation.codes_per_patient()

    def distance(self, sample: sparse.csr_matrix) -> float:
        """Relative Frobenius distance of correlation plus Kolmogorov-Smirnov distance of codes per patient."""
        binary = (sample > 0)[:, self.columns]
        gap = np.linalg.norm(correlations(binary) - self.correlation) / np.linalg.norm(self.correlation)
        return float(gap + stats.ks_2samp(np.diff(sample.indptr), self.sizes).statistic)


def correlations(binary: sparse.csr_matrix) -> NDArray[np.float64]:
    """(d, d) Pearson correlations of 0/1 columns with a zero diagonal; a constant column correlates with nothing."""
    ones = sparse.csr_matrix(binary, dtype=np.float64)
    n = ones.shape[0]
    p = np.asarray(ones.mean(axis=0)).ravel()
    covariance = np.asarray((ones.T @ ones).todense()) / n - np.outer(p, p)
    # a column of ones has a mean a rounding above 1
    spread = np.sqrt(np.maximum(p * (1 - p), 0))
    scale = np.outer(spread, spread)
    result: NDArray[np.float64] = np.divide(covariance, scale, out=np.zeros_like(covariance), where=scale > 0)
    np.fill_diagonal(result, 0.0)
    return result
