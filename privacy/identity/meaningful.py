"""Meaningful identity disclosure after El Emam, Mosquera and Bass (2020, J Med Internet Res 22(11):e23139).

The attacker's story: somebody looks a person up in another register by quasi-identifiers (sex, age band, race), finds a
synthetic record that agrees on them, and reads something from it that is true of the person and unusual. Only both
together are a harm: a match that tells nothing is none, and neither is what holds for most people.

In the paper's symbols: n patients in the training data, N in the population; f_s patients of the data share the
quasi-identifiers of patient s, F_s of the population; I_s says that a synthetic record does; R_s that something new is
learnt. The risk is the larger of (1 / N) sum I_s R_s / f_s, where a person of the population is attacked, and
(1 / n) sum I_s R_s / F_s, where a person of the data is. With F_s estimated as f_s N / n the two are the same number.

Where we differ: the discount for wrong matches that nobody verifies (the paper's lambda) is left out, which makes the
figure larger; R_s is the share of matching synthetic records that have an unusual code of the patient's, one that fewer
than 1 in 20 of the reference sample have; and the figure for patients who were never in the data stands beside it.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.exchangeable import p_sum
from privacy.identity.paired import sum_of_means
from privacy.patients import Patients
from privacy.ranks import Targets
from privacy.risk import FILE_ONLY, Estimate

ATTACK = "meaningful_identity"
UNUSUAL = 0.05
MOST_TARGETS = 10_000  # a side
MOST_MATCHES = 500  # synthetic records of one class that are looked at

Values = NDArray[np.float64]


def meaningful_identity(
    patients: Patients,
    *,
    quasi_identifiers: Sequence[Sequence[int]],
    population: int | None = None,
    seed: np.random.SeedSequence,
) -> Attack:
    """The paper's risk for members (`identity_risk`), and its excess over non-members (`identity_gain`), in [0, 1].

    quasi_identifiers: columns, each group exclusive. population: N, or None where the data is the whole population
    (n = N, the most that an attacker could hope for). f_s is counted over members and non-members and scaled to n, so
    that both are attacked with the same knowledge. At most 10,000 patients a side.

    Raises:
        ValueError: no quasi-identifier, or a population smaller than the training data.
    """
    n = patients.members.shape[0]
    if not quasi_identifiers:
        raise ValueError("Meaningful identity disclosure needs at least one group of quasi-identifiers.")
    if population is not None and population < n:
        raise ValueError(f"population must be at least the {n} training patients. Got {population} instead.")
    draw, release_seed, labels = seed.spawn(3)
    rng = np.random.default_rng(draw)
    sides = [side[rng.permutation(side.shape[0])[:MOST_TARGETS]] for side in (patients.members, patients.nonmembers)]
    targets, m = sparse.vstack(sides, format="csr"), sides[0].shape[0]
    columns = np.concatenate([np.asarray(group, dtype=np.int64) for group in quasi_identifiers])
    everybody = sparse.vstack([patients.members, patients.nonmembers], format="csr")
    share = _class_sizes(targets, everybody, columns) / everybody.shape[0]
    alone = (n / (population or n)) / np.maximum(1.0, share * n)  # (n / N) (1 / f_s)
    unusual = _unusual(patients.reference, columns)

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        learnt = _learnt(targets, release, columns, unusual, np.random.default_rng(release_seed))
        values = Targets(*np.split(learnt * alone, [m]))
        return [
            _finding("identity_risk", sum_of_means([values.members]), m, None),
            _finding(
                "identity_gain",
                sum_of_means([values.members, -values.nonmembers]),
                m,
                p_sum(values, np.random.default_rng(labels)),
            ),
        ]

    return attack


def _unusual(reference: sparse.csr_matrix, quasi_identifiers: NDArray[np.int64]) -> NDArray[np.int64]:
    share = np.bincount(reference.indices, minlength=reference.shape[1]) / reference.shape[0]
    share[quasi_identifiers] = 1.0  # what he came with is nothing new
    return np.flatnonzero(share < UNUSUAL)


def _classes(records: sparse.csr_matrix, columns: NDArray[np.int64]) -> list[bytes]:
    return [row.tobytes() for row in np.packbits(records[:, columns].toarray() != 0, axis=1)]


def _class_sizes(targets: sparse.csr_matrix, everybody: sparse.csr_matrix, columns: NDArray[np.int64]) -> Values:
    known, counts = np.unique(_classes(everybody, columns), return_counts=True)
    return np.asarray(counts[np.searchsorted(known, _classes(targets, columns))], dtype=np.float64)


def _learnt(
    targets: sparse.csr_matrix,
    release: sparse.csr_matrix,
    columns: NDArray[np.int64],
    unusual: NDArray[np.int64],
    rng: np.random.Generator,
) -> Values:
    """I_s R_s: share of the synthetic records of a patient's class that have an unusual code of the patient's."""
    asked = np.array(_classes(targets, columns))
    made = np.array(_classes(release, columns))
    theirs, ours = (sparse.csr_matrix(matrix[:, unusual], dtype=np.float32) for matrix in (release, targets))
    found = np.zeros(targets.shape[0])
    for name in np.unique(asked):
        who, matches = np.flatnonzero(asked == name), np.flatnonzero(made == name)
        if len(matches):
            looked_at = rng.permutation(matches)[:MOST_MATCHES]
            shared = sparse.csr_matrix(ours[who] @ theirs[looked_at].T)
            found[who] = shared.getnnz(axis=1) / len(looked_at)
    return found


def _finding(metric: str, estimate: Estimate, n: int, p: float | None) -> Finding:
    return Finding(attack=ATTACK, knowledge=FILE_ONLY, metric=metric, estimate=estimate, n=n, p=p)
