"""The private independent sampler: noisy counts of single codes, of sizes and of groups, and nothing else.

All randomness that protects patients is in the counts; what is worked out from them is free (post-processing, Dwork and
Roth 2014, section 2.1).
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.curator import Curator
from privacy.mechanisms import Floats
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.discretise import Cut
from synthehr.models.marginals import Marginals
from synthehr.models.options import options_of
from synthehr.models.private.levels import Latent, cut_at_shares
from synthehr.models.private.options import PrivateOptions
from synthehr.models.private.prevalences import Prevalences, prevalences
from synthehr.models.sizes import extended_vocabulary, size_heads
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress, silent

ALL = slice(None)
MEMBERS = 6  # times as many draws for members of groups and sizes, which are few and common


class PrivateIndependent:
    """Codes independent of each other, but for their number; every patient has one member of each group.

    options: see `PrivateOptions`.
    """

    name = "private_independent"
    questions: tuple[str, ...] = ("first", "histograms", "counts")
    first_pool: int | None = None  # latent draws of a first calibration that only has to be about right
    vocabulary: Vocabulary
    loadings: NDArray[np.float32]
    cut: Cut
    patients: float
    options: PrivateOptions

    def __init__(self, **options: Any) -> None:
        self.options = options_of(PrivateOptions, self.name, options)

    def shares(self) -> dict[str, float]:
        """Parts of the budget by question; they sum to 1."""
        weights = {name: float(getattr(self.options, name)) for name in self.questions}
        return {name: weight / sum(weights.values()) for name, weight in weights.items()}

    def sampled(self) -> Mapping[str, tuple[float, int]]:
        """Sampling probability and steps of the questions that are asked of batches: none."""
        return {}

    def fit(
        self,
        curator: Curator,
        vocabulary: Vocabulary,
        first: tuple[Floats, float],
        noise: Mapping[str, float],
        *,
        seed: int,
        progress: Progress = silent,
    ) -> None:
        """Ask the curator, once each, and work out the rest. first: of `first_look`; noise: multipliers by question."""
        self.vocabulary = vocabulary
        steps = len(self.questions) + 1
        found = prevalences(curator, vocabulary, first, histograms=noise["histograms"], counts=noise["counts"])
        self.patients = found.patients
        progress("ask", 3, steps, "questions")
        self.loadings = np.zeros((len(found.share), 1), dtype=np.float32)
        self._calibrate(found, seed, self.first_pool or self.options.pool)
        self._ask_further(curator, found, noise, seed, progress)
        progress("calibrate", steps, steps, "steps")

    def _ask_further(
        self, curator: Curator, found: Prevalences, noise: Mapping[str, float], seed: int, progress: Progress
    ) -> None:
        """What is asked beyond single columns: nothing here."""

    def _calibrate(self, found: Prevalences, seed: int, pool: int) -> None:
        """Cut the latent normals where they give the released shares."""
        wide = extended_vocabulary(self.vocabulary, found.heads)
        marginals = Marginals(wide, np.arange(len(wide) + 1), found.share)
        scores, common = self._latent(pool, np.random.default_rng([seed, 1]))
        rng = np.random.default_rng([seed, 3])
        members = {name: self._latent(MEMBERS * pool, rng, columns)[0] for name, columns in wide.groups.items()}
        self.cut = cut_at_shares(marginals, found.heads, Latent(scores, common, self._own(), members))

    def _own(self) -> NDArray[np.float32]:
        """(d,) standard deviation of what each column shares with no other."""
        return np.asarray(np.sqrt(np.maximum(1 - np.square(self.loadings).sum(axis=1), 0)), dtype=np.float32)

    def _latent(
        self, n: int, rng: np.random.Generator, columns: NDArray[np.int64] | slice = ALL
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Latent normals (n, columns), and the part of them that comes from the factors."""
        loadings, spread = self.loadings[columns], self._own()[columns]
        own: NDArray[np.float32] = rng.standard_normal((n, len(loadings)), dtype=np.float32) * spread
        common: NDArray[np.float32] = rng.standard_normal((n, loadings.shape[1]), dtype=np.float32) @ loadings.T
        return own + common, common

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients by cutting n latent normal vectors."""
        return self.cut.apply(self._latent(n, rng)[0])

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json`."""
        cut = self.cut
        arrays: dict[str, NDArray[Any]] = {
            "tails": cut.marginals.tails,
            "levels": cut.levels,
            "bias": cut.bias,
            "loadings": self.loadings,
        }
        arrays["patients"] = np.array([self.patients])  # how many were asked, about: the size of a release by default
        arrays |= {f"sizes.{head.system}": head.values for head in cut.heads}
        write_weights(folder, self.name, asdict(self.options), arrays)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "PrivateIndependent":
        """Read back what `save` wrote."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary, model.loadings = vocabulary, arrays["loadings"]
        model.patients = float(arrays["patients"][0])
        sizes = {name.removeprefix("sizes."): array for name, array in arrays.items() if name.startswith("sizes.")}
        heads = size_heads(vocabulary, sizes)
        wide = extended_vocabulary(vocabulary, heads)
        marginals = Marginals(wide, np.arange(len(wide) + 1), arrays["tails"])
        model.cut = Cut(marginals, arrays["levels"], arrays["bias"], heads)
        return model
