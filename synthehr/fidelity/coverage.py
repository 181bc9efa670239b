"""Code coverage: do the codes of the training data ever occur in a synthetic cohort of its size?"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.interval import column_blocks, jackknife
from synthehr.fidelity.score import Estimate, Measure

COVERAGE = Measure(name="code_coverage", better="higher", lowest=0, highest=1)
# More terms of the Good-Toulmin series have less bias and more noise. Four: over 60 halvings of Diabetes-130 one half
# reached 0.916 of the other's codes, and the estimate from that other was 0.916 with a standard deviation of 0.011.
SERIES = 4


def code_coverage(train: CodeMatrix, candidate: CodeMatrix) -> Estimate:
    """Share of the codes of the training patients that occur in the candidate, in [0, 1]; 1 if training has no code.

    It grows with the candidate's size: give a candidate of as many patients as train has. Interval by jackknife over
    the candidate's patients.
    """
    seen = train.prevalence() > 0

    def figures(q: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray([(q[seen] > 0).mean() if seen.any() else 1.0])

    value, error = jackknife(figures, column_blocks(candidate.binary()))
    return COVERAGE.estimate(
        value[0], error[0], n=len(candidate), unit="patients", note="the ceiling is an Efron-Thisted estimate"
    )


def expected_coverage(train: CodeMatrix, n: int) -> float:
    """Coverage that n <= len(train) fresh real patients would reach: the ceiling where so many are not to be had.

    A code of train is missing among n others with expectation S(N + n) - S(n), S(m) being the number of codes that m
    patients have: S(n) by rarefaction (hypergeometric, exact), S(N + n) by the smoothed Good-Toulmin series (Efron and
    Thisted 1976, Biometrika 63:435). A vocabulary without the rarest codes makes it slightly too small.

    Raises:
        ValueError: n outside [1, len(train)], where the series does not converge.
    """
    if not 1 <= n <= len(train):
        raise ValueError(f"The 'n' parameter of expected_coverage must be in [1, {len(train)}]. Got {n} instead.")
    carriers = np.bincount(train.counts.indices, minlength=train.counts.shape[1])
    carriers = carriers[carriers > 0]
    if not len(carriers):
        return 1.0
    share = n / len(train)
    rarefied = stats.hypergeom.sf(0, len(train), carriers, n).sum()
    k = np.arange(1, SERIES + 1)
    codes_of_k_patients = np.bincount(carriers, minlength=SERIES + 1)[1 : SERIES + 1]
    new = -((-share) ** k * stats.binom.sf(k - 1, SERIES, 1 / (1 + share)) * codes_of_k_patients).sum()
    return float(np.clip((rarefied - new) / len(carriers), 0.0, 1.0))
