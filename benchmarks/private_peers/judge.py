"""What is measured of drawn patients over k codes: single codes, pairs, all at once; against all holdout patients."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from benchmarks.generators import drawn
from benchmarks.yardstick import detection
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.correlation import correlation_matrix
from synthehr.fidelity.prediction import predict_codes, predictable_codes

Array = NDArray[np.float64]


def second_moment(matrix: CodeMatrix) -> Array:
    """(k, k) share of patients who have both codes, over the codes in no group; the diagonal is their prevalence."""
    binary = matrix.binary()[:, matrix.vocabulary.free].astype(np.float32)
    return np.asarray((binary.T @ binary).toarray(), dtype=np.float64) / len(matrix)


def pair_distance(real: Array, other: Array) -> float:
    """Mean over pairs of codes of the total variation distance of their 2 x 2 tables, in [0, 1].

    The errors of the pairs are what AIM and MST are made to keep small. real, other: (k, k) second moments.
    """
    d = real - other
    alone = np.diag(d)[:, None] - d  # error of the share with the code of the row only
    tables = np.abs(d) + np.abs(alone) + np.abs(alone.T) + np.abs(d - np.diag(d)[:, None] - np.diag(d)[None, :])
    return float(tables[np.triu_indices(len(d), 1)].mean() / 2)


def sizes(matrix: CodeMatrix) -> NDArray[np.int64]:
    """(n,) codes of each patient, those of groups not counted: of each group every patient has one."""
    return np.asarray(matrix.binary()[:, matrix.vocabulary.free].getnnz(axis=1), dtype=np.int64)


def agreement(real: CodeMatrix, candidate: CodeMatrix) -> dict[str, float]:
    """Figures of single codes, pairs and numbers of codes; both matrices have the same columns.

    dwp_apd: mean absolute difference of prevalences times 1,000. mean_difference: relative, of codes per patient.
    """
    moments = second_moment(real), second_moment(candidate)
    p, q = (np.diag(moment) for moment in moments)
    upper = np.triu_indices(len(p), 1)
    r, s = (correlation_matrix(moment)[upper] for moment in moments)
    counts = sizes(real), sizes(candidate)
    return {
        "dwp_pearson": float(np.corrcoef(p, q)[0, 1]),
        "dwp_spearman": float(stats.spearmanr(p, q).statistic),
        "dwp_apd": 1000 * float(np.abs(p - q).mean()),
        "correlation_r": float(np.corrcoef(r, s)[0, 1]),
        "pair_distance": pair_distance(*moments),
        "mean_difference": float(counts[1].mean() / counts[0].mean() - 1),
        "ks": float(stats.ks_2samp(*counts).statistic),
    }


def retention(real: Array, candidate: Array) -> float:
    """Share of what real patients teach over chance that candidates teach: sums over codes of AUROC less one half."""
    return float((candidate - 0.5).sum() / (real - 0.5).sum())


class Judge:
    """Holdout patients over the chosen codes, and what regressions learn from the training patients."""

    def __init__(self, cohort: Cohort, seed: int) -> None:
        self.cohort, self.seed = cohort, seed
        self.train, self.holdout = cohort.part("train"), cohort.part("holdout")
        found = predictable_codes(self.train, self.holdout)
        self.codes = found[np.isin(found, self.train.vocabulary.free)]
        self.real = predict_codes(self.train, self.holdout, self.codes).auroc

    def of(self, candidate: CodeMatrix) -> dict[str, float]:
        """Every figure of a candidate; `rows` is how many patients it has."""
        found = predict_codes(candidate, self.holdout, self.codes).auroc
        return (
            {"rows": len(candidate)}
            | agreement(self.holdout, candidate)
            | {
                "dwpred_retention": retention(self.real, found),
                "detection": detection(self.holdout, candidate, np.random.default_rng([self.seed, 1])),
            }
        )

    def of_drawn(self, counts: sparse.csr_matrix) -> dict[str, float]:
        """Figures of a drawn matrix: patients x the columns of the cohort."""
        ids = -1 - np.arange(counts.shape[0], dtype=np.int64)
        return self.of(CodeMatrix(counts.astype(np.uint16), ids, self.train.vocabulary))

    def bounds(self) -> dict[str, dict[str, float]]:
        """The ceiling, training patients themselves, and the floor, codes drawn independently, with no budget."""
        floor, _ = drawn("independent", {}, self.cohort, self.seed)
        return {"training patients": self.of(self.train), "independent, no budget": self.of(floor)}
