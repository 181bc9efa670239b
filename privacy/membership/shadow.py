"""Membership by shadow models: the attacker trains generators of his own, with and without each patient he asks about.

The attacker's story: somebody has the release, knows which generator made it with which settings, holds other records
of the population, and the complete records of the patients he asks about. He trains K generators on his own records,
each time with a random half of those patients among them, and looks at how the score of each patient's record differs
between the releases that saw it and those that did not. Where the true release falls, he reads off.

Likelihood ratio of Carlini et al. 2022 (arXiv:2112.03570), its online form with one variance for all patients: K is
small. The shadows are drawn in pairs that split the patients, so every patient is in exactly half of them.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Scorer

ATTACK = "membership_shadow"
KNOWLEDGE = "the synthetic file, a reference sample of the same population, and how the generator was trained"
LEAST_SHADOWS = 8

# training records (n, n_codes) CSR of 0 and 1, seed -> a release of the generator trained on them
Train = Callable[[sparse.csr_matrix, int], sparse.csr_matrix]
Run = Callable[[Callable[[int], None], Iterable[int]], Iterable[None]]


@dataclass(frozen=True, kw_only=True)
class Shadows:
    """K shadow generators around the patients asked about; each is trained on its own, in any order, by any process.

    targets: CSR of 0 and 1, (n_targets, n_codes). pool: the attacker's own records, disjoint from the targets. train: a
    picklable function, where the executor needs one. scorer: any `Scorer` of these targets. shadows: K, even, at least
    8. workspace: one file a shadow, written when it is done; what is there is not trained again.

    Raises:
        ValueError: fewer than 8 shadows, or an odd number; a workspace of other patients, seed or K.
    """

    targets: sparse.csr_matrix
    pool: sparse.csr_matrix
    train: Train
    scorer: Scorer
    shadows: int
    seed: int
    workspace: Path

    def __post_init__(self) -> None:
        if self.shadows < LEAST_SHADOWS or self.shadows % 2:
            raise ValueError(f"shadows must be even and at least {LEAST_SHADOWS}. Got {self.shadows} instead.")
        self.workspace.mkdir(parents=True, exist_ok=True)
        mark, told = self.workspace / "shadows.txt", self._fingerprint()
        if mark.exists() and mark.read_text(encoding="utf-8") != told:
            raise ValueError(f"{self.workspace} holds shadows of other patients, seed or number: give another folder.")
        mark.write_text(told, encoding="utf-8")

    def train_all(self, run: Run = map) -> None:
        """Train the shadows that are not in the workspace yet; `run` is map, or that of a pool of processes."""
        for _ in run(self.train_one, [k for k in range(self.shadows) if not self._file(k).exists()]):
            pass

    def train_one(self, k: int) -> None:
        """Train shadow k and keep the scores that its release gives the targets."""
        training = sparse.vstack([self.targets[self.inside()[k]], self.pool], format="csr")
        scores = self.scorer(self.train(training, int(np.random.SeedSequence([self.seed, k]).generate_state(1)[0])))
        half_written = self._file(k).with_suffix(".partial.npy")
        np.save(half_written, scores)
        half_written.replace(self._file(k))

    def inside(self) -> NDArray[np.bool_]:
        """Which targets each shadow is trained on, (shadows, n_targets); every target is in half of them."""
        n = self.targets.shape[0]
        rng = np.random.default_rng([self.seed, self.shadows])
        pairs = []
        for _ in range(self.shadows // 2):
            half = np.zeros(n, dtype=bool)
            half[rng.permutation(n)[: n // 2]] = True
            pairs += [half, ~half]
        return np.array(pairs)

    def score(self, release: sparse.csr_matrix) -> NDArray[np.float64]:
        """Log likelihood ratio of "was in" to "was not", (n_targets,); a `Scorer`, once all shadows are trained.

        Raises:
            FileNotFoundError: a shadow has not been trained.
        """
        scores = np.stack([np.load(self._file(k)) for k in range(self.shadows)])
        return likelihood_ratio(self.scorer(release), scores, self.inside())

    def _file(self, k: int) -> Path:
        return self.workspace / f"shadow-{k:04d}.npy"

    def _fingerprint(self) -> str:
        told = hashlib.sha256()
        for records in (self.targets, self.pool):
            for part in (records.indptr, records.indices):
                told.update(np.ascontiguousarray(part, dtype=np.int64).tobytes())
        return f"{told.hexdigest()} seed {self.seed} shadows {self.shadows}\n"


def likelihood_ratio(
    observed: NDArray[np.float64], shadows: NDArray[np.float64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Log N(observed; mean in, s) - log N(observed; mean out, s), (n_targets,).

    observed: (n_targets,). shadows: scores under each shadow, (K, n_targets); inside: which of them saw the target. s:
    one standard deviation for all targets, of the residuals about both means (Carlini et al. 2022, section VI-C).
    """
    means = [np.where(where, shadows, 0.0).sum(axis=0) / where.sum(axis=0) for where in (inside, ~inside)]
    residuals = shadows - np.where(inside, *means)
    # two means were taken from each target's K scores
    variance = max(float((residuals**2).sum()) / (residuals.shape[1] * (len(shadows) - 2)), 1e-12)
    return np.asarray(((observed - means[1]) ** 2 - (observed - means[0]) ** 2) / (2 * variance))
