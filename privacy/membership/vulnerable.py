"""The most vulnerable patients apart: those farthest from everybody else, whom an average over patients hides.

Who is vulnerable is told from the reference sample alone, never from the release: else the question would be asked
where the answer was already seen. Following the targeting of Meeus et al. 2023 (arXiv:2306.10308): mean distance to
the nearest neighbours.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Finding
from privacy.exchangeable import p_value
from privacy.neighbours import nearest_distance
from privacy.power import detectable_auc
from privacy.ranks import Targets, auc

SHARE = 0.01
LEAST = 20  # a side; where 1 % is fewer, more are taken


def most_vulnerable(
    targets: sparse.csr_matrix, reference: sparse.csr_matrix, weights: NDArray[np.floating], most: int | None = None
) -> NDArray[np.bool_]:
    """The targets farthest from the reference sample in rarity-weighted distance; a mask, (n_targets,).

    most: how many; None for 1 % of them, at least 40.
    """
    apart = nearest_distance(targets, reference, weights=weights)
    most = min(len(apart), max(2 * LEAST, round(SHARE * len(apart))) if most is None else most)
    chosen = np.zeros(len(apart), dtype=bool)
    # sparse rows tie: the more codes the rarer, then the order of the targets, which is random
    chosen[np.lexsort((-np.diff(targets.indptr), -apart))[:most]] = True
    return chosen


def vulnerable(attack: str, knowledge: str, scores: Targets, chosen: Targets) -> list[Finding]:
    """AUC of an attack among the most vulnerable; nothing where fewer than 2 of them stand on a side.

    scores and chosen: of members and non-members; chosen is 1 for the vulnerable.
    """
    inside = Targets(*(side[np.asarray(who, dtype=bool)] for side, who in zip(scores, chosen, strict=True)))
    m, n = map(len, inside)
    if min(m, n) < 2:
        return []
    return [
        Finding(
            attack=f"{attack}_vulnerable",
            knowledge=knowledge,
            metric="auc",
            estimate=auc(inside),
            n=m,
            note=f"The {m + n:,} patients farthest from the reference sample; {n:,} of them non-members.",
            p=p_value(inside),
            detectable=detectable_auc(m, n),
        )
    ]
