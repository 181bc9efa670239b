"""Membership by density ratio: is a patient likelier under the release than under the population?

The attacker's story: somebody has a patient's complete record, the synthetic file and other records of the same
population. He fits a density to each and claims patients whom the release makes likelier than the population does.
DOMIAS (van Breugel et al. 2023, arXiv:2302.12580) with densities made for sparse binary records, where the kernel
density of the original has a singular covariance.

Three densities see three faults: a mixture, groups of few patients learnt by heart; a tree, pairs of codes followed too
closely; a kernel of copies with redraw, patients copied in whole or in part.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.attack import Scorer
from privacy.densities.chow_liu import fit_chow_liu
from privacy.densities.kernel import log_kernel_density, prevalence
from privacy.densities.mixture import fit_mixture

REDRAW = (
    0.1  # of .02, .1, .3 and .5 the best or near it on copies with 30 % redraw, on 1 % verbatim and on over-fitting
)
COMPONENTS = 50
MOST_RECORDS = 20_000  # that a mixture is fitted to


def kernel_ratio(targets: sparse.csr_matrix, reference: sparse.csr_matrix) -> Scorer:
    """Log density of copies with 10 % redraw around the release's records, less that around the reference sample's.

    targets, reference: CSR of 0 and 1 over the same codes. The prevalences are those of the reference. The scorer can
    be pickled: shadow models are scored where they are trained.
    """
    p = prevalence(reference)
    return partial(_kernel_gain, targets, p, log_kernel_density(targets, reference, p, REDRAW))


def mixture_ratio(targets: sparse.csr_matrix, reference: sparse.csr_matrix, *, seed: np.random.SeedSequence) -> Scorer:
    """Log density under a mixture of 50 groups fitted to the release, less that of one fitted to the reference.

    Both have as many groups and, by a random sub-sample, as many records, at most 20,000: a mixture of more records is
    sharper, which moves all scores and with them the tails.
    """
    draw, fit = seed.spawn(2)
    components = min(COMPONENTS, reference.shape[0])
    expected = fit_mixture(_at_most(reference, MOST_RECORDS, draw), components, seed=fit).log_density(targets)

    def score(release: sparse.csr_matrix) -> NDArray[np.float64]:
        chosen = _at_most(release, MOST_RECORDS, draw)
        return fit_mixture(chosen, min(components, chosen.shape[0]), seed=fit).log_density(targets) - expected

    return score


def chow_liu_ratio(targets: sparse.csr_matrix, reference: sparse.csr_matrix) -> Scorer:
    """Log density under the Chow-Liu tree of the release, less that under the tree of the reference sample."""
    expected = fit_chow_liu(reference).log_density(targets)

    def score(release: sparse.csr_matrix) -> NDArray[np.float64]:
        return fit_chow_liu(release).log_density(targets) - expected

    return score


def _kernel_gain(
    targets: sparse.csr_matrix, p: NDArray[np.float64], expected: NDArray[np.float64], release: sparse.csr_matrix
) -> NDArray[np.float64]:
    return log_kernel_density(targets, release, p, REDRAW) - expected


def _at_most(records: sparse.csr_matrix, most: int, seed: np.random.SeedSequence) -> sparse.csr_matrix:
    if records.shape[0] <= most:
        return records
    return records[np.sort(np.random.default_rng(seed).choice(records.shape[0], most, replace=False))]
