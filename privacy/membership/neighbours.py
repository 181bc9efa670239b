"""Membership inference by nearest neighbours, calibrated with a reference sample.

The attacker's story: somebody has the synthetic file, the complete record of a patient, and other records of the same
population (another hospital's, an earlier extract). A patient close to the synthetic data may only be a common patient;
so he subtracts: score = distance to the nearest reference patient - distance to the nearest synthetic record. High
scores are patients to whom the synthetic data is closer than chance explains, and he claims those as members.

Without calibration the attack is blind: on a generator that copies a member and redraws 30 % of the bits the plain
distance finds 1 to 2 % of members at 1 % false positives, this score over 20 %. Difficulty calibration: Watson et al.
2022 (arXiv:2111.08440); rates at low FPR rather than averages: Carlini et al. 2022 (arXiv:2112.03570).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from privacy.ranks import Targets, advantage, auc, nonmembers_needed, roc, smallest_fpr, tpr_at_fpr
from privacy.risk import WITH_REFERENCE, Estimate, Risk

ATTACK = "membership_neighbours"
RARITY_ATTACK = "membership_neighbours_rarity"
FALSE_POSITIVE_RATES = {"tpr_at_fpr_0.001": 0.001, "tpr_at_fpr_0.01": 0.01, "tpr_at_fpr_0.1": 0.1}
ROC_POINTS = 61


@dataclass(frozen=True, kw_only=True)
class NearestDistances:
    """Distance from each target to its nearest record in four places.

    reference: a sample of the same population, disjoint from all targets. synthetic: the release. control: fresh real
    patients in the synthetic's place, where there is nothing to find. ceiling: a copy of the members in its place.
    """

    reference: Targets
    synthetic: Targets
    control: Targets
    ceiling: Targets

    def scores(self, place: str) -> Targets:
        """Calibrated score of each target with `place` as the release: reference distance - distance to `place`."""
        return Targets(*(r - d for r, d in zip(self.reference, getattr(self, place), strict=True)))


def rarity_weights(reference: sparse.csr_matrix) -> NDArray[np.float64]:
    """Surprise of each code in the reference sample, -ln((count + 1/2) / (n + 1)), (n_codes,), above 0.

    Sharing a code that one patient in a thousand has weighs ten times as much as sharing one that half of them have.
    """
    counts = np.bincount(reference.indices, minlength=reference.shape[1])
    return np.asarray(-np.log((counts + 0.5) / (reference.shape[0] + 1)), dtype=np.float64)


def membership_risks(
    distances: NearestDistances, *, attack: str = ATTACK, seed: np.random.SeedSequence, note: str = ""
) -> tuple[list[Risk], pd.DataFrame]:
    """AUC, advantage and TPR at 0.1, 1 and 10 % FPR with 95 % intervals, control and ceiling; and the three ROC curves.

    Where members lie surely farther from the release than non-members (a generator that filters out what resembles its
    training data), the attacker turns the score round, and the note says so. A TPR at an FPR that fewer than 5
    non-members can show has the interval [0, 1], and `nonmembers_needed` says how many it takes. The curves have
    columns attack, place, fpr, tpr.
    """
    places = {place: distances.scores(place) for place in ("synthetic", "control", "ceiling")}
    if auc(places["synthetic"]).high < 0.5:
        places["synthetic"] = Targets(*(-side for side in places["synthetic"]))
        note = f"{note} Members lie farther from the release than non-members: the score is turned round.".strip()
    # one stream for each place: a figure must not depend on what else was measured
    streams = seed.spawn(len(places))
    measured = {place: _measure(side, stream) for (place, side), stream in zip(places.items(), streams, strict=True)}
    risks = [
        _risk(attack, metric, estimate, measured["control"][metric], measured["ceiling"][metric], places, note)
        for metric, estimate in measured["synthetic"].items()
    ]
    return risks, pd.concat([_curve(attack, place, scores) for place, scores in places.items()], ignore_index=True)


def _measure(scores: Targets, stream: np.random.SeedSequence) -> dict[str, Estimate]:
    rates = {metric: tpr_at_fpr(scores, fpr) for metric, fpr in FALSE_POSITIVE_RATES.items()}
    return {"auc": auc(scores), "advantage": advantage(scores, np.random.default_rng(stream)), **rates}


def _risk(
    attack: str,
    metric: str,
    estimate: Estimate,
    control: Estimate,
    ceiling: Estimate,
    places: Mapping[str, Targets],
    note: str,
) -> Risk:
    n, n_out = (len(side) for side in places["synthetic"])
    needed = nonmembers_needed(FALSE_POSITIVE_RATES[metric]) if metric in FALSE_POSITIVE_RATES else 0
    if n_out < needed:
        note = f"{note} Inconclusive at any value: this rate takes {needed:,} non-members.".strip()
    return Risk(
        attack=attack,
        knowledge=WITH_REFERENCE,
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        control=control.value,
        ceiling=ceiling.value,
        n=n,
        nonmembers_needed=needed if n_out < needed else None,
        note=note,
    )


def _curve(attack: str, place: str, scores: Targets) -> pd.DataFrame:
    # a fixed grid from the smallest FPR that can be seen, never a point for each patient: an aggregate can be released
    start = min(1.0, smallest_fpr(len(scores.nonmembers)))
    fpr = np.concatenate([[0.0], np.geomspace(start, 1.0, ROC_POINTS)])
    tpr = np.interp(fpr, *roc(scores))
    tpr[0] = 0.0
    return pd.DataFrame({"attack": attack, "place": place, "fpr": fpr, "tpr": tpr})
