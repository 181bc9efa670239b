"""The same claim tried on members and on non-members: differences of shares and means, and relabelling of patients."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from privacy.risk import Estimate, clopper_pearson

RELABELLINGS = 2_000
BLOCK = 100


def paired_difference(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> Estimate:
    """Share of claims that hold of members less that of non-members, with a 95 % interval, in [-1, 1].

    Agresti and Min (2005): half a claim is added to each of the four cells of the paired table, so that the interval
    has width where all pairs agree. ours, theirs: (n,), one entry a claim.

    Raises:
        ValueError: no claim, or unequal numbers.
    """
    if len(ours) != len(theirs) or len(ours) < 1:
        raise ValueError(f"Paired shares need the same claims, one at least. Got {len(ours)} and {len(theirs)}.")
    n, more, fewer = len(ours), int((ours & ~theirs).sum()), int((theirs & ~ours).sum())
    value = (more - fewer) / n
    b, c, total = more + 0.5, fewer + 0.5, n + 2
    reach = float(special.ndtri(0.975)) * ((b + c) - (b - c) ** 2 / total) ** 0.5 / total
    centre = (b - c) / total
    return Estimate(value, max(-1.0, min(value, centre - reach)), min(1.0, max(value, centre + reach)))


def sum_of_means(parts: Sequence[NDArray[np.float64]]) -> Estimate:
    """Sum of the means of independent samples with its 95 % interval; of a difference one sample is given negated.

    Normal, from the variance over patients, and never narrower than what the smallest sample could hide though all its
    values are equal (Clopper-Pearson's limit for none of n).

    Raises:
        ValueError: a sample of fewer than 2.
    """
    if min(map(len, parts)) < 2:
        raise ValueError(f"A mean with an interval needs at least 2 values. Got {min(map(len, parts))} instead.")
    value = float(sum(part.mean() for part in parts))
    spread = float(sum(np.var(part, ddof=1) / len(part) for part in parts)) ** 0.5
    reach = max(float(special.ndtri(0.975)) * spread, clopper_pearson(0, min(map(len, parts)))[1] / 2)
    return Estimate(value, value - reach, value + reach)


def relabelled(matches: sparse.csc_matrix, n_members: int, rng: np.random.Generator) -> float:
    """Share of relabellings of the patients under which as many claims isolate exactly one "member", in (0, 1].

    matches: CSC of 0 and 1, (n_patients, n_claims), members first. Claims that match the same patient are not
    independent; relabelling patients, not claims, keeps what they share.
    """
    turned = sparse.csr_matrix(matches.T, dtype=np.float32)
    is_member = np.arange(matches.shape[0]) < n_members

    def gain(labels: NDArray[np.float32]) -> NDArray[np.int64]:
        inside = turned @ labels.T
        outside = np.asarray(turned.sum(axis=1)) - inside
        return np.asarray((inside == 1).sum(axis=0) - (outside == 1).sum(axis=0), dtype=np.int64)

    observed, reached = gain(is_member[None, :].astype(np.float32))[0], 0
    for _ in range(0, RELABELLINGS, BLOCK):
        labels = rng.permuted(np.broadcast_to(is_member, (BLOCK, len(is_member))), axis=1)
        reached += int(np.count_nonzero(gain(labels.astype(np.float32)) >= observed))
    return (reached + 1) / (RELABELLINGS + 1)
