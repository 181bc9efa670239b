"""How well a score tells members from non-members, where scores tie: mid-ranks, interpolated curves, exact intervals.

Distances between sparse records are small whole numbers, so most scores tie. A tie counts one half in the AUC, and a
curve runs straight across a group of ties, which is what an attacker gets who tosses a coin within it. Counting ties
for either side turns leak-free data into a finding, or verbatim copies into a clean bill.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from privacy.risk import Estimate, clopper_pearson, newcombe

Scores = NDArray[np.float64]

# below this many expected false positives the threshold that gives the rate is itself unknown
MINIMUM_FALSE_POSITIVES = 5
# both axes of a curve are estimated: 97.5 % each gives 95 % together (Bonferroni)
AXIS_CONFIDENCE = 0.975


class Targets(NamedTuple):
    """One number for each attacked patient: (n_members,) and (n_nonmembers,); higher speaks for membership."""

    members: Scores
    nonmembers: Scores


def auc(scores: Targets) -> Estimate:
    """P(member scores higher than non-member) with ties counted half, and its DeLong 95 % interval, in [0, 1].

    Mid-rank form of DeLong, DeLong and Clarke-Pearson (1988) after Sun and Xu (2014). Where all pairs agree the DeLong
    variance is 0; the interval then is that of min(n) disjoint pairs that all agree (Clopper-Pearson).

    Raises:
        ValueError: fewer than 2 patients on a side.
    """
    members, nonmembers = scores
    m, n = len(members), len(nonmembers)
    if min(m, n) < 2:
        raise ValueError(f"An AUC needs at least 2 members and 2 non-members. Got {m} and {n} instead.")
    ranks = stats.rankdata(np.concatenate(scores))
    above = (ranks[:m] - stats.rankdata(members)) / n  # share of non-members below each member
    below = 1 - (ranks[m:] - stats.rankdata(nonmembers)) / m  # share of members above each non-member
    value = float(above.mean())
    variance = float(np.var(above, ddof=1) / m + np.var(below, ddof=1) / n)
    if variance > 0:
        reach = float(stats.norm.ppf(0.975)) * variance**0.5
    else:
        reach = clopper_pearson(0, min(m, n))[1] * (0.5 if value == 0.5 else 1.0)
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach))


def roc(scores: Targets) -> tuple[Scores, Scores]:
    """False and true positive rates at every distinct score, from (0, 0) to (1, 1); straight across ties."""
    members, nonmembers = scores
    levels = np.unique(np.concatenate(scores))[::-1]
    fpr, tpr = (1 - np.searchsorted(np.sort(side), levels, side="left") / len(side) for side in (nonmembers, members))
    return np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr])


def smallest_fpr(n_nonmembers: int) -> float:
    """The lowest false positive rate at which n non-members say anything: 5 expected false positives."""
    return MINIMUM_FALSE_POSITIVES / n_nonmembers


def nonmembers_needed(fpr: float) -> int:
    """Non-members that it takes to say anything at a false positive rate: 5,000 at 0.1 %."""
    return int(np.ceil(MINIMUM_FALSE_POSITIVES / fpr - 1e-9))


def tpr_at_fpr(scores: Targets, fpr: float) -> Estimate:
    """Share of members found where a share `fpr` of non-members is wrongly claimed, with a 95 % interval, in [0, 1].

    The threshold is estimated from the non-members, so the interval counts its error too: the lower limit is the lower
    Clopper-Pearson limit of the TPR at a threshold whose FPR is surely at most `fpr`, the upper limit likewise at one
    whose FPR is surely at least `fpr`, each at 97.5 %. With fewer than 5 expected false positives it is [0, 1].

    Raises:
        ValueError: fpr outside (0, 1).
    """
    if not 0 < fpr < 1:
        raise ValueError(f"fpr must lie between 0 and 1. Got {fpr} instead.")
    m, n = len(scores.members), len(scores.nonmembers)
    curve = roc(scores)
    value = float(np.interp(fpr, *curve))
    if n < nonmembers_needed(fpr):
        return Estimate(value, 0.0, 1.0)
    claimed = np.arange(n + 1)
    tail = (1 - AXIS_CONFIDENCE) / 2
    surely_below = claimed[:-1][stats.beta.ppf(1 - tail, claimed[:-1] + 1, n - claimed[:-1]) <= fpr]
    surely_above = claimed[1:][stats.beta.ppf(tail, claimed[1:], n - claimed[1:] + 1) >= fpr]
    low, high = 0.0, 1.0
    if len(surely_below):
        found = int(np.floor(np.interp(surely_below[-1] / n, *curve) * m + 1e-9))
        low = clopper_pearson(found, m, AXIS_CONFIDENCE)[0]
    if len(surely_above):
        found = int(np.ceil(np.interp(surely_above[0] / n, *curve) * m - 1e-9))
        high = clopper_pearson(found, m, AXIS_CONFIDENCE)[1]
    return Estimate(value, low, high)


def advantage(scores: Targets, rng: np.random.Generator) -> Estimate:
    """TPR - FPR of the best threshold (Yeom et al. 2018), in [-1, 1], with Newcombe's 95 % interval.

    The threshold is chosen on a random half of the patients and judged on the other half: the maximum over thresholds
    on the same patients is above 0 without any leak, and judging both ways round would count the same luck twice.
    """
    chosen_on, judged_on = [], []
    for side in scores:
        order = rng.permutation(len(side))
        chosen_on.append(side[order[::2]])
        judged_on.append(side[order[1::2]])
    threshold = _best_threshold(Targets(*chosen_on))
    found, wrong = (int(np.count_nonzero(side >= threshold)) for side in judged_on)
    return newcombe(found, len(judged_on[0]), wrong, len(judged_on[1]))


def _best_threshold(scores: Targets) -> float:
    fpr, tpr = roc(scores)
    best = int(np.argmax(tpr - fpr))
    # the curve's first point is to claim nobody
    return float("inf") if best == 0 else float(np.unique(np.concatenate(scores))[::-1][best - 1])
