"""From sequences to a trained network."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from synthehr.models.transformer.likelihood import start_at_marginals
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.options import TransformerOptions
from synthehr.models.transformer.prior import Prior
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.models.transformer.training import Plan, Training
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Row
from synthehr.training.checkpoint import Checkpoint
from synthehr.training.device import choose_device

STEPS_A_PASS = 100  # about: a smaller cohort gets smaller batches, or it would learn nothing in so few steps
SMALLEST, LARGEST = 32, 512  # patients of a batch


def network_of(layout: Layout, options: TransformerOptions) -> Network:
    """An untrained network for sequences of a layout."""
    return Network(layout.n_tokens, len(layout.starts) - 1, options.size(), len(layout.levels))


def batch_of(patients: int) -> int:
    """Patients of a batch: the power of two nearest to a hundredth of the training patients, 32 to 512."""
    return int(np.clip(2 ** round(np.log2(max(patients, 1) / STEPS_A_PASS)), SMALLEST, LARGEST))


@dataclass(frozen=True)
class Learning:
    """How a network is learned. started: time.monotonic() seconds. workspace: for its checkpoint."""

    options: TransformerOptions
    layout: Layout
    seed: int
    workspace: Path
    started: float

    def run(self, train: Sequences, validation: Sequences, progress: Progress = silent) -> tuple[Network, list[Row]]:
        """The network with its best weights, and the history of its training."""
        options = self.options
        torch.manual_seed(self.seed)
        network = network_of(self.layout, options).to(choose_device(options.device))
        start_at_marginals(network, train)
        plan = Plan(
            epochs=options.epochs,
            batch_size=options.batch_size or batch_of(len(train)),
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            ema=options.ema,
            seed=self.seed,
            started=self.started,
            deadline=None if options.minutes is None else self.started + 60 * options.minutes,
        )
        prior = Prior.of(self.layout, train, options.prior) if options.prior else None
        training = Training(network, self.layout, plan, Checkpoint(self.workspace / "transformer.pt"), prior)
        network.load_state_dict(training.run(train, validation, progress))
        return network.eval(), training.history
