"""Nearest-neighbour adversarial accuracy: can records be told apart by whose neighbour they are?

Nobody's attack but a known measure (Yale et al. 2020, Neurocomputing 416:244): the share of records whose nearest
neighbour is of their own set, mean over both sets. 0.5 says that the sets are mixed; below, that one lies on the other,
as copies do; above, that they differ. Its privacy loss is the figure for patients never seen less that for training
patients: above 0 the release lies closer to its training data.

Distances between sparse records tie, and the published strict ">" then reads .28 to .41 on leak-free data. A tie counts
one half here.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.identity.paired import sum_of_means
from privacy.neighbours import nearest_distance
from privacy.patients import Patients
from privacy.risk import FILE_ONLY, Estimate

ATTACK = "adversarial_accuracy"
MOST_RECORDS = 5_000  # a set: half an interval is then .01

Values = NDArray[np.float64]


def adversarial_accuracy(patients: Patients, *, seed: np.random.SeedSequence) -> Attack:
    """Adversarial accuracy against members (`nnaa_train`), against non-members (`nnaa_holdout`), and the loss between.

    The three sets are random samples of equal size, at most 5,000; a larger release is not thereby nearer. Intervals
    are normal, from the variance over records; records near each other share neighbours, which it does not count.
    """
    draw, release_seed = seed.spawn(2)
    rng = np.random.default_rng(draw)
    order = {who: rng.permutation(getattr(patients, who).shape[0]) for who in ("members", "nonmembers")}

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        n = min(MOST_RECORDS, release.shape[0], *(len(rows) for rows in order.values()))
        chosen = np.random.default_rng(release_seed).permutation(release.shape[0])[:n]
        made, within = release[chosen], nearest_distance(release[chosen], release[chosen], exclude_self=True)
        train, holdout = (_own_kind(getattr(patients, who)[rows[:n]], made, within) for who, rows in order.items())
        return [
            _finding("nnaa_train", sum_of_means([train[0] / 2, train[1] / 2]), n),
            _finding("nnaa_holdout", sum_of_means([holdout[0] / 2, holdout[1] / 2]), n),
            # the same synthetic records stand in both figures: their difference is taken record by record
            _finding("privacy_loss", sum_of_means([holdout[0] / 2, -train[0] / 2, (holdout[1] - train[1]) / 2]), n),
        ]

    return attack


def _own_kind(real: sparse.csr_matrix, made: sparse.csr_matrix, within_made: Values) -> tuple[Values, Values]:
    """For each real and each made record: 1 if its nearest neighbour is of its own set, 1/2 if as near, else 0."""
    within_real = nearest_distance(real, real, exclude_self=True)
    return (
        _above(nearest_distance(real, made), within_real),
        _above(nearest_distance(made, real), within_made),
    )


def _above(other: Values, own: Values) -> Values:
    return np.asarray((other > own) + 0.5 * (other == own))


def _finding(metric: str, estimate: Estimate, n: int) -> Finding:
    return Finding(attack=ATTACK, knowledge=FILE_ONLY, metric=metric, estimate=estimate, n=n)
