"""The budget: what a release may spend, and how it is divided among the questions that it asks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Budget:
    """(epsilon, delta) for adding or removing one patient.

    delta: the probability that the promise does not hold at all; far below one over the number of patients, or
    publishing a random few of them would satisfy it (Dwork and Roth 2014, section 2.3).

    Raises:
        ValueError: epsilon is not above 0, or delta not in (0, 1e-3].
    """

    epsilon: float
    delta: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise ValueError(f"epsilon must be finite and above 0. Got {self.epsilon} instead.")
        if not 0 < self.delta <= 1e-3:
            raise ValueError(
                f"delta must be in (0, 0.001]. Got {self.delta} instead: with more, the whole records of some patients "
                "might be published; 1e-6 is usual for some ten thousand patients."
            )


def divided(noise_multiplier: float, shares: Mapping[str, float]) -> dict[str, float]:
    """Noise multipliers of several Gaussian questions that together cost what one of `noise_multiplier` costs.

    shares: parts of the budget by question; they sum to 1. Gaussian answers compose by the sum of their
    noise_multiplier^-2 (`privacy.mechanisms.Gaussian`), so a question with share s gets noise_multiplier / sqrt(s).

    Raises:
        ValueError: a share is not positive, or they do not sum to 1.
    """
    if not all(share > 0 for share in shares.values()) or not abs(sum(shares.values()) - 1) <= 1e-9:
        raise ValueError(
            f"The 'shares' parameter of divided must be positive and sum to 1. Got {dict(shares)} instead."
        )
    return {name: noise_multiplier / math.sqrt(share) for name, share in shares.items()}
