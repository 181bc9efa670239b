"""Membership inference by nearest neighbours, calibrated with a reference sample.

The attacker's story: somebody has the synthetic file, the complete record of a patient, and other records of the same
population (another hospital's, an earlier extract). A patient close to the synthetic data may only be a common patient;
so he subtracts: score = distance to the nearest reference patient - distance to the nearest synthetic record. High
scores are patients to whom the synthetic data is closer than chance explains, and he claims those as members.

Without calibration the attack is blind: on a generator that copies a member and redraws 30 % of the bits the plain
distance finds 1 to 2 % of members at 1 % false positives, this score over 20 %. Difficulty calibration: Watson et al.
2022 (arXiv:2111.08440); rates at low FPR rather than averages: Carlini et al. 2022 (arXiv:2112.03570).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Scorer
from privacy.neighbours import nearest_distance

ATTACK = "membership_neighbours"
RARITY_ATTACK = "membership_neighbours_rarity"


def calibrated_neighbours(
    targets: sparse.csr_matrix, reference: sparse.csr_matrix, *, weights: NDArray[np.floating] | None = None
) -> Scorer:
    """Score = distance to the nearest reference patient - distance to the nearest record of the release.

    targets, reference: CSR of 0 and 1 over the same codes. weights: (n_codes,) of the distance, ones if not given.
    """
    expected = nearest_distance(targets, reference, weights=weights)

    def score(release: sparse.csr_matrix) -> NDArray[np.float64]:
        return expected - nearest_distance(targets, release, weights=weights)

    return score


def rarity_neighbours(targets: sparse.csr_matrix, reference: sparse.csr_matrix) -> Scorer:
    """The same with codes weighted by their surprise: who shares a rare code is closer than who shares a common one."""
    return calibrated_neighbours(targets, reference, weights=rarity_weights(reference))


def rarity_weights(reference: sparse.csr_matrix) -> NDArray[np.float64]:
    """Surprise of each code in the reference sample, -ln((count + 1/2) / (n + 1)), (n_codes,), above 0.

    Sharing a code that one patient in a thousand has weighs ten times as much as sharing one that half of them have.
    """
    counts = np.bincount(reference.indices, minlength=reference.shape[1])
    return np.asarray(-np.log((counts + 0.5) / (reference.shape[0] + 1)), dtype=np.float64)
