"""Batches of patients: a permutation each pass, a function of (seed, pass) alone, so a resumed run sees the same."""

from collections.abc import Iterator

import numpy as np
import torch
from scipy import sparse


class Batches:
    """Dense float32 batches of a sparse matrix.

    rows: CSR (n, d). size: patients a batch; every patient is seen at most once a pass and a short last batch is left
    out, so that batch statistics always have the same n (with fewer than `size` patients the batch is all of them).
    """

    def __init__(self, rows: sparse.csr_matrix, *, size: int, seed: int, device: torch.device) -> None:
        self.rows = rows.astype(np.float32)
        self.size = min(size, rows.shape[0])
        self.seed, self.device = seed, device

    def __len__(self) -> int:
        """Batches in a pass."""
        return int(self.rows.shape[0] // self.size)

    def passing(self, number: int, stream: int) -> Iterator[torch.Tensor]:
        """The batches (size, d) of pass `number`; `stream` keeps the passes of different uses apart."""
        order = np.random.default_rng([self.seed, stream, number]).permutation(self.rows.shape[0])
        for k in range(len(self)):
            chosen = self.rows[order[k * self.size : (k + 1) * self.size]]
            yield torch.from_numpy(chosen.toarray()).to(self.device, non_blocking=True)
