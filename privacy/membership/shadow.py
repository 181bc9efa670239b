"""Membership by shadow models: the attacker trains generators of his own, with and without each patient he asks about.

The attacker's story: somebody has the release, knows which generator made it with which settings, holds other records
of the population, and the complete records of the patients he asks about. He trains K generators on his own records,
each time with a random half of those patients among them, and looks at how the score of each patient's record differs
between the releases that saw it and those that did not. Where the true release falls, he reads off.

After the likelihood ratio of Carlini et al. 2022 (arXiv:2112.03570): see `likelihood_ratio`. The shadows are drawn in
pairs that split the patients, so every patient is in exactly half of them.
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

    def prepared(self) -> Scorer:
        """Log likelihood ratio of "was in" to "was not" for any release, (n_targets,); it reads the workspace now.

        Raises:
            FileNotFoundError: a shadow has not been trained.
        """
        scores, inside = np.stack([np.load(self._file(k)) for k in range(self.shadows)]), self.inside()
        return lambda release: likelihood_ratio(self.scorer(release), scores, inside)

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
    """Log N(observed; level + gap, s) - log N(observed; level, s), (n_targets,): a level each, one gap and one s.

    observed: (n_targets,). shadows: scores under each shadow, (K, n_targets); inside: which of them saw the target,
    half for each. By least squares, shadows = level of the target + gap [inside] + noise: the gap is the mean over
    targets of mean in less mean out, s^2 the squared residuals over n_targets (K - 1) - 1.

    Carlini et al. 2022 (arXiv:2112.03570) fit to each target a mean in and a mean out (online), or a mean out alone,
    for which no shadow need see it (offline), with one variance where shadows are few. A target's own gap multiplies
    its ratio, and from K/2 scores a side it is mostly noise: at K = 8 copies with 70 % redraw were found less well than
    by the score alone, with one gap better (benchmarks/README.md). With one gap the ranks are, as
    offline, those of the score less the target's level, but all K shadows tell the level. They do not turn on the size
    of the gap, which shadows of fewer records than the generator had overestimate.

    A negative gap stays: some generators keep away from their patients, and shadows show it. Where nothing leaks, its
    sign is a coin toss by shadows that know nothing of who was a member, and the ratio is about 0. Held at 0 all
    patients would tie, which is no safer, and blind to such a generator.
    """
    k, n = shadows.shape
    gap = np.where(inside, shadows, -shadows).sum() / (n * k / 2)
    level = (shadows - gap * inside).mean(axis=0)
    residuals = shadows - level - gap * inside
    # n levels and the gap were taken from the n K scores; a generator without chance leaves no residual
    variance = max(float((residuals**2).sum()) / (n * (k - 1) - 1), 1e-12)
    return np.asarray(gap * (observed - level - gap / 2) / variance)
