"""Linkability: does the release tell which two parts of a record belong to one person?

The attacker's story: two files hold different parts of patients' records, one the odd codes, the other the even ones (a
pharmacy's and a laboratory's). For a person in the one and a person in the other somebody finds the synthetic records
nearest to each part. If they are the same record, he links the two.

He would sometimes be right for anybody: parts of a record predict each other. So the same is done for patients who were
never in the data, and the risk is the difference. Linkability is the second risk of anonymisation in European law
(Article 29 Working Party, opinion 05/2014).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.exchangeable import p_sum
from privacy.identity.paired import sum_of_means
from privacy.membership.neighbours import rarity_weights
from privacy.neighbours import distance_blocks
from privacy.patients import Patients
from privacy.ranks import Targets
from privacy.risk import FILE_ONLY

ATTACK = "linkability"
MOST_TARGETS = 2_000  # a side
MOST_RECORDS = 50_000


def linkability(patients: Patients, *, seed: np.random.SeedSequence) -> Attack:
    """Share of members whose two parts lead to one synthetic record, and its excess over non-members.

    The parts are the codes of odd and of even rank by prevalence in the reference sample: equal in what they hold.
    Distances are weighted by rarity. Where several records are nearest to a part, one of them is drawn: what counts is
    the probability that both draws are the same record. At most 2,000 patients a side and 50,000 synthetic records.
    """
    draw, release_seed, labels = seed.spawn(3)
    rng = np.random.default_rng(draw)
    sides = [side[rng.permutation(side.shape[0])[:MOST_TARGETS]] for side in (patients.members, patients.nonmembers)]
    targets, m = sparse.vstack(sides, format="csr"), sides[0].shape[0]
    weights = rarity_weights(patients.reference)
    rank = np.argsort(np.argsort(weights, kind="stable"), kind="stable")

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        chosen = np.random.default_rng(release_seed).permutation(release.shape[0])[:MOST_RECORDS]
        linked = same_record(targets, release[chosen], weights * (rank % 2), weights * (1 - rank % 2))
        groups = Targets(linked[:m], linked[m:])
        share = sum_of_means([groups.members])
        gain = sum_of_means([groups.members, -groups.nonmembers])
        return [
            Finding(attack=ATTACK, knowledge=FILE_ONLY, metric="linked_share", estimate=share, n=m),
            Finding(
                attack=ATTACK,
                knowledge=FILE_ONLY,
                metric="link_gain",
                estimate=gain,
                n=m,
                p=p_sum(groups, np.random.default_rng(labels)),
            ),
        ]

    return attack


def same_record(
    targets: sparse.csr_matrix,
    release: sparse.csr_matrix,
    one: NDArray[np.floating],
    other: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Probability that draws from the records nearest by two sets of weights are one record, (n_targets,)."""
    found = np.empty(targets.shape[0])
    blocks = zip(
        distance_blocks(targets, release, weights=one), distance_blocks(targets, release, weights=other), strict=True
    )
    for (start, first), (_, second) in blocks:
        nearest = [block == block.min(axis=0) for block in (first, second)]
        both = (nearest[0] & nearest[1]).sum(axis=0)
        found[start : start + first.shape[1]] = both / (nearest[0].sum(axis=0) * nearest[1].sum(axis=0))
    return found
