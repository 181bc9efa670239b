"""Subgroups and effects: is the cohort right within each sex, age and race, and for the questions that a study asks?"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from synthehr.cohort.matrix import CodeMatrix
from synthehr.evaluation import EFFECT_COLUMNS, SUBGROUP_COLUMNS
from synthehr.fidelity.agreement import pearson
from synthehr.fidelity.interval import Blocks, block_rows, jackknife
from synthehr.fidelity.score import Estimate, Measure

WORST = Measure(name="subgroup_rmse_worst", better="lower", lowest=0, highest=1)
OVERALL = Measure(name="subgroup_rmse", better="lower", lowest=0, highest=1)
# below 500 test patients the sampling error of a code of 10 % is 1.3 points, more than most generators are off
MIN_MEMBER = 500

EFFECT_R = Measure(name="effect_log_or_r", better="higher", lowest=-1, highest=1)
EFFECT_DIFFERENCE = Measure(name="effect_log_or_difference", better="lower", lowest=0)
EFFECT_COVERAGE = Measure(name="effect_coverage", better="higher", lowest=0, highest=1)
COMMONEST = 50
TOGETHER = 20  # patients with both codes, found and expected: below it an odds ratio says nothing in a part of the data
MOST_PAIRS = 300
# The jackknife of a share of pairs on one side of a line is 4 times too wide (over 30 halvings of Diabetes-130), for a
# pair jumps or does not; that of pairs weighted by a step of half a standard error is 1.8 times, as of other distances.
STEP = 0.5
IDEAL = "as good as real is about 83 %: both vary"  # P(|Z| < 1.96 / sqrt 2) = .834

Array = NDArray[np.float64]
Pairs = NDArray[np.int64]  # (n_pairs, 2): columns of exposure and outcome


def subgroup_prevalence(test: CodeMatrix, candidate: CodeMatrix, *, least: int = MIN_MEMBER) -> list[Estimate]:
    """Error of the prevalences within each member of an exclusive group: of the worst member, and over all members.

    Whole and by group, over the members of at least `least` test patients; absent where there are none. The error is
    the root mean square difference over the codes outside the group, beyond sampling: sampling's own part of the mean
    square, p(1 - p)/(n - 1) of both sides, is taken out, or the smallest member would always be the worst. What then
    falls below 0 is 0. A member that the candidate lacks has prevalence 0 there. Intervals by jackknife over the
    patients of both, for the mean square.
    """
    group, columns = _large_members(test, least)
    if not len(columns):
        return []
    strata = {"all": np.ones(len(group), dtype=bool), **{str(g): group == g for g in dict.fromkeys(group)}}
    squares = _member_squares(test, candidate, columns)

    def figures(real: Array, other: Array) -> Array:
        square = squares(real, other)
        return np.asarray([f(square[mask]) for mask in strata.values() for f in (np.max, np.mean)])

    blocks = [_member_blocks(cohort, columns) for cohort in (test, candidate)]
    value, error = jackknife(figures, *blocks)
    by_member = squares(*(block.mean() for block in blocks))
    estimates = []
    for s, (stratum, mask) in enumerate(strata.items()):
        members = f"{mask.sum()} members of {least} real patients or more"
        worst = f"{test.vocabulary.code[columns[mask][int(by_member[mask].argmax())]]}, of {members}"
        for k, measure, note in ((2 * s, WORST, worst), (2 * s + 1, OVERALL, members)):
            square = measure.estimate(value[k], error[k], n=len(candidate), unit="patients", stratum=stratum, note=note)
            estimates.append(_root(square))
    return estimates


def _member_squares(
    test: CodeMatrix, candidate: CodeMatrix, columns: NDArray[np.int64]
) -> Callable[[Array, Array], Array]:
    """The mean square error beyond sampling of each member, (n_members,), from the moments of `_member_blocks`."""
    group = np.asarray(test.vocabulary.group, dtype=object)
    outside = group[None, :] != group[columns][:, None]

    def squares(real: Array, other: Array) -> Array:
        (p, p_noise), (q, q_noise) = _within(real, columns, len(test)), _within(other, columns, len(candidate))
        return np.asarray(np.mean(np.square(p - q) - p_noise - q_noise, axis=1, where=outside))

    return squares


def subgroup_table(cohorts: Mapping[str, CodeMatrix], *, least: int = MIN_MEMBER) -> pd.DataFrame:
    """The error of `subgroup_prevalence` for each member of at least `least` test patients: `SUBGROUP_COLUMNS`.

    cohorts: real (the test patients), synthetic, floor and ceiling. low, high: 95 % interval of the synthetic's.
    """
    test = cohorts["real"]
    group, columns = _large_members(test, least)
    if not len(columns):
        return pd.DataFrame(columns=SUBGROUP_COLUMNS)
    blocks = {who: _member_blocks(cohort, columns) for who, cohort in cohorts.items()}
    roots = {}
    for who in ("synthetic", "floor", "ceiling"):
        squares = _member_squares(test, cohorts[who], columns)
        roots[f"rmse_{who}"] = np.sqrt(np.maximum(squares(blocks["real"].mean(), blocks[who].mean()), 0.0))
    squares = _member_squares(test, cohorts["synthetic"], columns)
    value, error = jackknife(squares, blocks["real"], blocks["synthetic"])
    low, high = (np.sqrt(np.maximum(value + sign * 1.96 * error, 0.0)) for sign in (-1, 1))
    counts = np.bincount(test.counts.indices, minlength=test.counts.shape[1])[columns]
    member = np.asarray(test.vocabulary.code, dtype=object)[columns]
    return pd.DataFrame({"group": group, "member": member, "n_real": counts, **roots, "low": low, "high": high})[
        SUBGROUP_COLUMNS
    ]


def _root(square: Estimate) -> Estimate:
    """Square roots: the interval of a square that falls to 0 keeps its width, where that of its root would lose it."""
    value, low, high = (math.sqrt(max(x, 0.0)) for x in (square.value, square.low, square.high))
    return replace(square, value=value, low=low, high=high)


def _large_members(test: CodeMatrix, least: int) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Group and column of each member of a group whom at least `least` patients are: both (n_members,)."""
    groups = test.vocabulary.groups
    names = np.asarray([name for name, columns in groups.items() for _ in columns], dtype=object)
    columns = np.concatenate([np.zeros(0, dtype=np.int64), *groups.values()])
    large = np.bincount(test.counts.indices, minlength=test.counts.shape[1])[columns] >= least
    return names[large], columns[large]


def _member_blocks(cohort: CodeMatrix, columns: NDArray[np.int64]) -> Blocks:
    """Blocks of g x' for the members g: sums (n_blocks, n_members, n_codes)."""
    binary = cohort.binary().astype(np.float64)
    parts = [binary[rows] for rows in block_rows(len(cohort))]
    sums = np.stack([(part[:, columns].T @ part).toarray() for part in parts])
    return Blocks(sums, np.asarray([part.shape[0] for part in parts]))


def _within(moment: Array, columns: NDArray[np.int64], n: int) -> tuple[Array, Array]:
    """Prevalences within each member, and the unbiased sampling variance of each: both (n_members, n_codes).

    moment: (n_members, n_codes) share of all n patients who have the member and the code.
    """
    share = moment[np.arange(len(columns)), columns][:, None]
    p = np.clip(np.divide(moment, share, out=np.zeros_like(moment), where=share > 0), 0.0, 1.0)
    return p, p * (1 - p) / np.maximum(n * share - 1, 1)


def choose_effects(train: CodeMatrix) -> Pairs:
    """The pairs whose odds ratios are compared where none are declared: (n_pairs <= 300, 2) columns, ascending.

    Of the 50 commonest free codes of the training patients, the pairs that at least 20 of them have, and at least 20
    would by chance; of more than 300 those expected most often, whose odds ratios are the most precise. The choice
    looks at how often, never at how strong: an effect chosen for its strength is smaller in other patients.
    """
    free = train.vocabulary.free
    prevalence = train.prevalence()[free]
    codes = np.sort(free[np.argsort(-prevalence, kind="stable")[:COMMONEST]])
    binary = train.binary()[:, codes].astype(np.int64)
    together = np.asarray((binary.T @ binary).toarray())
    carriers = np.diag(together)
    expected = np.outer(carriers, carriers) / len(train)
    one, other = np.nonzero(np.triu((together >= TOGETHER) & (expected >= TOGETHER), 1))
    kept = np.sort(np.argsort(-expected[one, other], kind="stable")[:MOST_PAIRS])
    return np.stack([codes[one[kept]], codes[other[kept]]], axis=1)


def effect_sizes(test: CodeMatrix, candidate: CodeMatrix, pairs: Pairs) -> list[Estimate]:
    """Log odds ratios of exposure and outcome, candidate against test; the correlation needs 2 pairs.

    Pearson correlation over the pairs, mean absolute difference, and coverage: the share of pairs whose log odds ratio
    in the candidate lies in the real 95 % interval (Woolf 1955). Half a patient is added to each of the four cells
    (Haldane 1956, Anscombe 1956), so that none is infinite. Coverage of a perfect candidate is not 95 % but about 83 %
    where it has as many patients as test: both vary, which the ceiling shows. Intervals by jackknife over the
    patients of both.
    """
    if not len(pairs):
        return []
    codes, place = np.unique(pairs, return_inverse=True)
    one, other = place.reshape(pairs.shape).T

    def figures(real: Array, synthetic: Array) -> Array:
        r, error = log_odds_ratio(real, one, other, len(test))
        s, _ = log_odds_ratio(synthetic, one, other, len(candidate))
        z = np.abs(r - s) / error
        near = special.ndtr((1.96 - z) / STEP)
        return np.asarray([pearson(r, s), np.abs(r - s).mean(), near.mean(), (z <= 1.96).mean()])

    value, error = jackknife(figures, *(_gram_blocks(cohort, codes) for cohort in (test, candidate)))
    count = f"{len(pairs)} pairs"
    notes = {EFFECT_R: count, EFFECT_DIFFERENCE: count, EFFECT_COVERAGE: f"{count}; {IDEAL}"}
    return [
        measure.estimate(v, e, n=len(candidate), unit="patients", note=note)
        for (measure, note), v, e in zip(notes.items(), value[[0, 1, 3]], error, strict=False)
        if measure is not EFFECT_R or len(pairs) > 1
    ]


def effect_table(cohorts: Mapping[str, CodeMatrix], pairs: Pairs) -> pd.DataFrame:
    """Log odds ratio of each pair in real, synthetic and fresh real patients: `EFFECT_COLUMNS`.

    cohorts: real (the test patients), synthetic and ceiling. covered: the synthetic one lies in the real 95 % interval.
    n_both, n_exposure, n_outcome: test patients with both codes, and with each.
    """
    codes, place = np.unique(pairs, return_inverse=True)
    one, other = place.reshape(pairs.shape).T
    moments = {who: _gram_blocks(cohorts[who], codes).mean() for who in ("real", "synthetic", "ceiling")}
    ratio = {who: log_odds_ratio(moment, one, other, len(cohorts[who])) for who, moment in moments.items()}
    (real, error), synthetic = ratio["real"], ratio["synthetic"][0]
    counts = np.rint(moments["real"] * len(cohorts["real"])).astype(np.int64)
    names = np.asarray(cohorts["real"].vocabulary.code, dtype=object)[codes]
    columns = {
        "exposure": names[one],
        "outcome": names[other],
        "log_or_real": real,
        "low_real": real - 1.96 * error,
        "high_real": real + 1.96 * error,
        "log_or_synthetic": synthetic,
        "log_or_ceiling": ratio["ceiling"][0],
        "covered": np.abs(real - synthetic) <= 1.96 * error,
        "n_both": counts[one, other],
        "n_exposure": counts[one, one],
        "n_outcome": counts[other, other],
    }
    return pd.DataFrame(columns)[EFFECT_COLUMNS]


def log_odds_ratio(moment: Array, one: NDArray[np.int64], other: NDArray[np.int64], n: int) -> tuple[Array, Array]:
    """Log odds ratios of the pairs and their standard errors, each (n_pairs,), half a patient added to each cell.

    moment: (k, k) E[x x'] of 0/1 columns among n patients; one, other: (n_pairs,) positions in it.
    """
    both, a, b = moment[one, other], moment[one, one], moment[other, other]
    # differences of shares may fall below 0 by rounding
    cells = np.maximum(n * np.stack([both, a - both, b - both, 1 - a - b + both]), 0.0) + 0.5
    sign = np.asarray([1.0, -1.0, -1.0, 1.0])
    return sign @ np.log(cells), np.sqrt((1 / cells).sum(axis=0))


def _gram_blocks(cohort: CodeMatrix, codes: NDArray[np.int64]) -> Blocks:
    binary = cohort.binary()[:, codes]
    parts = [binary[rows].toarray().astype(np.float64) for rows in block_rows(len(cohort))]
    return Blocks(np.stack([part.T @ part for part in parts]), np.asarray([len(part) for part in parts]))
