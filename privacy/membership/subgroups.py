"""Membership within subgroups: a leak of a few patients with one rare code, which no figure over all patients shows.

The attacker's story: he does not care for the average patient. He looks only at those who have one code (a rare
disease, one hospital's drug, one race) and asks whether the release tells members from non-members among them.

Every code is a subgroup, and the worst of hundreds looks bad by luck alone. So the largest standardised rank sum is
compared with the largest under random relabelling of the patients (Westfall and Young 1993): its p value counts all
codes, however they overlap.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from privacy.attack import Finding
from privacy.ranks import Targets, auc
from privacy.risk import WITH_REFERENCE, Estimate

ATTACK = "membership_subgroup"
LEAST_PATIENTS = 20  # carriers among members and among non-members, each
RELABELLINGS = 2_000
BLOCK = 250


def subgroup(
    scores: NDArray[np.float64],
    is_member: NDArray[np.bool_],
    targets: sparse.csr_matrix,
    codes: Sequence[str],
    *,
    seed: np.random.SeedSequence,
) -> list[Finding]:
    """The code among whose carriers members score highest above non-members, named, with the AUC there.

    scores: (n_targets,); targets: CSR of 0 and 1, (n_targets, n_codes). The AUC is the worst of many, so at no leak it
    lies above .5: the control beside it says where. Its interval is DeLong's at 1 - .05 / number of subgroups. Returns
    nothing where no code has 20 carriers on both sides.
    """
    carriers = sparse.csc_matrix(targets)
    members, others = (carriers[side].getnnz(axis=0) for side in (is_member, ~is_member))
    kept = np.flatnonzero((members >= LEAST_PATIENTS) & (others >= LEAST_PATIENTS))
    if len(kept) == 0:
        return []
    ranks = _ranks_within(scores, carriers[:, kept])
    observed = _standardised(is_member[None, :].astype(np.float32), ranks)[0]
    worst = int(np.argmax(observed))
    inside = np.zeros(len(scores), dtype=bool)
    inside[carriers[:, kept[worst]].indices] = True
    groups = Targets(scores[inside & is_member], scores[inside & ~is_member])
    return [
        Finding(
            attack=ATTACK,
            knowledge=WITH_REFERENCE,
            metric="worst_auc",
            estimate=_simultaneous(auc(groups), len(kept)),
            n=len(groups.members),
            note=f"Worst of {len(kept):,} codes: {codes[kept[worst]]}, against {len(groups.nonmembers):,} non-members.",
            p=_p_of_largest(float(observed[worst]), is_member, ranks, np.random.default_rng(seed)),
        )
    ]


def _ranks_within(scores: NDArray[np.float64], carriers: sparse.csc_matrix) -> sparse.csc_matrix:
    """Mid-rank of each carrier among the carriers of the code, less the mean rank, over their root sum of squares."""
    data = np.empty(carriers.nnz, dtype=np.float32)
    for code in range(carriers.shape[1]):
        where = slice(carriers.indptr[code], carriers.indptr[code + 1])
        rank = stats.rankdata(scores[carriers.indices[where]])
        rank -= rank.mean()
        length = float(np.sqrt((rank**2).sum()))
        data[where] = rank / length if length else 0.0
    return sparse.csc_matrix((data, carriers.indices, carriers.indptr), shape=carriers.shape)


def _standardised(labels: NDArray[np.float32], ranks: sparse.csc_matrix) -> NDArray[np.float64]:
    """Rank sum of the members of each code in units of its standard deviation, (n_labellings, n_codes).

    With N carriers of whom a share h are members, the sum of the centred ranks of length 1 has variance
    h (1 - h) N / (N - 1).
    """
    present = sparse.csc_matrix((np.ones_like(ranks.data), ranks.indices, ranks.indptr), shape=ranks.shape)
    n = np.diff(ranks.indptr)
    share = (present.T @ labels.T).T / n
    spread = np.sqrt(np.maximum(share * (1 - share), 1e-12) * n / (n - 1))
    return np.asarray((ranks.T @ labels.T).T / spread, dtype=np.float64)


def _p_of_largest(
    observed: float, is_member: NDArray[np.bool_], ranks: sparse.csc_matrix, rng: np.random.Generator
) -> float:
    reached = 0
    for _ in range(0, RELABELLINGS, BLOCK):
        labels = rng.permuted(np.tile(is_member, (BLOCK, 1)), axis=1).astype(np.float32)
        reached += int(np.count_nonzero(_standardised(labels, ranks).max(axis=1) >= observed - 1e-6))
    return (reached + 1) / (RELABELLINGS + 1)


def _simultaneous(estimate: Estimate, n_subgroups: int) -> Estimate:
    wider = float(stats.norm.ppf(1 - 0.025 / n_subgroups) / stats.norm.ppf(0.975))
    low = estimate.value - (estimate.value - estimate.low) * wider
    high = estimate.value + (estimate.high - estimate.value) * wider
    return Estimate(estimate.value, max(0.0, low), min(1.0, high))
