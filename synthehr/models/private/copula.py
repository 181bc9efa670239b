"""The private copula: the private independent sampler, and factors of what stands out of noisy pairs of codes."""

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from privacy.curator import Curator
from synthehr.models.private.independent import PrivateIndependent
from synthehr.models.private.pairs import SIMULATED, pair_loadings
from synthehr.models.private.prevalences import Prevalences
from synthehr.models.sizes import extended_vocabulary
from synthehr.progress import Progress


class PrivateCopula(PrivateIndependent):
    """A low-rank Gaussian copula of codes, groups and sizes; its factors are what stands out of the noise."""

    name = "private_copula"
    questions: tuple[str, ...] = ("first", "histograms", "counts", "pairs")
    first_pool = 5_000

    def _ask_further(
        self, curator: Curator, found: Prevalences, noise: Mapping[str, float], seed: int, progress: Progress
    ) -> None:
        independent = self.cut.present(self._latent(SIMULATED, np.random.default_rng([seed, 2]))[0])
        wide = extended_vocabulary(self.vocabulary, found.heads)
        self.loadings = pair_loadings(curator, wide, found, sparse.csr_matrix(independent), noise["pairs"])
        self._calibrate(found, seed, self.options.pool)
