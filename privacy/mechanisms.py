"""The mechanisms by which private data is looked at, each with its theorem. There are no others.

Notation: D and D' are neighbours if one has one patient more, with all that patient's encounters, and is else the
same. A function f of D has L2 sensitivity s if |f(D) - f(D')| <= s for all neighbours. noise_multiplier is the standard
deviation of the noise divided by s: all that an accountant has to know.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from privacy.noise import Stream

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """f(D) + N(0, (noise_multiplier s)^2 I), once.

    Theorem (Balle and Wang 2018, arXiv 1805.06530, theorem 8): (epsilon, delta)-differentially private if and only if
    Phi(1/(2c) - epsilon c) - e^epsilon Phi(-1/(2c) - epsilon c) <= delta, with c = noise_multiplier. It holds for
    queries that are chosen by looking at earlier answers, and k of them compose to one of multiplier
    (sum of c_i^-2)^(-1/2) (Dong, Roth and Su 2022, arXiv 1905.02383, corollary 3.3).
    """

    kind: ClassVar[str] = "Gaussian"
    noise_multiplier: float

    def __post_init__(self) -> None:
        _check_noise(self.noise_multiplier)


@dataclass(frozen=True, kw_only=True)
class SampledGaussian:
    """`steps` sums over Poisson-sampled batches, each with Gaussian noise: DP-SGD.

    In a step each patient is present with probability `sampling_probability`, and adds a vector of norm at most s that
    depends on that patient and on earlier answers alone. Theorem (Zhu, Dong and Wang 2022, arXiv 2106.08567; Koskela,
    Jalko and Honkela 2020, arXiv 1906.03049): for adding and removing, the pair N(0, c^2) and
    (1 - q) N(0, c^2) + q N(1, c^2) dominates a step, and its privacy loss distributions compose by convolution.
    """

    kind: ClassVar[str] = "Poisson-sampled Gaussian"
    noise_multiplier: float
    sampling_probability: float
    steps: int
    sampling: Literal["poisson"] = "poisson"

    def __post_init__(self) -> None:
        _check_noise(self.noise_multiplier)
        if self.sampling != "poisson":
            raise ValueError(
                f"Only Poisson sampling is accounted for. Got {self.sampling!r} instead: shuffled or fixed-size "
                "batches have no such proof; use privacy.sampling.PoissonSampling."
            )
        if not 0 < self.sampling_probability <= 1 or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(
                "A sampled mechanism needs a sampling_probability in (0, 1] and 1 step or more. "
                f"Got {self.sampling_probability} and {self.steps} instead."
            )


Mechanism = Gaussian | SampledGaussian
KINDS = {mechanism.kind: mechanism for mechanism in (Gaussian, SampledGaussian)}


def _check_noise(noise_multiplier: float) -> None:
    if not (np.isfinite(noise_multiplier) and noise_multiplier > 0):
        raise ValueError(
            f"The noise_multiplier must be finite and above 0. Got {noise_multiplier} instead: without noise nothing "
            "is protected, and no epsilon can be told."
        )


def gaussian(total: Floats, *, sensitivity: float, noise_multiplier: float, stream: Stream) -> Floats:
    """`total` with the noise of `Gaussian`; the theorem is there. total: any shape, of L2 sensitivity `sensitivity`."""
    Gaussian(noise_multiplier=noise_multiplier)
    if not 0 < sensitivity < np.inf:
        raise ValueError(f"The 'sensitivity' must be finite and above 0. Got {sensitivity} instead.")
    return np.asarray(total + sensitivity * noise_multiplier * stream.normal(np.shape(total)), dtype=np.float64)


def symmetric_gaussian(total: Floats, *, sensitivity: float, noise_multiplier: float, stream: Stream) -> Floats:
    """A symmetric matrix (d, d) of which the pairs above the diagonal are released once; the diagonal becomes 0.

    sensitivity: L2, of the d (d - 1) / 2 numbers above the diagonal: each is seen in one noisy copy, not two.
    """
    above = np.triu_indices(len(total), 1)
    noisy = gaussian(total[above], sensitivity=sensitivity, noise_multiplier=noise_multiplier, stream=stream)
    released = np.zeros_like(total, dtype=np.float64)
    released[above] = noisy
    return released + released.T


def threshold(*, noise: float, clip: float, most: int, delta: float) -> float:
    """Above which a noisy sum shows its key, so that no key tells that one patient was there, but for `delta`.

    Each patient adds the same number, at most 1, to each of his keys, in all a vector of norm at most `clip`; unequal
    numbers of that norm would pass more often. noise: standard deviation, in the same unit. most: so many keys a
    patient can have. If t keys are only one patient's, each gets min(1, clip / sqrt(t)) at most, and all stay below
    the threshold with probability Phi((threshold - that) / noise)^t.
    Theorem (after Gopi et al. 2020, arXiv 2002.09745, section 5; Korolova et al. 2009): keys and sums are private as
    the Gaussian mechanism of the sums is, with `delta` added to its delta.

    Raises:
        ValueError: delta outside (0, 1).
    """
    if not 0 < delta < 1:
        raise ValueError(f"The 'delta' parameter of threshold must be in (0, 1). Got {delta} instead.")
    t = np.arange(1, most + 1, dtype=np.float64)
    # (1 - delta)^(1/t) is so close to 1 that only its distance from 1 can be told
    above = -special.ndtri(-np.expm1(np.log1p(-delta) / t))
    return float(np.max(np.minimum(1.0, clip / np.sqrt(t)) + noise * above))


def clipped(rows_norm: Floats, clip: float) -> Floats:
    """(n,) factors in [0, 1] by which rows of these norms are scaled so that none is longer than `clip`."""
    return np.asarray(clip / np.maximum(rows_norm, clip), dtype=np.float64)
