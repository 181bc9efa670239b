"""Linear reconstruction of a secret code: many counts, each harmless, solved together.

The attacker's story: somebody knows the records of many patients but for one secret code. From the release he counts,
for many groups of patients that he can tell apart (who has these two codes), how many have the secret. Each count is a
noisy sum over the patients he knows; he solves them all at once for who has the secret. Dinur and Nissim 2003; on
synthetic data, Annamalai, Gadotti and Rocher 2024 (USENIX Security, arXiv:2301.10053).

Groups follow medicine, so the secrets of patients who were never in the data come out better than chance too. The same
is solved for as many of those, and the risk is the difference.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special
from scipy.sparse import linalg

from privacy.attack import Attack, Finding
from privacy.membership.classifiers import commonest_pairs
from privacy.patients import Patients
from privacy.ranks import Targets, auc
from privacy.risk import FILE_ONLY, Estimate

ATTACK = "reconstruction"
MOST_PATIENTS = 10_000  # a side
PAIRS = 2_000
LEAST = 3  # patients in a group
DAMPING = 1.0  # one pseudo-observation a patient that pulls to the overall share
ROUNDS = 200


def reconstruction(patients: Patients, *, secrets: Sequence[int] | None = None, seed: np.random.SeedSequence) -> Attack:
    """AUC of the reconstructed secrets of members less that of non-members (`auc_gain`), and the former (`auc`).

    secrets: columns, of which the one whose prevalence in the reference sample is nearest to 10 % is the secret; None
    takes it from all. A member of an exclusive group is no secret: the others of its group tell it. As many members as
    non-members take part, at most 10,000 a side. Groups: the carriers of each code and of each of the 2,000 commonest
    pairs. Nothing is found where a side has fewer than 2 patients with the secret or without.
    """
    code = _near_a_tenth(patients, range(len(patients.codes)) if secrets is None else secrets)
    n = min(MOST_PATIENTS, patients.members.shape[0], patients.nonmembers.shape[0])
    rng = np.random.default_rng(seed)
    sides = [side[rng.permutation(side.shape[0])[:n]] for side in (patients.members, patients.nonmembers)]
    truths = [side[:, [code]].toarray().ravel() != 0 for side in sides]
    pairs = commonest_pairs(patients.reference, PAIRS)
    pairs = pairs[:, (pairs != code).all(axis=0)]
    groups = [_groups(side, pairs, code) for side in sides]
    if min(min(int(truth.sum()), int((~truth).sum())) for truth in truths) < 2:
        return lambda release: []

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        counted = _groups(release, pairs, code)
        has = release[:, [code]].toarray().ravel() != 0
        share = _shares(counted, has)
        found = []
        for group, truth in zip(groups, truths, strict=True):
            guess = solve(group, share, float(has.mean()))
            found.append(auc(Targets(guess[truth], guess[~truth])))
        # the wider half: an interval that ends at 1 is cut off there
        spread = sum((max(one.high - one.value, one.value - one.low) / 1.96) ** 2 for one in found) ** 0.5
        gain = found[0].value - found[1].value
        p = float(special.ndtr(-gain / spread))
        note = f"Secret: {patients.codes[code]}; {n:,} members and {n:,} non-members."
        return [
            _finding("auc", found[0], n, note, None),
            _finding("auc_gain", Estimate(gain, gain - 1.96 * spread, gain + 1.96 * spread), n, note, p),
        ]

    return attack


def solve(groups: sparse.csr_matrix, share: NDArray[np.float64], overall: float) -> NDArray[np.float64]:
    """Least squares for the secrets of the patients, (n_patients,): group sums should be size times share.

    groups: CSR of 0 and 1, (n_groups, n_patients). share: of the release's records in each group who have the secret,
    nan where it has too few. overall: the share among all. Each equation is divided by the root of the group's size,
    the standard deviation of its count up to a constant.
    """
    size = np.diff(groups.indptr)
    used = np.flatnonzero((size >= LEAST) & np.isfinite(share))
    scale = 1.0 / np.sqrt(size[used])
    system = sparse.diags(scale) @ groups[used].astype(np.float64)
    wanted = scale * size[used] * (share[used] - overall)
    return np.asarray(overall + linalg.lsqr(system, wanted, damp=DAMPING, iter_lim=ROUNDS)[0])


def _groups(records: sparse.csr_matrix, pairs: NDArray[np.int64], secret: int) -> sparse.csr_matrix:
    """Who has each code and each pair, CSR of 0 and 1, (n_groups, n_records); the secret itself makes no group."""
    columns = sparse.csc_matrix(records, dtype=np.float64)
    known = np.delete(np.arange(records.shape[1]), secret)
    both = columns[:, pairs[0]].multiply(columns[:, pairs[1]])
    return sparse.csr_matrix(sparse.hstack([columns[:, known], both], format="csc").T)


def _shares(groups: sparse.csr_matrix, has: NDArray[np.bool_]) -> NDArray[np.float64]:
    size = np.diff(groups.indptr).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size >= LEAST, (groups @ has.astype(np.float64)) / size, np.nan)


def _near_a_tenth(patients: Patients, secrets: Sequence[int]) -> int:
    among = np.asarray(secrets, dtype=np.int64)
    counts = np.bincount(patients.reference.indices, minlength=len(patients.codes))[among]
    return int(among[np.argmin(np.abs(counts / patients.reference.shape[0] - 0.1))])


def _finding(metric: str, estimate: Estimate, n: int, note: str, p: float | None) -> Finding:
    return Finding(attack=ATTACK, knowledge=FILE_ONLY, metric=metric, estimate=estimate, n=n, note=note, p=p)
