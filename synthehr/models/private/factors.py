"""From noisy pair moments to latent factors: what stands out of the noise, and nothing else.

The noise on all pairs is the same, so the spectrum of the moments is that of a spiked Wigner matrix: a bulk that the
noise fills up to 2 sqrt(d) times its standard deviation, and above it what patients have in common (Benaych-Georges
and Nadakuditi 2011, arXiv 0910.2120). Eigenvalues are shrunk as is best for the Frobenius distance (Gavish and Donoho
2017, doi 10.1109/TIT.2017.2653801), and the rest is left out.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from privacy.mechanisms import Floats
from synthehr.models.copula import latent_correlation

ROUNDS = 15  # of filling in the diagonal, which is not released
LEAST_JOINT, MOST_JOINT = 0.02, 0.95  # of independence, and of the rarer code's prevalence: pairs are held between
COMMUNALITY = 0.98


def stands_out(moments: Floats, noise: float, missing: NDArray[np.bool_]) -> tuple[Floats, int]:
    """The part (d, d) of symmetric moments that stands out of noise of standard deviation `noise`, and its rank.

    missing: (d, d) pairs of which nothing is known, filled in by the part itself, as the diagonal is.
    """
    d = len(moments)
    edge = 2 * noise * np.sqrt(d)
    filled, low, rank = np.where(missing, 0.0, moments), np.zeros_like(moments), 0
    for _ in range(ROUNDS):
        values, vectors = np.linalg.eigh(filled)
        above = values > edge
        rank = int(above.sum())
        shrunk = np.sqrt(np.square(values[above]) - edge**2)
        low = (vectors[:, above] * shrunk) @ vectors[:, above].T
        filled[missing] = low[missing]
    return low, rank


def latent_loadings(
    share: Floats, joint: Floats, weights: Floats, rank: int, missing: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(d, rank) loadings of a Gaussian copula with these shares (d,) and joint shares (d, d).

    Each pair's latent correlation counts by how well it is known: the moments of all pairs, weighted, have the same
    noise, and a correlation r moves the moment of a pair by r phi(h) phi(k) times its weights.
    """
    least = np.outer(share, share)
    most = MOST_JOINT * np.minimum(share[:, None], share[None])
    correlation = latent_correlation(share, np.clip(joint, LEAST_JOINT * least, np.maximum(most, LEAST_JOINT * least)))
    known = weights * np.exp(-np.square(special.ndtri(share)) / 2)
    scaled = known[:, None] * correlation * known
    loadings = np.zeros((len(share), max(rank, 1)))
    filled = np.where(missing, 0.0, scaled)
    for _ in range(ROUNDS):
        values, vectors = np.linalg.eigh(filled)
        top = vectors[:, -loadings.shape[1] :] * np.sqrt(np.maximum(values[-loadings.shape[1] :], 0))
        loadings = top / known[:, None]
        communality = np.square(loadings).sum(axis=1)
        loadings *= np.sqrt(np.minimum(1.0, COMMUNALITY / np.maximum(communality, 1e-12)))[:, None]
        filled[missing] = ((known[:, None] * (loadings @ loadings.T)) * known)[missing]
    return loadings.astype(np.float32)
