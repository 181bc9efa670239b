"""Descent: a critic that learns to tell patients from public rows, without the patients leaving the curator."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from privacy.gradients.step import ClippedGradients, PrivateSteps


class Descent:
    """DP-SGD steps on the logistic loss of patients (1) against public rows (0), as a GAN's critic takes them.

    gradients: of the critic, rows to logits (n, 1). rows: CSR (n_patients, d) of the patients, of a curator. columns:
    (k,) those that are shown, in this order. beside: (w,) numbers already released, the same for all patients, that
    stand behind each row; what a batch has in common must not be shown in their place (`mixes rows`).

    What comes back is of public rows alone.
    """

    def __init__(
        self,
        gradients: ClippedGradients,
        steps: PrivateSteps,
        rows: sparse.csr_matrix,
        columns: NDArray[np.int64],
        beside: Tensor,
    ) -> None:
        self._gradients, self._steps, self._beside = gradients, steps, beside
        self._rows = sparse.csr_matrix(rows[:, columns], dtype=np.float32)

    def step(self, public: Tensor) -> Tensor:
        """Write the noisy gradient of one step to the critic's parameters; the logits (m,) of the public rows.

        public: (m, k + w), as many as `PrivateSteps.public_rows`.

        Raises:
            Unaccounted: all steps that were charged are done. ValueError: another number of public rows.
        """
        batch = self._steps.batch(self._rows.shape[0])
        real = torch.from_numpy(self._rows[batch.positions].toarray()).to(public)
        real = torch.cat([real, self._beside.to(public).expand(len(real), -1)], dim=1)
        logits = self._gradients(torch.cat([real, public])).squeeze(1)
        target = torch.zeros_like(logits)
        target[: len(real)] = 1.0
        losses = binary_cross_entropy_with_logits(logits, target, reduction="none")
        self._steps.write_gradient(batch, losses)
        return logits[len(real) :].detach()
