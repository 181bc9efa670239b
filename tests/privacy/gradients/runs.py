"""Private steps as the tests of this folder take them."""

import numpy as np
import torch
from torch import Tensor, nn

from privacy.gradients.linear import RowGradients
from privacy.gradients.step import Batch, PrivateSteps
from privacy.ledger import Ledger
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling
from tests.privacy.gradients.modules import losses_of, rows_of, vector

KEY, COLUMNS = bytes(range(32)), 5


def steps_of(
    gradients: RowGradients,
    *,
    key: bytes = KEY,
    public_rows: int = 3,
    noise_multiplier: float = 1.0,
    sampling: PoissonSampling = PoissonSampling(probability=0.5, expected_batch=8.0, steps=4),  # noqa: B008
    ledger: Ledger | None = None,
    first: int = 0,
) -> PrivateSteps:
    return PrivateSteps(
        gradients,
        question="the critic",
        sampling=sampling,
        clip=0.5,
        noise_multiplier=noise_multiplier,
        public_rows=public_rows,
        ledger=Ledger() if ledger is None else ledger,
        source=NoiseSource(key),
        first=first,
    )


def noise_of(module: nn.Module, *settings: float) -> np.ndarray:
    """Of step 0: standard normals in the order of the parameters, from the stream that the step and settings name."""
    stream = NoiseSource(KEY).stream("the critic, noise of step 0", np.array(settings).tobytes())
    return stream.box_muller(sum(p.numel() for p in module.parameters()))


def one_step(
    module: nn.Module, steps: PrivateSteps, gradients: RowGradients, patients: Tensor, *, scale: float = 1.0
) -> tuple[Batch, Tensor]:
    """Take a step on a batch of `patients` and the public rows; the batch and what was written."""
    module.zero_grad(set_to_none=True)
    batch = steps.batch(len(patients))
    rows = torch.cat([patients[torch.from_numpy(batch.positions)], rows_of(steps.public_rows, COLUMNS, seed=9)])
    steps.write_gradient(batch, scale * losses_of(gradients(rows), len(batch.positions)))
    return batch, vector({name: p.grad for name, p in module.named_parameters() if p.grad is not None})
