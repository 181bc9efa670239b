"""Dimension-wise probability (DWP): does each code occur as often as among real patients?"""

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.agreement import pearson, r_squared, spearman
from synthehr.fidelity.interval import column_blocks, jackknife
from synthehr.fidelity.score import Estimate, Measure
from synthehr.fidelity.strata import Strata

DWP = (
    Measure(name="dwp_pearson", better="higher", lowest=-1, highest=1),
    Measure(name="dwp_spearman", better="higher", lowest=-1, highest=1),
    Measure(name="dwp_r2", better="higher", highest=1),
    Measure(name="dwp_rmse", better="lower", lowest=0, highest=1),
    Measure(name="dwp_apd", better="lower", lowest=0, highest=1000),
    Measure(name="dwp_max_difference", better="lower", lowest=0, highest=1),
    Measure(name="dwp_log10_ratio", better="lower", lowest=0),
)
SPURIOUS = Measure(name="spurious_mass", better="lower", lowest=0, highest=1)


def dimension_wise_probability(test: CodeMatrix, candidate: CodeMatrix, strata: Strata) -> list[Estimate]:
    """Agreement of the prevalences p (test) and q (candidate) over codes, whole and by stratum (Choi et al. 2017).

    Pearson, Spearman, R2 against y = x, root mean square error, APD (mean |p - q| x 1000), largest |p - q|, and the
    mean |log10 (q + 0.5/n)/(p + 0.5/n)|, n patients each. Pearson saturates on skewed prevalences: read Spearman and
    the strata. Intervals by jackknife over the patients of both.
    """
    real, other = column_blocks(test.binary()), column_blocks(candidate.binary())
    half = (0.5 / len(test), 0.5 / len(candidate))

    def figures(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([_agreement(p[codes], q[codes], half) for codes in strata.values()])

    value, error = jackknife(figures, real, other)
    estimates = []
    for s, (stratum, codes) in enumerate(strata.items()):
        note = f"{int(codes.sum())} codes"
        for m, measure in enumerate(DWP):
            k = s * len(DWP) + m
            estimates.append(
                measure.estimate(value[k], error[k], n=len(candidate), unit="patients", stratum=stratum, note=note)
            )
    return estimates


def _agreement(p: NDArray[np.float64], q: NDArray[np.float64], half: tuple[float, float]) -> NDArray[np.float64]:
    difference = np.abs(p - q)
    ratio = np.abs(np.log10((q + half[1]) / (p + half[0])))
    return np.asarray(
        [
            pearson(p, q),
            spearman(p, q),
            r_squared(p, q),
            np.sqrt(np.square(difference).mean()),
            1000 * difference.mean(),
            difference.max(),
            ratio.mean(),
        ]
    )


def spurious_mass(train: CodeMatrix, candidate: CodeMatrix) -> Estimate:
    """Share of the candidate's code occurrences that fall on codes no training patient has; 0 if it has no code."""
    unseen = train.prevalence() == 0

    def figures(q: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray([q[unseen].sum() / q.sum() if q.any() else 0.0])

    value, error = jackknife(figures, column_blocks(candidate.binary()))
    return SPURIOUS.estimate(value[0], error[0], n=len(candidate), unit="patients")
