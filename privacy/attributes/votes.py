"""Attribute disclosure after medGAN (Choi et al. 2017, arXiv:1703.06490), with the control that the paper lacks.

The attacker's story: somebody knows s of a patient's codes (which of them the patient has and which not), finds the k
synthetic records that agree best on those, and takes the majority vote of the k for each code that he does not know.

Much of what he learns is medicine, not disclosure: it works as well for patients who were never in the data. So every
figure stands beside the one for non-members attacked with the same knowledge, and the risk is the difference, the gain.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Attack, Finding
from privacy.neighbours import BLOCK_CELLS
from privacy.patients import Patients
from privacy.risk import FILE_ONLY, Estimate, clopper_pearson

ATTACK = "attribute_disclosure"
NEIGHBOURS = (1, 10, 100, 1000)
RESAMPLES = 1_000


class Tally(NamedTuple):
    """Of each patient's unknown codes, all (n_patients,): guessed rightly, guessed, and had by the patient."""

    right: NDArray[np.float64]
    guessed: NDArray[np.float64]
    present: NDArray[np.float64]


Sides = tuple[Tally, Tally]  # members, non-members


def compromised(n_members: int) -> int:
    """How many members are attacked: 1 % as in the paper, at least 500, at most all."""
    return min(n_members, max(500, round(n_members / 100)))


def known_code_counts(n_codes: int) -> list[int]:
    """Numbers s = 2^i of known codes: every second power of two below n_codes, the largest (the strongest) first.

    Raises:
        ValueError: fewer than 2 codes: none would be left to guess.
    """
    if n_codes < 2:
        raise ValueError(f"Attribute disclosure needs at least 2 codes, one known and one not. Got {n_codes} instead.")
    return [2**i for i in range((n_codes - 1).bit_length() - 1, -1, -2)]


def attribute_votes(patients: Patients, *, seed: np.random.SeedSequence) -> Attack:
    """Sensitivity and precision of the guesses over s and k, and the gain at the largest s with k = 1.

    1 % of the members, at least 500, and as many non-members are attacked. Rates are pooled over patients.
    `sensitivity_gain` and `precision_gain` are members - non-members in one cell that was declared before any was
    measured. Intervals: 95 % bootstrap over patients. A precision is left out where no code was guessed, a k where the
    release has fewer records.
    """
    draw, mask_seed, tie_seed, boot_seed = seed.spawn(4)
    rng, n = np.random.default_rng(draw), compromised(patients.members.shape[0])
    sides = [side[rng.permutation(side.shape[0])[:n]] for side in (patients.members, patients.nonmembers)]
    boot = np.random.default_rng(boot_seed)
    resamples = [_resamples(side.shape[0], boot) for side in sides]
    counts = known_code_counts(len(patients.codes))
    note = f"Attacked {sides[0].shape[0]:,} members and {sides[1].shape[0]:,} non-members."

    def attack(release: sparse.csr_matrix) -> list[Finding]:
        findings: list[Finding] = []
        for s in counts:
            # the same codes of the same patients are known whatever stands in the release's place
            masks, ties = np.random.default_rng(mask_seed), np.random.default_rng(tie_seed)
            ours, theirs = (guess(side, release, s, NEIGHBOURS, masks, ties) for side in sides)
            for k in ours:
                findings += _rates((ours[k], theirs[k]), f"s{s}_k{k}", resamples, note)
            if s == counts[0]:
                about = f"Gain at s = {s} known codes, k = 1. {note}"
                findings += _gains((ours[1], theirs[1]), resamples, about)
        return findings

    return attack


def guess(
    targets: sparse.csr_matrix,
    release: sparse.csr_matrix,
    s: int,
    ks: Sequence[int],
    masks: np.random.Generator,
    ties: np.random.Generator,
) -> dict[int, Tally]:
    """Guess each target's unknown codes from its k nearest records of the release on s known codes, for every k.

    Each target's s known codes are drawn at random from all. Records at the same distance are ordered at random anew
    for each target: with few known codes most of the release ties, and the order of the file must not decide. A code
    is guessed where more than k / 2 of the k have it. ks larger than the release are left out.
    """
    ks = [k for k in ks if k <= release.shape[0]]
    wide = release.astype(np.float32)
    rows = max(1, BLOCK_CELLS // release.shape[0])
    blocks: dict[int, list[NDArray[np.float64]]] = {k: [] for k in ks}
    for start in range(0, targets.shape[0], rows):
        truth = targets[start : start + rows].toarray() != 0
        known = np.zeros(truth.shape, dtype=bool)
        np.put_along_axis(known, masks.random(truth.shape).argsort(axis=1)[:, :s], True, axis=1)
        # Hamming distance over the known codes, less a constant of each target
        distances = wide @ np.where(known, 1.0 - 2.0 * truth, 0.0).astype(np.float32).T
        order = _nearest_at_random(distances, max(ks), ties)
        for k in ks:
            guessed = (_votes(wide, order[:, :k]) > k / 2) & ~known
            unknown = truth & ~known
            blocks[k].append(np.stack([(guessed & truth).sum(axis=1), guessed.sum(axis=1), unknown.sum(axis=1)]))
    return {k: Tally(*np.concatenate(parts, axis=1).astype(np.float64)) for k, parts in blocks.items()}


def _nearest_at_random(distances: NDArray[np.float32], k: int, ties: np.random.Generator) -> NDArray[np.int64]:
    order = np.empty((distances.shape[1], k), dtype=np.int64)
    for row in range(len(order)):
        # a fraction below 1 added to whole distances orders ties at random and nothing else
        key = distances[:, row] + ties.random(len(distances))
        chosen = np.argpartition(key, k - 1)[:k] if k < len(key) else np.arange(len(key))
        order[row] = chosen[np.argsort(key[chosen])]
    return order


def _votes(release: sparse.csr_matrix, neighbours: NDArray[np.int64]) -> NDArray[np.float32]:
    n, k = neighbours.shape
    indptr = np.arange(0, n * k + 1, k)
    chosen = sparse.csr_matrix(
        (np.ones(n * k, dtype=np.float32), neighbours.ravel(), indptr), shape=(n, release.shape[0])
    )
    return np.asarray((chosen @ release).toarray(), dtype=np.float32)


class _Rate(NamedTuple):
    """A pooled rate: hits of total, and its bootstrap values, (RESAMPLES,), nan where there was nothing to count."""

    hits: int
    total: int
    draws: NDArray[np.float64]

    @property
    def value(self) -> float:
        return self.hits / self.total


def _resamples(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each of n patients is in each bootstrap sample, (RESAMPLES, n): the same samples for every cell."""
    return rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)


def _pooled(tally: Tally, resamples: NDArray[np.float64]) -> dict[str, _Rate]:
    right, guessed, present = (resamples @ np.stack(tally, axis=1)).T
    totals = [int(column.sum()) for column in tally]
    with np.errstate(invalid="ignore"):
        draws = {"sensitivity": right / present, "precision": right / guessed}
    counts = {"sensitivity": totals[2], "precision": totals[1]}
    return {name: _Rate(totals[0], counts[name], draws[name]) for name in draws if counts[name]}


def _rates(sides: Sides, cell: str, resamples: Sequence[NDArray[np.float64]], note: str) -> list[Finding]:
    findings = []
    for name, rate in _pooled(sides[0], resamples[0]).items():
        low, high = np.nanpercentile(rate.draws, [2.5, 97.5])
        # a bootstrap of few or equal values is too narrow: never narrower than the exact interval of the pooled count
        exact = clopper_pearson(rate.hits, rate.total)
        estimate = Estimate(rate.value, min(float(low), exact[0]), max(float(high), exact[1]))
        findings.append(_finding(f"{name}_{cell}", estimate, len(sides[0].right), note))
    return findings


def _gains(sides: Sides, resamples: Sequence[NDArray[np.float64]], note: str) -> list[Finding]:
    ours, theirs = (_pooled(side, drawn) for side, drawn in zip(sides, resamples, strict=True))
    n = len(sides[0].right)
    # what min(n) patients could hide though none shows it: a bootstrap of equal values has no width at all
    hidden = clopper_pearson(0, min(n, len(sides[1].right)))[1]
    findings = []
    for name in [name for name in ours if name in theirs]:
        gain = ours[name].value - theirs[name].value
        low, high = np.nanpercentile(ours[name].draws - theirs[name].draws, [2.5, 97.5])
        estimate = Estimate(gain, max(-1.0, min(float(low), gain - hidden)), min(1.0, max(float(high), gain + hidden)))
        findings.append(_finding(f"{name}_gain", estimate, n, note))
    return findings


def _finding(metric: str, estimate: Estimate, n: int, note: str) -> Finding:
    return Finding(attack=ATTACK, knowledge=FILE_ONLY, metric=metric, estimate=estimate, n=n, note=note)
