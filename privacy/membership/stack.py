"""All membership scores together: the attacker who has tried every attack and knows which to believe when.

The attacker's story: he has run all the other attacks, and from patients whose membership he happens to know (half of
those attacked) learns how to weigh their scores. What he reaches is counted on the other half alone.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from sklearn.linear_model import LogisticRegression

from privacy.ranks import Targets

ATTACK = "membership_stack"


def stack(scores: NDArray[np.float64], is_member: NDArray[np.bool_], *, seed: np.random.SeedSequence) -> Targets:
    """Stacked scores of the half of the patients that the weights were not learnt on.

    scores: (n_targets, n_attacks); is_member: (n_targets,). Each score enters by its normal rank, and once more by the
    surprise of its upper tail: an attack that tells a few patients surely and the rest not at all is worth having.
    Returns the other half's members and non-members.

    Raises:
        ValueError: fewer than 4 patients on a side: no half would have two of each.
    """
    sides = [np.flatnonzero(is_member), np.flatnonzero(~is_member)]
    if min(map(len, sides)) < 4:
        raise ValueError(f"A stack needs 4 members and 4 non-members. Got {[len(side) for side in sides]} instead.")
    rng = np.random.default_rng(seed)
    order = [rng.permutation(side) for side in sides]
    learnt = np.concatenate([side[: len(side) // 2] for side in order])
    features = _features(scores)
    model = LogisticRegression(C=0.1, max_iter=1_000).fit(features[learnt], is_member[learnt])
    return Targets(*(model.decision_function(features[side[len(side) // 2 :]]) for side in order))


def _features(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    # ranks over both halves: they use no label
    below = (stats.rankdata(scores, axis=0) - 0.5) / len(scores)
    return np.concatenate([special.ndtri(below), -np.log1p(-below)], axis=1)
