"""Matching pairs of codes: a generator term beside the adversarial one.

Given its noise, medGAN's decoder gives each code a probability, and codes are drawn independently. Hence the expected
co-occurrence of two codes is the mean product of their probabilities, and can be descended to the real one directly.
"""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from synthehr.models.medgan.columns import Columns

SOFTEN = 2e-3  # prevalence added before scaling: pairs of codes rarer than this are mostly sampling noise


class PairMoments:
    """First and second moments of real records, in the inner column order, and a generator's distance to them."""

    def __init__(self, rows: sparse.csr_matrix, columns: Columns, device: torch.device) -> None:
        n = rows.shape[0]
        second = torch.from_numpy(np.asarray((rows.T @ rows).todense(), dtype=np.float32) / n)
        first = torch.from_numpy(np.asarray(rows.mean(axis=0), dtype=np.float32).ravel())
        scale = 1 / torch.sqrt(first + SOFTEN)
        weight = torch.outer(scale, scale)
        weight.fill_diagonal_(0.0)
        start = columns.n_free
        for size in columns.sizes:  # members of a group never meet, whatever the product of their probabilities
            weight[start : start + size, start : start + size] = 0.0
            start += size
        self.first, self.second = first.to(device), second.to(device)
        self.scale, self.weight = scale.to(device), weight.to(device)

    def loss(self, records: Tensor) -> Tensor:
        """Unbiased estimate of the scaled squared distance of first and second moments; records (rows, d) are means.

        Two halves of the batch are multiplied instead of one squared, since the square of a noisy gap has the noise's
        variance in it, and a generator lowers that by being less varied.
        """
        halves = records.chunk(2)
        gaps = [(half.T @ half / len(half) - self.second) * self.weight for half in halves]
        means = [(half.mean(dim=0) - self.first) * self.scale for half in halves]
        return ((gaps[0] * gaps[1]).sum() + (means[0] * means[1]).sum()) / len(self.first)
