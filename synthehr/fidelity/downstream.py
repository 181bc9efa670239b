"""Downstream: does a model of an outcome that was fitted on the candidate do for real patients, and the other way?"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.fidelity.interval import leaving_out, spread_of_blocks
from synthehr.fidelity.logistic import CodeRegressions, fit_code_regressions
from synthehr.fidelity.prediction import LEAST_GAIN, predictable_codes
from synthehr.fidelity.ranking import areas
from synthehr.fidelity.score import Estimate, Measure

TSTR = (
    Measure(name="downstream_tstr_auroc", better="higher", lowest=0, highest=1),
    Measure(name="downstream_tstr_auprc", better="higher", lowest=0, highest=1),
)
TRTS = (
    Measure(name="downstream_trts_auroc", better="ceiling", lowest=0, highest=1),
    Measure(name="downstream_trts_auprc", better="ceiling", lowest=0, highest=1),
)
RETENTION = (
    Measure(name="downstream_auroc_retention", better="higher"),
    Measure(name="downstream_auprc_retention", better="higher"),
)
OUTCOME = "OUTCOME"  # the code system whose codes are outcomes where a site declares none
MOST_OUTCOMES = 20  # declared or not: each takes a line of the report

Array = NDArray[np.float64]
Columns = NDArray[np.int64]


def outcome_columns(vocabulary: Vocabulary, outcomes: Iterable[str]) -> Columns:
    """Columns (k,) of the declared outcomes, ascending; where none is declared those of the system `OUTCOME`.

    Raises:
        BadRequest: more than 20 are declared, or one that the vocabulary does not have.
    """
    declared = sorted(set(outcomes))
    if unknown := [code for code in declared if code not in vocabulary.index]:
        raise BadRequest(f"Declared outcomes are codes that the vocabulary does not have: {', '.join(unknown[:5])}.")
    if len(declared) > MOST_OUTCOMES:
        raise BadRequest(f"At most {MOST_OUTCOMES} outcomes can be declared. Got {len(declared)} instead.")
    found = [vocabulary.index[code] for code in declared] or vocabulary.free_by_system.get(OUTCOME, [])[:MOST_OUTCOMES]
    return np.sort(np.asarray(found, dtype=np.int64))


@dataclass(frozen=True)
class OutcomeModels:
    """Logistic regressions of the outcomes (k,), ascending columns, fitted on n patients."""

    outcomes: Columns
    regressions: CodeRegressions
    n: int


def fit_outcomes(cohort: CodeMatrix, test: CodeMatrix, outcomes: Columns) -> OutcomeModels:
    """Fit a logistic regression of each outcome that is frequent enough among the real patients of `cohort` and `test`.

    Predictors are all codes but the outcomes, declared or of the system `OUTCOME` (one may all but tell another), and
    the groups that they are members of.
    Frequent enough is what `predictable_codes` says.
    """
    return _fit(cohort, np.intersect1d(outcomes, predictable_codes(cohort, test)))


def _fit(cohort: CodeMatrix, outcomes: Columns) -> OutcomeModels:
    vocabulary = cohort.vocabulary
    excluded = np.zeros((len(vocabulary), len(outcomes)), dtype=bool)
    excluded[outcomes] = True
    excluded[vocabulary.free_by_system.get(OUTCOME, [])] = True
    for k, outcome in enumerate(outcomes):
        if (group := vocabulary.group[outcome]) is not None:
            excluded[vocabulary.groups[group], k] = True
    return OutcomeModels(outcomes, fit_code_regressions(cohort.binary(), outcomes, excluded), len(cohort))


def downstream(real: OutcomeModels, test: CodeMatrix, candidate: CodeMatrix) -> list[Estimate]:
    """AUROC and AUPRC of the outcomes: trained on synthetic, tested on real patients (TSTR), and reversed (TRTS).

    Esteban et al. 2017 (arXiv:1706.02633). real: fitted on as many real patients as the candidate has (TRTR is in the
    note). TRTS is to be as for real patients: above it, the candidate is too easy. Retention is of the excess over
    chance, sum (TSTR - chance) / sum (TRTR - chance), chance being .5 and the share of positives; absent where real
    excess averages below 0.01. Means over the outcomes, and each outcome's as a stratum where there are several; an
    outcome that nobody in a cohort has, or all, counts as chance there. Absent without outcomes. Intervals by jackknife
    over the patients tested on; the fitted models are held fixed.
    """
    if not len(real.outcomes):
        return []
    own, codes = _fit(candidate, real.outcomes), [test.vocabulary.code[j] for j in real.outcomes]
    tested, chance = _reached(own, test)
    trtr, _ = _reached(real, test)
    reverse, _ = _reached(real, candidate)
    whole = np.ones(len(codes), dtype=bool)
    strata = {"all": whole, **({c: np.arange(len(codes)) == k for k, c in enumerate(codes)} if len(codes) > 1 else {})}
    return [
        estimate
        for stratum, chosen in strata.items()
        for estimate in [
            *_means(TSTR, tested, chosen, stratum, len(test), _said("trained on real", trtr, chance, chosen)),
            *_means(TRTS, reverse, chosen, stratum, len(candidate), _said("tested on real", trtr, chance, chosen)),
            *_retained(tested - chance, trtr - chance, chosen, stratum, len(test)),
        ]
    ]


def _reached(models: OutcomeModels, tested: CodeMatrix) -> tuple[Array, Array]:
    """AUROC and AUPRC of each outcome, and what chance gives, both (n_blocks + 1, k, 2): see `leaving_out`."""
    binary: sparse.csr_matrix = tested.binary()
    margins, truth = models.regressions.margins(binary), binary[:, models.outcomes].toarray().astype(bool)
    kept = leaving_out(len(tested))
    found = np.empty((len(kept), len(models.outcomes), 2))
    chance = np.full_like(found, 0.5)
    for k in range(len(models.outcomes)):
        chance[:, k, 1] = (kept & truth[:, k]).sum(axis=1) / kept.sum(axis=1)
        reached = np.stack(areas(margins[:, k], truth[:, k], kept), axis=1)
        found[:, k] = np.where(np.isnan(reached), chance[:, k], reached)
    return found, chance


def _said(what: str, trtr: Array, chance: Array, chosen: NDArray[np.bool_]) -> tuple[str, str]:
    """A note for AUROC and one for AUPRC: what real patients give for real ones, and the share of positives."""
    figures = trtr[0, chosen].mean(axis=0)
    share = f"{_counted(chosen)}, {100 * chance[0, chosen, 1].mean():.0f} % of real patients positive"
    auroc, auprc = (f"{what} too: {figure:.3f}; {share}" for figure in figures)
    return auroc, auprc


def _counted(chosen: NDArray[np.bool_]) -> str:
    return "1 outcome" if chosen.sum() == 1 else f"{chosen.sum()} outcomes"


def _means(
    measures: tuple[Measure, ...],
    reached: Array,
    chosen: NDArray[np.bool_],
    stratum: str,
    n: int,
    notes: tuple[str, str],
) -> list[Estimate]:
    value, error = spread_of_blocks(reached[:, chosen].mean(axis=1))
    return [
        measure.estimate(v, e, n=n, unit="patients", stratum=stratum, note=note)
        for measure, v, e, note in zip(measures, value, error, notes, strict=True)
    ]


def _retained(excess: Array, real: Array, chosen: NDArray[np.bool_], stratum: str, n: int) -> list[Estimate]:
    """excess, real: (n_blocks + 1, k, 2) over chance."""
    enough = real[0, chosen].mean(axis=0) >= LEAST_GAIN
    of_real = np.maximum(real[:, chosen].mean(axis=1), LEAST_GAIN)
    value, error = spread_of_blocks(excess[:, chosen].mean(axis=1) / of_real)
    return [
        measure.estimate(v, e, n=n, unit="patients", stratum=stratum, note=_counted(chosen))
        for measure, v, e, found in zip(RETENTION, value, error, enough, strict=True)
        if found
    ]
