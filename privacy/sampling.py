"""Poisson sampling: who is in a batch, decided for each patient alone.

Amplification by sampling is proved for batches in which each patient is present with probability q, independently of
all others (Abadi et al. 2016, arXiv 1607.00133; Zhu and Wang 2019, proceedings.mlr.press/v97/zhu19c). A shuffled pass
is another thing, and gets no amplification in our accounts (Chua et al. 2024, arXiv 2403.17673: the gap is large). So
is a batch that is used twice: one draw, one look.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.noise import NoiseSource


@dataclass(frozen=True, kw_only=True)
class PoissonSampling:
    """Batches of patients, each present with probability `probability`.

    probability: q in (0, 1]. expected_batch: the public number by which sums are divided, in place of the secret size.
    steps: batches. Neither is worked out from the number of patients: with q = B / n, two cohorts that differ in one
    patient would be sampled differently (Opacus issues 571 and 819), and the proof compares the same mechanism.

    Raises:
        ValueError: a number out of range.
    """

    probability: float
    expected_batch: float
    steps: int

    def __post_init__(self) -> None:
        if not 0 < self.probability <= 1:
            raise ValueError(f"The sampling probability must be in (0, 1]. Got {self.probability} instead.")
        if not 0 < self.expected_batch < math.inf or not self.steps >= 1:
            raise ValueError(
                "expected_batch must be finite and above 0, and steps 1 or more. "
                f"Got {self.expected_batch} and {self.steps} instead."
            )

    def batch(self, step: int, patients: int, source: NoiseSource, name: str) -> NDArray[np.int64]:
        """Positions (ascending) of the patients of batch `step`, of `patients` in all; the noise of the step is drawn.

        The stream is that of `name` and the step, so a batch cannot be drawn twice: see `NoiseSource.stream`.

        Raises:
            ValueError: no step of the `steps` that were accounted for, or a batch that was drawn before.
        """
        if not 0 <= step < self.steps:
            raise ValueError(f"Only steps 0 to {self.steps - 1} are accounted for. Got {step} instead.")
        uniform = source.stream(f"{name}, who is in batch {step:d}").uniform(patients)
        return np.flatnonzero(uniform < self.probability)

    def batches(self, patients: int, source: NoiseSource, name: str, *, first: int = 0) -> Iterator[NDArray[np.int64]]:
        """Batches `first` to `steps` - 1: a resumed run goes on where it stopped."""
        for step in range(first, self.steps):
            yield self.batch(step, patients, source, name)
