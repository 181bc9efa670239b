"""DP-SGD of a transformer that was taught by what is free: its embeddings stay, the rest learns from patients."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from privacy.gradients.likelihood import LikelihoodSteps, Part
from synthehr.cohort.matrix import CodeMatrix
from synthehr.errors import Diverged
from synthehr.models.transformer.likelihood import losses_of, seen_of
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Averaged

PART_TOKENS = 32_768  # of the padded patients that are put through the network at a time
BETAS = (0.9, 0.99)


class RecordLikelihood:
    """Patients as sequences of a layout, and their likelihood under a network.

    The embedding of tokens is also the output layer, and with the bias of each token it makes most of the parameters:
    noise would be added to each, for codes that few patients of a batch have. Both stay as they were taught.
    """

    def __init__(self, network: Network, layout: Layout) -> None:
        self.module, self._layout = network, layout
        network.token.requires_grad_(False)
        network.bias.requires_grad_(False)

    def parts(self, rows: sparse.csr_matrix) -> Iterator[Part]:
        """Patients of like length together; see `privacy.gradients.likelihood.Likelihood`."""
        codes = rows[:, : len(self._layout.vocabulary)]
        matrix = CodeMatrix(codes, np.arange(codes.shape[0], dtype=np.int64), self._layout.vocabulary)
        sequences = self._layout.encode(matrix)
        for part in _parts(sequences):
            yield self._part(sequences, part)

    def _part(self, sequences: Sequences, rows: NDArray[np.int64]) -> Part:
        seen, at, there = seen_of(self.module, sequences, rows)

        def losses(hidden: Tensor) -> Tensor:
            return losses_of(self.module, self._layout, sequences, hidden, at, there)

        return seen, losses


def _parts(sequences: Sequences) -> Iterator[NDArray[np.int64]]:
    """All patients, shortest first, in parts of PART_TOKENS padded tokens at most, or of one patient."""
    length = np.diff(sequences.indptr)
    order = np.argsort(length, kind="stable")
    start = 0
    while start < len(order):
        padded = length[order[start:]] * np.arange(1, len(order) - start + 1)
        stop = start + max(int(np.searchsorted(padded, PART_TOKENS, side="right")), 1)
        yield order[start:stop]
        start = stop


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """steps: all that were charged. learning_rate: of Adam, falling to nothing. ema: decay of the averaged weights."""

    steps: int
    learning_rate: float
    ema: float

    def run(self, network: Network, asked: LikelihoodSteps, progress: Progress = silent) -> dict[str, Tensor]:
        """Take all steps; the averaged weights. No patient decides when to stop.

        Raises:
            Diverged: weights that are not finite.
        """
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.Adam(trained, lr=self.learning_rate, betas=BETAS)
        average = Averaged(network, self.ema)
        network.train()
        for k in range(self.steps):
            asked.step()
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * (1 - k / self.steps) ** 0.5
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            average.update(network)
            progress("train on patients", k + 1, self.steps, "steps")
        if not all(torch.isfinite(value).all() for value in average.state.values()):
            raise Diverged("The private transformer's weights are not finite: lower the learning rate.")
        return average.state
