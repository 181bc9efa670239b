"""From scores to figures: what a membership attack amounts to on one release."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from privacy.attack import Finding
from privacy.exchangeable import p_value
from privacy.power import detectable_auc, detectable_share
from privacy.ranks import Targets, advantage, auc, nonmembers_needed, roc, smallest_fpr, tpr_at_fpr
from privacy.risk import Estimate, clopper_pearson

FALSE_POSITIVE_RATES = {"tpr_at_fpr_0.001": 0.001, "tpr_at_fpr_0.01": 0.01, "tpr_at_fpr_0.1": 0.1}
DECLARED_FPR = 0.01  # of the figures that need one threshold: precision, exposed patients
PRIOR = 0.1  # one in ten of those whom the attacker asks about was in the training data
ROC_POINTS = 61
TURNED = "Members lie farther from the release than non-members: the score is turned round."


def measure(
    attack: str, knowledge: str, scores: Targets, *, seed: np.random.SeedSequence, n_members: int, prior: float = PRIOR
) -> list[Finding]:
    """AUC, advantage, TPR at 0.1, 1 and 10 % FPR, precision, exposed patients and an epsilon that is surely exceeded.

    scores: of the patients attacked. n_members: how many the training data holds in all. prior: share of members among
    those whom the attacker asks about, in (0, 1).

    A TPR at an FPR that fewer than 5 non-members can show has the interval [0, 1], and so have the figures made of it.
    Where members score surely lower (a generator that keeps away from its training data), the attacker turns the score
    round, and the notes say so; the p value counts both directions. `precision_at_prior` is prior TPR / (prior TPR + (1
    - prior) FPR) at 1 % FPR. `exposed_patients` is (TPR - FPR) n_members at 1 % FPR, not below 0.
    `epsilon_lower_bound`: see `epsilon_bound`.

    Raises:
        ValueError: fewer than 2 patients a side, a score that is not a number, or prior outside (0, 1).
    """
    if not 0 < prior < 1:
        raise ValueError(f"prior must lie between 0 and 1. Got {prior} instead.")
    p, turned = p_value(scores), auc(scores).high < 0.5
    if turned:
        scores = Targets(*(-side for side in scores))
    m, n_out = map(len, scores)
    advantage_seed, epsilon_seed = seed.spawn(2)

    def finding(metric: str, estimate: Estimate, needed: int | None = None, **more: float | None) -> Finding:
        notes = [TURNED] if turned else []
        notes += [f"Inconclusive at any value: this takes {needed:,} non-members."] if needed else []
        return Finding(
            attack=attack,
            knowledge=knowledge,
            metric=metric,
            estimate=estimate,
            n=m,
            note=" ".join(notes),
            nonmembers_needed=needed,
            **more,
        )

    found = [finding("auc", auc(scores), p=p, detectable=detectable_auc(m, n_out))]
    found.append(finding("advantage", advantage(scores, np.random.default_rng(advantage_seed))))
    for metric, fpr in FALSE_POSITIVE_RATES.items():
        detectable = detectable_share(fpr, m) if _enough(fpr, n_out) else None
        found.append(finding(metric, tpr_at_fpr(scores, fpr), _needed(fpr, n_out), detectable=detectable))
    tpr, needed = tpr_at_fpr(scores, DECLARED_FPR), _needed(DECLARED_FPR, n_out)
    found.append(finding("precision_at_prior", _each(tpr, lambda x: _precision(x, prior)), needed))
    found.append(finding("exposed_patients", _each(tpr, lambda x: max(0.0, x - DECLARED_FPR) * n_members), needed))
    found.append(finding("epsilon_lower_bound", epsilon_bound(scores, np.random.default_rng(epsilon_seed))))
    return found


def epsilon_bound(scores: Targets, rng: np.random.Generator) -> Estimate:
    """Log ratio of TPR to FPR, whose lower limit no mechanism with a smaller epsilon (delta = 0) would allow.

    A mechanism with pure differential privacy of epsilon keeps TPR <= exp(epsilon) FPR for any attack (Kairouz, Oh and
    Viswanath 2015); the bound holds with 95 % confidence, for this attack on average over patients. Thresholds are
    chosen on a random half of the patients at 0.1, 1 and 10 % FPR and judged on the other half, where the limits are
    Clopper-Pearson's at 97.5 % / 3 each. Not below 0.
    """
    chosen_on, judged_on = [], []
    for side in scores:
        order = rng.permutation(len(side))
        chosen_on.append(side[order[::2]])
        judged_on.append(side[order[1::2]])
    confidence = 1 - (1 - 0.975) / len(FALSE_POSITIVE_RATES)
    bounds = []
    for fpr in FALSE_POSITIVE_RATES.values():
        threshold = np.quantile(chosen_on[1], 1 - fpr, method="higher")
        counts = [(int(np.count_nonzero(side > threshold)), len(side)) for side in judged_on]
        (low, high), (low_out, high_out) = (clopper_pearson(*count, confidence) for count in counts)
        ratio = (counts[0][0] + 0.5) / (counts[0][1] + 1) * (counts[1][1] + 1) / (counts[1][0] + 0.5)
        least = math.log(low / high_out) if low > 0 else 0.0
        # where no non-member was claimed the ratio has no upper limit that data could give: one claim in twice as many
        most = math.log(high / max(low_out, 0.5 / counts[1][1]))
        bounds.append(Estimate(max(0.0, math.log(ratio)), max(0.0, least), max(0.0, most, math.log(ratio))))
    return max(bounds, key=lambda bound: (bound.low, bound.value))


def curve(attack: str, scores: Targets) -> pd.DataFrame:
    """ROC curve for a figure: columns attack, fpr, tpr.

    A fixed grid from the smallest FPR that can be seen, never a point for each patient: an aggregate can be released.
    """
    start = min(1.0, smallest_fpr(len(scores.nonmembers)))
    fpr = np.concatenate([[0.0], np.geomspace(start, 1.0, ROC_POINTS)])
    tpr = np.interp(fpr, *roc(scores))
    tpr[0] = 0.0
    return pd.DataFrame({"attack": attack, "fpr": fpr, "tpr": tpr})


def _precision(tpr: float, prior: float) -> float:
    return prior * tpr / (prior * tpr + (1 - prior) * DECLARED_FPR)


def _each(estimate: Estimate, of: Callable[[float], float]) -> Estimate:
    return Estimate(*(of(limit) for limit in estimate))


def _enough(fpr: float, n_nonmembers: int) -> bool:
    return n_nonmembers >= nonmembers_needed(fpr)


def _needed(fpr: float, n_nonmembers: int) -> int | None:
    return None if _enough(fpr, n_nonmembers) else nonmembers_needed(fpr)
