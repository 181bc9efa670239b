"""AUROC and average precision under resampling of the holdout patients, and differences pooled over codes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

DRAWS = 400
FIGURES = ("auroc", "average_precision")

Array = NDArray[np.float64]


def resampled(n: int, *, seed: int) -> NDArray[np.float32]:
    """(n, 1 + DRAWS) how often each patient is drawn: once in the first column, with replacement in the others."""
    rng = np.random.default_rng([seed, 24])
    drawn = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(DRAWS)]
    return np.stack([np.ones(n, dtype=np.int64), *drawn], axis=1).astype(np.float32)


def ranked(scores: Array, positive: NDArray[np.bool_], times: NDArray[np.float32]) -> Array:
    """AUROC (ties half) and average precision (ties at once): (2, resamples). times: (n, resamples).

    Patients between the scores of two positives lie in one slot, those who tie with a positive in another: more than
    the number in each slot neither figure asks.
    """
    levels = np.unique(scores[positive])
    slot = 2 * len(levels) - np.searchsorted(levels, scores, "left") - np.searchsorted(levels, scores, "right")
    where = (np.ones(len(slot), dtype=np.float32), (slot, np.arange(len(slot))))
    members = sparse.csr_matrix(where, shape=(2 * len(levels) + 1, len(slot)))
    everybody, gained = members @ times, members[:, positive] @ times[positive]  # (slots, resamples), the highest first
    hits, above = np.cumsum(gained, axis=0), np.cumsum(everybody, axis=0)
    beaten = ((everybody - gained) * (hits - gained / 2)).sum(axis=0, dtype=np.float64)
    area = beaten / (hits[-1].astype(np.float64) * (above[-1] - hits[-1]))
    precision = np.divide(hits, above, out=np.zeros_like(hits), where=above > 0)
    return np.stack([area, (gained * precision).sum(axis=0, dtype=np.float64) / hits[-1]])


@dataclass(frozen=True)
class Difference:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """For a results file."""
        return {"value": self.value, "low": self.low, "high": self.high}


def pooled(arm: Array, control: Array, *, seed: int) -> dict[str, dict[str, float]]:
    """Mean difference of each figure over codes and seeds, and the geometric mean ratio of average precision.

    arm, control: (codes, seeds, 2, 1 + DRAWS) of `ranked`, the same resamples of patients in both. Each draw takes its
    resample of the patients, codes with replacement, and seeds with replacement, the same for all codes; percentiles.
    That counts the luck of the patients twice, since codes differ by it too: the intervals are wide rather than narrow.
    """
    rng = np.random.default_rng([seed, 25])
    codes, seeds = arm.shape[:2]
    ratio = np.log(np.maximum(arm[:, :, 1:], 1e-9) / np.maximum(control[:, :, 1:], 1e-9))
    gap = np.concatenate([arm - control, ratio], axis=2)  # (codes, seeds, 3, 1 + DRAWS)
    means = [gap[..., 0].mean(axis=(0, 1))]
    for b in range(1, gap.shape[3]):
        one = gap[rng.integers(codes, size=codes)][:, rng.integers(seeds, size=seeds), :, b]
        means.append(one.mean(axis=(0, 1)))
    table = np.stack(means)
    table[:, 2] = np.exp(table[:, 2])
    names = (*FIGURES, "average_precision_ratio")
    return {name: interval(table[:, k]).as_json() for k, name in enumerate(names)}


def interval(values: Array) -> Difference:
    """The first is the value, the others are draws."""
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Difference(float(values[0]), float(low), float(high))


def of_code(arm: Array, control: Array) -> dict[str, list[float]]:
    """Value, low and high of the difference for one code, mean over seeds; both (seeds, 2, 1 + DRAWS)."""
    gap = (arm - control).mean(axis=0)
    return {name: [*interval(gap[k]).as_json().values()] for k, name in enumerate(FIGURES)}
