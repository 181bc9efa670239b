"""From sequences to a trained network: teachers first, where there are any, then the network that is kept."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from synthehr.models.transformer.likelihood import loss_of, start_at_marginals
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.options import TransformerOptions
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.models.transformer.teaching import Lessons, folds_of
from synthehr.models.transformer.training import Loss, Plan, Training
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Row
from synthehr.training.checkpoint import Checkpoint
from synthehr.training.device import choose_device

STEPS_A_PASS = 100  # about: a smaller cohort gets smaller batches, or it would learn nothing in so few steps
SMALLEST, LARGEST = 32, 512  # patients of a batch
OF_A_TEACHER = 1 / 3  # of the weight decay is left for a student: what teachers say has less noise to shrink away
DEARER = 1.3  # times the seconds that a pass over all patients takes a teacher, a pass of the student takes


def network_of(layout: Layout, options: TransformerOptions) -> Network:
    """An untrained network for sequences of a layout."""
    return Network(layout.n_tokens, len(layout.starts) - 1, options.size(), len(layout.levels))


def batch_of(patients: int) -> int:
    """Patients of a batch: the power of two nearest to a hundredth of the training patients, 32 to 512."""
    return int(np.clip(2 ** round(np.log2(max(patients, 1) / STEPS_A_PASS)), SMALLEST, LARGEST))


@dataclass(frozen=True)
class Learning:
    """How a network is learned. started: time.monotonic() seconds. workspace: for a checkpoint of every network."""

    options: TransformerOptions
    layout: Layout
    seed: int
    workspace: Path
    started: float

    def run(self, train: Sequences, validation: Sequences, progress: Progress = silent) -> tuple[Network, list[Row]]:
        """The network with its best weights, and the history of its training."""
        shares = self._shares()
        loss: Loss = loss_of
        if self.options.teachers:
            fold = folds_of(len(train), self.options.teachers, self.seed)
            teachers = []
            for k in range(self.options.teachers):
                training = self._training(train, 1 + k, next(shares), loss_of)
                teachers.append(training.network)
                stage = f"teach {k + 1} of {self.options.teachers}"
                best = training.run(train, validation, progress, np.flatnonzero(fold != k), stage)
                training.network.load_state_dict(best)
            loss = Lessons.of(tuple(teachers), train, fold).loss
        training = self._training(train, 0, next(shares), loss)
        training.network.load_state_dict(training.run(train, validation, progress))
        return training.network.eval(), training.history

    def _training(self, train: Sequences, number: int, share: float, loss: Loss) -> Training:
        """Of the student, number 0, or a teacher; share: of a budget in minutes, at whose end it stops."""
        options = self.options
        torch.manual_seed(self.seed * 1_000 + number)
        network = network_of(self.layout, options).to(choose_device(options.device))
        start_at_marginals(network, train)
        taught = number == 0 and options.teachers
        plan = Plan(
            epochs=options.epochs,
            batch_size=options.batch_size or batch_of(len(train)),
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay * (OF_A_TEACHER if taught else 1),
            ema=options.ema,
            seed=self.seed * 1_000 + number,
            started=time.monotonic(),
            deadline=None if options.minutes is None else self.started + share * 60 * options.minutes,
        )
        name = f"teacher-{number}.pt" if number else "transformer.pt"
        return Training(network, self.layout, plan, Checkpoint(self.workspace / name), loss)

    def _shares(self) -> Iterator[float]:
        """Of a budget, what is spent when each network is done: passes of teachers see all folds but one."""
        n = self.options.teachers
        costs = [(n - 1) / n] * n + [DEARER] if n else [1.0]
        yield from np.cumsum(costs) / np.sum(costs)
