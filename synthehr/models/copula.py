"""A low-rank Gaussian copula over codes: seconds to fit, and the simple model that a GAN has to beat.

Latent normals with correlation R are cut at the marginal quantiles of each code. R holds the tetrachoric correlation of
every pair of codes, approximated by k factors plus a unique variance, so that sampling costs n x d x k.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.discretise import NEVER, Cut, calibrate
from synthehr.models.marginals import Marginals
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress, silent

POOL = 50_000  # latent draws with which exclusive groups are calibrated: 0.2 % on a share of one half


class Copula:
    """Low-rank Gaussian copula of a code matrix.

    rank: number of factors. prior_pairs: pseudo-count by which each pair's lift, observed over expected, is drawn to 1,
    so that two rare codes never seen together do not read as exclusive. data: "binary" or "count".
    """

    name = "copula"
    vocabulary: Vocabulary
    loadings: NDArray[np.float32]
    cut: Cut

    def __init__(self, *, rank: int = 64, prior_pairs: float = 2.0, data: str = "binary") -> None:
        self.rank, self.prior_pairs, self.data = rank, prior_pairs, data

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Estimate all tetrachoric correlations of the train split and factor them."""
        train = cohort.part("train")
        self.vocabulary = train.vocabulary
        marginals = Marginals.of(train, binary=self.data == "binary")
        ledger.look("one-way marginals of the train split")
        correlation = tetrachoric(train, self.prior_pairs)
        ledger.look("two-way co-occurrence counts of the train split")
        progress("fit copula", 1, 2, "step")
        self.loadings = factors(correlation, min(self.rank, len(self.vocabulary) - 1))
        levels = -special.ndtri(np.clip(marginals.tails, 1e-300, 1 - 1e-16)).astype(np.float32)
        levels[marginals.tails == 0] = NEVER
        pool = calibrate(self._latent(POOL, np.random.default_rng(seed)), marginals)
        self.cut = Cut(marginals, levels, pool.bias)
        progress("fit copula", 2, 2, "step")

    def _latent(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        unique = np.sqrt(np.maximum(1 - np.square(self.loadings).sum(axis=1), 0))
        latent: NDArray[np.float32] = rng.standard_normal((n, len(self.loadings)), dtype=np.float32) * unique
        latent += rng.standard_normal((n, self.loadings.shape[1]), dtype=np.float32) @ self.loadings.T
        return latent

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients by cutting n latent normal vectors."""
        return self.cut.apply(self._latent(n, rng))

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors` and `model.json`."""
        options = {"rank": self.rank, "prior_pairs": self.prior_pairs, "data": self.data}
        cut = self.cut
        arrays: dict[str, NDArray[Any]] = {
            "offsets": cut.marginals.offsets,
            "tails": cut.marginals.tails,
            "levels": cut.levels,
            "bias": cut.bias,
        }
        write_weights(folder, self.name, options, arrays | {"loadings": self.loadings})

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Copula":
        """Read back what `save` wrote."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary, model.loadings = vocabulary, arrays["loadings"]
        marginals = Marginals(vocabulary, arrays["offsets"], arrays["tails"])
        model.cut = Cut(marginals, arrays["levels"], arrays["bias"])
        return model


def tetrachoric(matrix: CodeMatrix, prior_pairs: float) -> NDArray[np.float64]:
    """(n_codes, n_codes) latent correlations at which a bivariate normal gives each pair's co-occurrence."""
    ones = matrix.binary().astype(np.float32)
    n = len(matrix)
    p = np.clip(matrix.prevalence(), 0.5 / n, 1 - 0.5 / n)
    expected = np.outer(p, p)
    counts = np.asarray((ones.T @ ones).todense(), dtype=np.float64)
    return latent_correlation(p, expected * (counts + prior_pairs) / (n * expected + prior_pairs))


def latent_correlation(share: NDArray[np.float64], joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """(d, d) correlations of normals that exceed their quantiles with shares (d,) and, two together, with joint shares.

    Solved for all pairs at once by bisection on r in (-0.98, 0.98) with Drezner and Wesolowsky's (1990) integral,
    P(X > h, Y > k) = Q(h) Q(k) + integral over s from 0 to r of the bivariate normal density at correlation s.
    """
    d = len(share)
    upper = np.triu_indices(d, 1)
    expected = share[upper[0]] * share[upper[1]]
    wanted, cut = joint[upper], -special.ndtri(share)
    low, high = np.full(len(wanted), -0.98), np.full(len(wanted), 0.98)
    for _ in range(12):
        middle = (low + high) / 2
        more = expected + _orthant_gain(cut[upper[0]], cut[upper[1]], middle) < wanted
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    result = np.eye(d)
    result[upper] = (low + high) / 2
    return result + np.triu(result, 1).T


def _orthant_gain(h: NDArray[np.float64], k: NDArray[np.float64], r: NDArray[np.float64]) -> NDArray[np.float64]:
    nodes, weights = np.polynomial.legendre.leggauss(8)
    total = np.zeros_like(r)
    for node, weight in zip(nodes, weights, strict=True):
        s = r * (node + 1) / 2
        gap = 1 - s * s
        total += weight * np.exp(-(h * h - 2 * s * h * k + k * k) / (2 * gap)) / np.sqrt(gap)
    return np.asarray(total * r / (4 * np.pi))


def factors(correlation: NDArray[np.float64], rank: int, rounds: int = 5) -> NDArray[np.float32]:
    """(n_codes, rank) loadings by iterated principal factors; communalities are held at or below 0.98."""
    reduced = correlation.copy()
    loadings = np.zeros((len(correlation), rank))
    for _ in range(rounds):
        values, vectors = np.linalg.eigh(reduced)
        loadings = vectors[:, -rank:] * np.sqrt(np.maximum(values[-rank:], 0))
        communality = np.square(loadings).sum(axis=1)
        loadings *= np.sqrt(np.minimum(1.0, 0.98 / np.maximum(communality, 1e-12)))[:, None]
        np.fill_diagonal(reduced, np.minimum(communality, 0.98))
    return loadings.astype(np.float32)
