"""Dimension-wise prediction (DWPred): can each code be predicted from the others as well as real patients allow?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.agreement import pearson
from synthehr.fidelity.interval import bootstrap_codes
from synthehr.fidelity.logistic import CODES_AT_ONCE, fit_code_regressions
from synthehr.fidelity.ranking import auroc, f1_at
from synthehr.fidelity.score import Estimate, Measure
from synthehr.fidelity.strata import MIN_CODES, Strata

RETENTION = Measure(name="dwpred_auroc_retention", better="higher")
DWPRED = (
    Measure(name="dwpred_auroc_gap", better="lower", lowest=0, highest=1),
    Measure(name="dwpred_auroc_loss", better="lower", lowest=-1, highest=1),
    Measure(name="dwpred_auroc_r", better="higher", lowest=-1, highest=1),
    RETENTION,
    Measure(name="dwpred_f1_gap", better="lower", lowest=0, highest=1),
    Measure(name="dwpred_f1_r", better="higher", lowest=-1, highest=1),
)
MIN_FITTED, MIN_TESTED = 30, 20  # fewer carriers say more of chance than of the cohort
LEAST_GAIN = 0.01  # of the mean real AUROC over 0.5: a share of less than that is a share of nothing


@dataclass(frozen=True)
class CodePredictions:
    """How well regressions fitted on one cohort predict real test patients.

    codes: (k,) columns; auroc, f1: (k,) in [0, 1]; n: patients fitted on; unconverged: regressions short of tolerance.
    """

    codes: NDArray[np.int64]
    auroc: NDArray[np.float64]
    f1: NDArray[np.float64]
    n: int
    unconverged: int


def predictable_codes(real: CodeMatrix, test: CodeMatrix) -> NDArray[np.int64]:
    """Columns with at least 30 carriers among the real patients fitted on and 20 among the test patients.

    The real cohorts alone decide: a generator that has lost a code is not excused from predicting it. A code that all
    of either have is left out.
    """
    fitted, tested = (np.bincount(c.counts.indices, minlength=c.counts.shape[1]) for c in (real, test))
    enough = (fitted >= MIN_FITTED) & (tested >= MIN_TESTED)
    return np.flatnonzero(enough & (fitted < len(real)) & (tested < len(test)))


def predict_codes(fit: CodeMatrix, test: CodeMatrix, codes: NDArray[np.int64]) -> CodePredictions:
    """Fit a logistic regression of each code on all others in `fit` and test it on `test`.

    The members of a code's own exclusive group are no predictors of it: whoever has another age band surely has not
    this one, in any cohort. F1 calls as many test patients positive as the code's prevalence in `fit` foresees (at 0.5,
    the choice of the medGAN paper, rare codes are never called and F1 is 0 for real patients too). A code that nobody
    in `fit` has gets AUROC 0.5 and F1 0.
    """
    regressions = fit_code_regressions(fit.binary(), codes, _excluded(fit.vocabulary, codes))
    margins, truth = regressions.margins(test.binary()), test.binary()
    called = np.rint(fit.prevalence()[codes] * len(test)).astype(np.int64)
    reached = [np.empty((2, 0))]
    for block in (slice(i, i + CODES_AT_ONCE) for i in range(0, len(codes), CODES_AT_ONCE)):
        positive = truth[:, codes[block]].toarray().astype(bool)
        reached.append(
            np.stack([auroc(margins[:, block], positive), f1_at(margins[:, block], positive, called[block])])
        )
    both = np.concatenate(reached, axis=1)
    return CodePredictions(
        codes=codes, auroc=both[0], f1=both[1], n=len(fit), unconverged=int((~regressions.converged).sum())
    )


def _excluded(vocabulary: Vocabulary, codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(n_codes, k) predictors that each target must not see: itself and its group."""
    excluded = np.zeros((len(vocabulary), len(codes)), dtype=bool)
    for k, code in enumerate(codes):
        name = vocabulary.group[code]
        excluded[code if name is None else vocabulary.groups[name], k] = True
    return excluded


def dimension_wise_prediction(
    real: CodePredictions, candidate: CodePredictions, strata: Strata, *, seed: int
) -> list[Estimate]:
    """Agreement over codes of what regressions fitted on real and on candidate patients reach (Choi et al. 2017).

    Mean |real - candidate| of the AUROCs and of the F1s, mean real - candidate (loss), Pearson r over codes, and
    retention = sum (candidate - 0.5) / sum (real - 0.5). Whole and by stratum; a stratum of fewer than 5 predictable
    codes is absent, retention is absent where real AUROCs average below 0.51. Intervals by bootstrap over codes; the
    patients are held fixed.
    """
    estimates = []
    late = f", {candidate.unconverged} regressions unconverged" if candidate.unconverged else ""
    for stratum, mask in strata.items():
        inside = mask[real.codes]
        if (k := int(inside.sum())) < MIN_CODES:
            continue
        vectors = [v[inside] for v in (real.auroc, candidate.auroc, real.f1, candidate.f1)]
        error = bootstrap_codes(_figures, *vectors, rng=np.random.default_rng(seed))
        estimates += [
            m.estimate(v, e, n=k, unit="codes", stratum=stratum, note=f"{candidate.n} patients fitted on{late}")
            for m, v, e in zip(DWPRED, _figures(*vectors), error, strict=True)
            if m is not RETENTION or vectors[0].mean() >= 0.5 + LEAST_GAIN
        ]
    return estimates


def _figures(
    real: NDArray[np.float64], other: NDArray[np.float64], real_f1: NDArray[np.float64], other_f1: NDArray[np.float64]
) -> NDArray[np.float64]:
    """AUROCs and F1s over codes, (k,) each -> (6,) in the order of `DWPRED`."""
    return np.asarray(
        [
            np.abs(real - other).mean(),
            (real - other).mean(),
            pearson(real, other),
            (other - 0.5).mean() / max((real - 0.5).mean(), LEAST_GAIN),
            np.abs(real_f1 - other_f1).mean(),
            pearson(real_f1, other_f1),
        ]
    )
