"""Correlation: do codes occur together as they do in real patients?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.evaluation import CORRELATION_COLUMNS
from synthehr.fidelity.agreement import pearson, r_squared
from synthehr.fidelity.interval import Blocks, block_rows, jackknife
from synthehr.fidelity.score import Estimate, Measure

CMD = Measure(name="correlation_cmd", better="lower", lowest=0)
CWC = Measure(name="correlation_cwc", better="lower", lowest=0)
CORRELATION_R = Measure(name="correlation_r_200", better="higher", lowest=-1, highest=1)
COOCCURRENCE_R = Measure(name="cooccurrence_r", better="higher", lowest=-1, highest=1)
COOCCURRENCE_R2 = Measure(name="cooccurrence_r2", better="higher", highest=1)
LOG_LIFT_R = Measure(name="log_lift_r", better="higher", lowest=-1, highest=1)

COMMON = 0.01  # rarer codes add sampling noise to a matrix distance and little else
MOST_CODES = 500  # bounds the memory: 50 blocks of 500 x 500 float64 are 100 MB
COMMONEST = 200
DRAWN = 30  # codes of a heat map whose names can still be read
EXPECTED = 5.0  # as for a chi-square test: below it the logarithm of a count is noise

Matrix = NDArray[np.float64]


def correlation(test: CodeMatrix, candidate: CodeMatrix, prevalence: NDArray[np.float64]) -> list[Estimate]:
    """Agreement of the pairwise associations of codes, test against candidate.

    CMD: Frobenius distance of the two correlation matrices over codes of at least 1 % (the 500 commonest at most), and
    CWC = CMD / codes^2 x 1e6. Over the pairs of the 200 commonest codes: Pearson r of the correlations, of the shares
    of patients with both codes (high for any right marginals; R2 of these against y = x too), and of the log lifts of
    the pairs expected at least 5 times by chance.
    prevalence: (n_codes,) of the real training patients, chooses the codes. Pairs within an exclusive group are left
    out: their correlation follows from the group, and every generator gets it for nothing. A code that everybody or
    nobody has correlates 0 with all. Measures of fewer than 2 pairs are absent. Intervals by jackknife over patients.
    """
    chosen = _choose(test.vocabulary, prevalence, min(len(test), len(candidate)))
    half = (0.5 / len(test), 0.5 / len(candidate))

    def figures(real: Matrix, other: Matrix) -> NDArray[np.float64]:
        moments = (real, other)
        r, s = (correlation_matrix(moment) for moment in moments)
        cmd = np.sqrt(2 * np.square((r - s)[chosen.distance]).sum())
        lifts = [_log_lift(moment, h)[chosen.lift] for moment, h in zip(moments, half, strict=True)]
        joint = [moment[chosen.commonest] for moment in moments]
        r_200 = _pearson(r[chosen.commonest], s[chosen.commonest])
        distance = [cmd, 1e6 * cmd / max(chosen.n_common, 1) ** 2]
        r2 = r_squared(*joint) if chosen.commonest.any() else 0.0
        return np.asarray([*distance, r_200, _pearson(*joint), r2, _pearson(*lifts)])

    value, error = jackknife(figures, _gram_blocks(test, chosen.codes), _gram_blocks(candidate, chosen.codes))
    masks = {CMD: chosen.distance, CWC: chosen.distance, CORRELATION_R: chosen.commonest}
    masks |= {COOCCURRENCE_R: chosen.commonest, COOCCURRENCE_R2: chosen.commonest, LOG_LIFT_R: chosen.lift}
    estimates = []
    for (measure, mask), v, e in zip(masks.items(), value, error, strict=True):
        stratum, note = (">=1%" if mask is chosen.distance else "all"), f"{int(mask.sum())} pairs"
        if mask.sum() >= 2:
            estimates.append(measure.estimate(v, e, n=len(candidate), unit="patients", stratum=stratum, note=note))
    return estimates


def correlation_matrix(second_moment: Matrix) -> Matrix:
    """Pearson (phi) correlations (k, k) from E[x x'] of 0/1 columns; 0 beside a column that does not vary."""
    p = np.diag(second_moment)
    scale = np.sqrt(p * (1 - p))
    scale = np.where(scale > 0, scale, np.inf)
    r = (second_moment - np.outer(p, p)) / np.outer(scale, scale)
    np.fill_diagonal(r, 1.0)
    return np.asarray(r)


def correlation_table(test: CodeMatrix, candidate: CodeMatrix, prevalence: NDArray[np.float64]) -> pd.DataFrame:
    """Correlations of each pair of the 30 commonest free codes, test and candidate: `CORRELATION_COLUMNS`.

    prevalence: (n_codes,) of the real training patients, chooses the codes; the commonest comes first. n_both, n_a,
    n_b: test patients with both codes, and with each.
    """
    free = test.vocabulary.free
    codes = free[np.argsort(-prevalence[free], kind="stable")[:DRAWN]]
    moments = [_gram_blocks(cohort, codes).mean() for cohort in (test, candidate)]
    a, b = np.triu_indices(len(codes), 1)
    real, other = (correlation_matrix(moment)[a, b] for moment in moments)
    counts = np.rint(moments[0] * len(test)).astype(np.int64)
    names = np.asarray(test.vocabulary.code, dtype=object)[codes]
    columns = [names[a], names[b], real, other, counts[a, b], counts[a, a], counts[b, b]]
    return pd.DataFrame(dict(zip(CORRELATION_COLUMNS, columns, strict=True)))


@dataclass(frozen=True)
class _Chosen:
    """Codes, commonest first, and the pairs (k, k; upper triangle) that each measure looks at."""

    codes: NDArray[np.int64]
    n_common: int
    distance: NDArray[np.bool_]
    commonest: NDArray[np.bool_]
    lift: NDArray[np.bool_]


def _choose(vocabulary: Vocabulary, prevalence: NDArray[np.float64], n: int) -> _Chosen:
    n_common = min(int((prevalence >= COMMON).sum()), MOST_CODES)
    codes = np.argsort(-prevalence, kind="stable")[: max(n_common, COMMONEST)]
    names = {name: g for g, name in enumerate(vocabulary.groups)}
    group = np.asarray([names.get(vocabulary.group[j] or "", -1 - j) for j in codes])
    pairs = np.triu(group[:, None] != group[None, :], 1)
    rank = np.arange(len(codes))
    commonest = pairs & (rank < COMMONEST) & (rank < COMMONEST)[:, None]
    expected = n * np.outer(prevalence[codes], prevalence[codes])
    return _Chosen(codes, n_common, pairs & (rank < n_common), commonest, commonest & (expected >= EXPECTED))


def _pearson(real: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return pearson(real, other) if len(real) else 0.0


def _log_lift(second_moment: Matrix, half: float) -> Matrix:
    p = np.diag(second_moment)
    return np.asarray(np.log((second_moment + half) / (np.outer(p, p) + half)))


def _gram_blocks(cohort: CodeMatrix, codes: NDArray[np.int64]) -> Blocks:
    """Blocks of x x' over `codes`: sums (n_blocks, k, k)."""
    binary = cohort.binary()[:, codes]
    parts = [binary[rows].toarray().astype(np.float32) for rows in block_rows(len(cohort))]
    sums = np.stack([part.T @ part for part in parts]).astype(np.float64)
    return Blocks(sums, np.asarray([len(part) for part in parts]))
