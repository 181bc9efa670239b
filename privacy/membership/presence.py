"""Presence disclosure after medGAN (Choi et al. 2017, arXiv:1703.06490), for comparability with published figures.

The attacker's story: somebody holds the complete records of r patients who were in the training data and of r who were
not, and has the synthetic file. For each of the 2r he looks for a synthetic record within a Hamming distance t, and
where there is one claims that the patient was in the training data.

A fixed distance has little power: common records have near neighbours in any data set of the population. That nothing
is found here is no evidence of safety; `privacy.membership` calibrates the distance.
"""

from collections.abc import Sequence

import numpy as np

from privacy.ranks import Targets
from privacy.risk import FILE_ONLY, Estimate, Risk, clopper_pearson

ATTACK = "presence_disclosure"
THRESHOLDS = (0, 1, 2, 4, 8)


def presence_risks(
    synthetic: Targets, ceiling: Targets, *, thresholds: Sequence[int] = THRESHOLDS, note: str = ""
) -> list[Risk]:
    """Sensitivity, false positive rate and precision of the attacker's claims, over a sweep of thresholds.

    synthetic: Hamming distance from each member and non-member to the nearest record of the release. ceiling: the same
    to the nearest record of a copy of the training data. The control of the sensitivity is the false positive rate
    (the same claims on patients who were not in); that of the precision is the base rate, what a coin would reach. Each
    has its Clopper-Pearson interval. A precision is left out where no claim was made.
    """
    risks = []
    for threshold in thresholds:
        claims = Targets(*(np.less_equal(side, threshold).astype(np.float64) for side in synthetic))
        copied = Targets(*(np.less_equal(side, threshold).astype(np.float64) for side in ceiling))
        risks += _at_threshold(threshold, claims, copied, note)
    return risks


def _at_threshold(threshold: int, claims: Targets, copied: Targets, note: str) -> list[Risk]:
    r, r_out = len(claims.members), len(claims.nonmembers)
    true, false = (int(side.sum()) for side in claims)

    def risk(metric: str, estimate: Estimate, control: float, ceiling: float | None) -> Risk:
        value, low, high = estimate
        return Risk(
            attack=ATTACK,
            knowledge=FILE_ONLY,
            metric=f"{metric}_at_hamming_{threshold}",
            value=value,
            low=low,
            high=high,
            control=control,
            ceiling=ceiling,
            n=r,
            note=note,
        )

    found = [
        risk("sensitivity", _share(true, r), false / r_out, float(copied.members.mean())),
        risk("fpr", _share(false, r_out), false / r_out, float(copied.nonmembers.mean())),
    ]
    if true + false:
        copies = copied.members.sum() + copied.nonmembers.sum()
        ceiling = float(copied.members.sum() / copies) if copies else None
        found.append(risk("precision", _share(true, true + false), r / (r + r_out), ceiling))
    return found


def _share(successes: int, n: int) -> Estimate:
    return Estimate(successes / n, *clopper_pearson(successes, n))
