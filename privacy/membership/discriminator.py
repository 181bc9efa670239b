"""Membership by the generator's own critic, where the model was released with it.

The attacker's story: somebody got hold of the trained discriminator (a checkpoint, a model repository) and asks it
about a patient's record. A critic that has seen the training data long enough calls it real with more confidence than
other real data (LOGAN, Hayes et al. 2019, arXiv:1705.07663, the white-box attack).

No release of this house holds a critic. The attack is for whoever would publish one, and for the developer who wants
to know how far the adversarial game has learnt patients by heart.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Scorer

ATTACK = "membership_discriminator"
KNOWLEDGE = "the trained discriminator"

# records (n, n_codes) CSR of 0 and 1 -> the critic's logit that each is real, (n,)
Critic = Callable[[sparse.csr_matrix], NDArray[np.float64]]


def discriminator(targets: sparse.csr_matrix, reference: sparse.csr_matrix, critic: Critic) -> Scorer:
    """Score = the critic's logit of a target, less the mean logit of the reference sample; no release changes it.

    The mean of the reference sample makes scores of several critics comparable; within one it changes no rank.

    Raises:
        ValueError: the critic gives another number of logits than records, or one that is not finite.
    """
    expected = float(_logits(critic, reference).mean())
    scores = _logits(critic, targets) - expected
    return lambda release: scores


def _logits(critic: Critic, records: sparse.csr_matrix) -> NDArray[np.float64]:
    logits = np.asarray(critic(records), dtype=np.float64)
    if logits.shape != (records.shape[0],) or not np.isfinite(logits).all():
        raise ValueError(f"The critic must give {records.shape[0]} finite logits. Got shape {logits.shape} instead.")
    return logits
