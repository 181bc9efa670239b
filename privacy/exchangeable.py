"""The test that every membership score is put to: are members and non-members exchangeable?

Members and non-members come from one population. A release that holds nothing of the members was made without looking
at either, so given the release and the pooled scores, every assignment of the label "member" is equally likely. Any
statistic of the labels can be tested by that alone, whatever the score and however its values tie.

A generator that leaks a little of everybody shifts all scores; one that copies a few patients shifts none but the
highest. How few is not known beforehand. So the scores as a body are looked at, and the highest 6, 18, 54, ... up to a
tenth; the smallest p counts once for each look (Bonferroni). A generator may also keep away from its training data, so
the body is looked at from both sides.
"""

import numpy as np
from scipy import special, stats

from privacy.ranks import Targets

FEWEST = 6  # all of them members: p = 1/64
STEP = 3  # between two cuts no tail is missed by more than a factor of 1.7
DEEPEST = 0.1
RELABELLINGS = 2_000
MOST_CELLS = 20_000_000  # relabelled values held at once


def p_value(scores: Targets) -> float:
    """How often member scores stand out this far where members and non-members are exchangeable, in [0, 1].

    Raises:
        ValueError: a side without patients, or a score that is not a number.
    """
    if min(map(len, scores)) < 1 or any(np.isnan(side).any() for side in scores):
        raise ValueError("p_value needs members and non-members, each with a score. Got none, or one that is nan.")
    found = [
        min(1.0, 2 * min(p_shift(scores), p_shift(Targets(*scores[::-1])))),
        *(p_tail(scores, most) for most in cuts(sum(map(len, scores)))),
    ]
    return min(1.0, len(found) * min(found))


def cuts(n: int) -> list[int]:
    """Numbers of highest scores that are looked at among n patients: 6, 18, 54, ... up to a tenth of them."""
    return [FEWEST * STEP**i for i in range(64) if FEWEST * STEP**i <= DEEPEST * n]


def p_shift(scores: Targets) -> float:
    """Mann-Whitney: members score higher throughout, one-sided. Normal limit with the variance of the tied ranks."""
    members, nonmembers = scores
    m, n = len(members), len(nonmembers)
    ranks = stats.rankdata(np.concatenate(scores))
    spread = float(np.var(ranks)) * m * n / (m + n - 1)
    if spread == 0:
        return 1.0
    # half a rank against the discreteness of the sum
    excess = float(ranks[:m].sum()) - m * (m + n + 1) / 2 - 0.5
    return float(special.ndtr(-excess / spread**0.5))


def p_sum(values: Targets, rng: np.random.Generator) -> float:
    """Share of relabellings of the patients whose "members" sum to as much, in (0, 1]; for a mean over few who count.

    Only values other than 0 move the sum, so only those are relabelled: how many of them fall to members is
    hypergeometric.
    """
    sides = [side[side != 0] for side in values]
    moving = np.concatenate(sides)
    if len(moving) == 0:
        return 1.0
    observed, still = float(sides[0].sum()), sum(map(len, values)) - len(moving)
    block, reached = max(1, min(RELABELLINGS, MOST_CELLS // len(moving))), 0
    for start in range(0, RELABELLINGS, block):
        rows = min(block, RELABELLINGS - start)
        members = rng.hypergeometric(len(moving), still, len(values.members), rows)
        shuffled = rng.permuted(np.broadcast_to(moving, (rows, len(moving))), axis=1)
        totals = np.concatenate([np.zeros((rows, 1)), np.cumsum(shuffled, axis=1)], axis=1)
        reached += int(np.count_nonzero(totals[np.arange(rows), members] >= observed - 1e-9 * abs(observed)))
    return (reached + 1) / (RELABELLINGS + 1)


def p_tail(scores: Targets, most: int) -> float:
    """Exact: how many of the `most` highest scores are members' (hypergeometric).

    Where a group of ties reaches beyond the `most`, it is left out whole: the cut depends on the pooled scores alone
    and not on who is a member. 1 where nothing is left.
    """
    members = scores.members
    pooled = np.sort(np.concatenate(scores))
    levels, first = np.unique(pooled, return_index=True)
    claimed = len(pooled) - first  # patients at or above each level
    within = np.flatnonzero(claimed <= most)
    if len(within) == 0:
        return 1.0
    found = int(np.count_nonzero(members >= levels[within[0]]))
    return float(stats.hypergeom.sf(found - 1, len(pooled), len(members), int(claimed[within[0]])))
