"""The order of columns inside medGAN: free codes first, then each exclusive group as one run."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from synthehr.cohort.vocabulary import Vocabulary


@dataclass(frozen=True)
class Columns:
    """A permutation of the vocabulary that lets groups be activated as slices.

    order: (n_codes,) vocabulary index of each inner column. n_free: number of free codes. sizes: size of each group.
    """

    order: NDArray[np.int64]
    n_free: int
    sizes: tuple[int, ...]

    @staticmethod
    def of(vocabulary: Vocabulary) -> "Columns":
        """The inner order of a vocabulary."""
        groups = list(vocabulary.groups.values())
        return Columns(
            order=np.concatenate([vocabulary.free, *groups]),
            n_free=len(vocabulary.free),
            sizes=tuple(len(columns) for columns in groups),
        )

    def split(self, inner: torch.Tensor) -> list[torch.Tensor]:
        """Views of (rows, n_codes): the free columns, then each group."""
        return list(torch.split(inner, [self.n_free, *self.sizes], dim=1))

    def outer(self, inner: NDArray[np.float32]) -> NDArray[np.float32]:
        """Columns back in the order of the vocabulary."""
        result = np.empty_like(inner)
        result[:, self.order] = inner
        return result
