"""Likelihood: DP-SGD of a model that explains each patient by himself, without the patients leaving the curator."""

from collections.abc import Callable, Iterator
from typing import Protocol

from scipy import sparse
from torch import Tensor, nn

from privacy.gradients.step import ClippedGradients, PrivateSteps

Part = tuple[tuple[Tensor, ...], Callable[[Tensor], Tensor]]


class Likelihood(Protocol):
    """A model of one patient's record.

    module: rows, (n, ...) each, to an output (n, ...), in which no row reaches another.
    """

    @property
    def module(self) -> nn.Module:
        """What is trained: those of its parameters that require a gradient."""

    def parts(self, rows: sparse.csr_matrix) -> Iterator[Part]:
        """Some of these patients at a time, all once: what the module sees of each, and losses from its output.

        It is shown patients: it must keep nothing of them, and work out what is seen of one, and his loss, from him
        alone. How patients are put into parts may depend on all.
        """


class LikelihoodSteps:
    """DP-SGD steps on the negative log-likelihood of patients. rows: CSR (n_patients, d) of a curator.

    gradients: of the module of the likelihood. Nothing comes back but the noisy gradient.
    """

    def __init__(
        self, likelihood: Likelihood, gradients: ClippedGradients, steps: PrivateSteps, rows: sparse.csr_matrix
    ) -> None:
        self._likelihood, self._gradients, self._steps, self._rows = likelihood, gradients, steps, rows

    def step(self) -> None:
        """Write the noisy gradient of one step to the parameters.

        Raises:
            Unaccounted: all steps that were charged are done.
        """
        batch = self._steps.batch(self._rows.shape[0])
        self._steps.write_gradient_by_parts(batch, self._losses(self._rows[batch.positions]))

    def _losses(self, rows: sparse.csr_matrix) -> Iterator[Tensor]:
        for shown, losses in self._likelihood.parts(rows):
            yield losses(self._gradients(*shown))
