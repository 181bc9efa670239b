"""Presence disclosure after medGAN (Choi et al. 2017, arXiv:1703.06490), for comparability with published figures.

The attacker's story: somebody holds the complete records of r patients who were in the training data and of r who were
not, and has the synthetic file. For each of the 2r he looks for a synthetic record within a Hamming distance t, and
where there is one claims that the patient was in the training data.

A fixed distance has little power: common records have near neighbours in any data set of the population. That nothing
is found here is no evidence of safety; `privacy.membership.neighbours` calibrates the distance.
"""

from collections.abc import Sequence

import numpy as np

from privacy.attack import Finding
from privacy.ranks import Targets
from privacy.risk import FILE_ONLY, Estimate, clopper_pearson

ATTACK = "presence_disclosure"
THRESHOLDS = (0, 1, 2, 4, 8)


def presence(distances: Targets, *, thresholds: Sequence[int] = THRESHOLDS) -> list[Finding]:
    """Sensitivity, false positive rate and precision of the attacker's claims, over a sweep of thresholds.

    distances: Hamming distance from each member and non-member to the nearest record of the release. Each figure has
    its Clopper-Pearson interval. A precision is left out where no claim was made.
    """
    findings = []
    for threshold in thresholds:
        claims = [np.less_equal(side, threshold) for side in distances]
        (true, r), (false, r_out) = ((int(side.sum()), len(side)) for side in claims)
        shares = {"sensitivity": (true, r), "fpr": (false, r_out), "precision": (true, true + false)}
        findings += [
            Finding(
                attack=ATTACK,
                knowledge=FILE_ONLY,
                metric=f"{metric}_at_hamming_{threshold}",
                estimate=Estimate(hits / n, *clopper_pearson(hits, n)),
                n=r,
            )
            for metric, (hits, n) in shares.items()
            if n
        ]
    return findings
