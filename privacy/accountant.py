"""The accountant: what a list of mechanisms adds up to.

The privacy loss distributions of dp-accounting are composed (Koskela et al. 2020; Doroshenko et al. 2022, arXiv
2207.04380, whose estimate is an upper bound); the privacy random variables of Opacus (Gopi, Lee and Wutschitz 2021,
arXiv 2106.02848) must agree. Their arithmetic is independent, so an error in one shows. Opacus' GDP accountant is not
used: a central limit theorem, it promises too much (Gopi et al. 2021, figure 1).
"""

import math
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, dp_event
from dp_accounting.pld import PLDAccountant
from scipy import optimize, special

from privacy.mechanisms import Gaussian, Mechanism, SampledGaussian

AGREE = 0.02  # largest difference of the two accountants: Opacus' own error bound is 0.01
MOST_NOISE, LEAST_NOISE = 1e4, 1e-2


class AccountantsDisagree(ArithmeticError):
    """The two accountants gave different epsilons: one of them is wrong, and none is told (exit 1)."""

    exit_code = 1


def epsilon(mechanisms: Sequence[Mechanism], *, delta: float) -> float:
    """The epsilon of all mechanisms together, for adding or removing one patient.

    delta: what is left after the deltas of thresholds; in (0, 1).

    Raises:
        ValueError: delta out of range.
    """
    if not 0 < delta < 1:
        raise ValueError(f"The 'delta' parameter of epsilon must be in (0, 1). Got {delta} instead.")
    merged = _merged(mechanisms)
    return _pld(merged, delta) if merged else 0.0


def checked_epsilon(mechanisms: Sequence[Mechanism], *, delta: float) -> tuple[float, float]:
    """(PLD, PRV) epsilons; the first is the one to tell.

    Raises:
        AccountantsDisagree: they differ by AGREE or more. ValueError: delta out of range.
    """
    told = epsilon(mechanisms, delta=delta)
    other = _prv(_merged(mechanisms), delta) if mechanisms else 0.0
    if not abs(told - other) < AGREE:
        raise AccountantsDisagree(
            f"dp-accounting's PLD gives epsilon {told:.4f} and Opacus' PRV {other:.4f} at delta {delta:g}; they must "
            f"agree to {AGREE}. No epsilon is told: report it, with the ledger."
        )
    return told, other


def gaussian_multiplier(*, epsilon: float, delta: float) -> float:
    """The smallest noise multiplier at which one `Gaussian` is (epsilon, delta)-private: Balle and Wang's condition.

    Raises:
        ValueError: it is not between LEAST_NOISE and MOST_NOISE.
    """

    def excess(log_multiplier: float) -> float:
        return gaussian_delta(math.exp(log_multiplier), epsilon) - delta

    low, high = math.log(LEAST_NOISE), math.log(MOST_NOISE)
    if not excess(low) > 0 > excess(high):
        raise ValueError(
            f"epsilon {epsilon:g} at delta {delta:g} asks for a noise multiplier that is not between {LEAST_NOISE:g} "
            f"and {MOST_NOISE:g}: it promises nothing, or leaves nothing to see."
        )
    found = math.exp(float(optimize.brentq(excess, low, high, xtol=1e-12)))
    return found * (1 + 1e-6)  # on the safe side of rounding


def gaussian_delta(noise_multiplier: float, epsilon: float) -> float:
    """The delta of one `Gaussian` at `epsilon`, exactly."""
    shift, tilt = 0.5 / noise_multiplier, epsilon * noise_multiplier
    # both terms by their logarithms: e^epsilon overflows where its factor vanishes
    second = math.exp(min(epsilon + float(special.log_ndtr(-shift - tilt)), 700.0))
    return float(special.ndtr(shift - tilt)) - second


def smallest_noise(of_noise: Callable[[float], Sequence[Mechanism]], *, epsilon: float, delta: float) -> float:
    """The smallest noise multiplier x, to one in a thousand, at which `of_noise(x)` spends at most `epsilon`.

    Raises:
        ValueError: no multiplier up to MOST_NOISE is enough: the other mechanisms spend it all.
    """
    high = 1.0
    while _spent(of_noise(high), delta) > epsilon:
        high *= 2
        if high > MOST_NOISE:
            raise ValueError(f"No noise is enough for epsilon {epsilon:g}: what else is asked spends it. Ask for less.")
    low = high / 2
    while low > LEAST_NOISE and _spent(of_noise(low), delta) <= epsilon:  # in steps: little noise is slow to account
        low, high = low / 2, low
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _spent(of_noise(middle), delta) > epsilon else (low, middle)
    return high


def _spent(mechanisms: Sequence[Mechanism], delta: float) -> float:
    return epsilon(mechanisms, delta=delta)


def _merged(mechanisms: Sequence[Mechanism]) -> tuple[Mechanism, ...]:
    """All Gaussians as one, exactly, and sampled ones of the same kind together: fewer convolutions, less rounding."""
    precision = sum(m.noise_multiplier**-2 for m in mechanisms if isinstance(m, Gaussian))
    steps: dict[tuple[float, float], int] = {}
    for m in mechanisms:
        if isinstance(m, SampledGaussian):
            key = (m.noise_multiplier, m.sampling_probability)
            steps[key] = steps.get(key, 0) + m.steps
    alone: list[Mechanism] = [Gaussian(noise_multiplier=precision**-0.5)] if precision else []
    return (
        *alone,
        *(SampledGaussian(noise_multiplier=c, sampling_probability=q, steps=k) for (c, q), k in steps.items()),
    )


@lru_cache(maxsize=256)
def _pld(mechanisms: tuple[Mechanism, ...], delta: float) -> float:
    accountant = PLDAccountant()
    for m in mechanisms:
        event: dp_event.DpEvent = GaussianDpEvent(m.noise_multiplier)
        count = 1
        if isinstance(m, SampledGaussian):
            event, count = PoissonSampledDpEvent(m.sampling_probability, event), m.steps
        accountant.compose(event, count)
    return float(accountant.get_epsilon(delta))


@lru_cache(maxsize=64)
def _prv(mechanisms: tuple[Mechanism, ...], delta: float) -> float:
    from opacus.accountants import PRVAccountant  # it brings torch along, which only the check needs

    accountant = PRVAccountant()
    accountant.history = [
        (m.noise_multiplier, m.sampling_probability, m.steps)
        if isinstance(m, SampledGaussian)
        else (m.noise_multiplier, 1.0, 1)
        for m in mechanisms
    ]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # at q = 1 it takes the logarithm of 0, and means minus infinity
        return float(accountant.get_epsilon(delta=delta))
