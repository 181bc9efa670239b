"""Standard errors: a delete-a-block jackknife over patients, a bootstrap over codes.

Resampling patients with replacement would add sampling noise to distances that are mostly sampling noise, and push
the whole bootstrap distribution away from the value. Leaving a block out does not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

N_BLOCKS = 50

Array = NDArray[np.float64]
Means = Callable[..., Array]


class Sample(Protocol):
    """A cohort as `jackknife` sees it: some array of all its patients, and of those outside each block."""

    def mean(self) -> NDArray[np.floating]:
        """Of all patients."""

    def means_without_one(self) -> Iterable[NDArray[np.floating]]:
        """Of the patients outside each block, block by block."""


@dataclass(frozen=True)
class Blocks:
    """Sums over patients of some array, block by block. sums: (n_blocks, ...) float64; sizes: (n_blocks,) patients."""

    sums: Array
    sizes: NDArray[np.int64]

    def mean(self) -> Array:
        """Mean of the array over all patients."""
        return np.asarray(self.sums.sum(axis=0) / self.sizes.sum())

    def means_without_one(self) -> list[Array]:
        """Mean over the patients outside each block, block by block."""
        total, n = self.sums.sum(axis=0), self.sizes.sum()
        return [(total - block) / (n - size) for block, size in zip(self.sums, self.sizes, strict=True)]


def block_rows(n: int) -> list[slice]:
    """Every patient in one of up to `N_BLOCKS` blocks, dealt like cards, so that a sorted file does no harm.

    Raises:
        ValueError: n < 2, which leaves nothing to compare.
    """
    if n < 2:
        raise ValueError(f"The 'n' parameter of block_rows must be at least 2 patients. Got {n} instead.")
    blocks = min(N_BLOCKS, n)
    return [slice(b, None, blocks) for b in range(blocks)]


def column_blocks(binary: sparse.csr_matrix) -> Blocks:
    """Blocks of the column sums of a 0/1 CSR (n_patients, n_codes); their mean is the prevalence."""
    parts = [binary[rows] for rows in block_rows(binary.shape[0])]
    sums = np.stack([np.bincount(part.indices, minlength=binary.shape[1]) for part in parts])
    return Blocks(sums.astype(np.float64), np.asarray([part.shape[0] for part in parts]))


def jackknife(statistic: Means, *samples: Sample) -> tuple[Array, Array]:
    """Value and standard error of `statistic(mean of sample 1, mean of sample 2, ...)`, each (n_figures,).

    Delete-a-block jackknife (Shao and Wu 1989), the variances of the independent samples added. It holds for figures
    that are not smooth too, since a block is larger than the root of n; where the value is pure sampling noise it is
    conservative.
    """
    means = [sample.mean() for sample in samples]
    value = statistic(*means)
    variance = np.zeros_like(value)
    for k, sample in enumerate(samples):
        left_out = np.stack([statistic(*means[:k], m, *means[k + 1 :]) for m in sample.means_without_one()])
        variance += (len(left_out) - 1) * left_out.var(axis=0)
    return value, np.sqrt(variance)


def leaving_out(n: int) -> NDArray[np.bool_]:
    """(n_blocks + 1, n) which of n patients to keep: all, then those outside each block; for `spread_of_blocks`."""
    kept = np.ones((len(block_rows(n)) + 1, n), dtype=bool)
    for row, block in enumerate(block_rows(n), 1):
        kept[row, block] = False
    return kept


def spread_of_blocks(figures: Array) -> tuple[Array, Array]:
    """Value and standard error of figures (n_blocks + 1, ...) of the patients that `leaving_out` keeps: `jackknife`.

    For figures that are no function of means, such as an area under a curve.
    """
    left_out = figures[1:]
    return figures[0], np.sqrt((len(left_out) - 1) * left_out.var(axis=0))


def bootstrap_codes(statistic: Means, *vectors: Array, rng: np.random.Generator, draws: int = 500) -> Array:
    """Standard error of `statistic(vector, ...)` over codes drawn with replacement: (n_figures,).

    vectors: (n_codes,) each, drawn together. The patients stay as they are.
    """
    n = len(vectors[0])
    chosen = rng.integers(n, size=(draws, n))
    return np.asarray(np.stack([statistic(*(v[c] for v in vectors)) for c in chosen]).std(axis=0))
