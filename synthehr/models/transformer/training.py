"""Training by likelihood, with the weights of the pass that held-out patients find likeliest."""

import copy
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from synthehr.errors import Diverged
from synthehr.models.transformer.likelihood import autocast, loss_of, nats
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.prior import Prior
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Averaged, Row
from synthehr.training.checkpoint import Checkpoint

MAX_GRAD_NORM = 1.0
WARM_UP = 0.03  # share of the run in which the learning rate rises
LAST = 0.02  # of the learning rate, at the end of its cosine


@dataclass(frozen=True, kw_only=True)
class Plan:
    """epochs: passes over the training patients. batch_size: patients. deadline: time.monotonic() seconds or None."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    ema: float
    seed: int
    started: float
    deadline: float | None


class Training:
    """Where a run stands: what a checkpoint holds."""

    def __init__(
        self, network: Network, layout: Layout, plan: Plan, checkpoint: Checkpoint, prior: Prior | None = None
    ) -> None:
        self.network, self.layout, self.plan, self.checkpoint = network, layout, plan, checkpoint
        self.prior = prior and prior.to(network.bias.device)
        decayed = [p for name, p in network.named_parameters() if p.ndim > 1]
        others = [p for name, p in network.named_parameters() if p.ndim == 1]
        parts = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(parts, lr=plan.learning_rate, betas=(0.9, 0.98))
        self.average = Averaged(network, plan.ema)
        self.epoch, self.best, self.best_nats, self.history = 0, dict[str, Tensor](), math.inf, list[Row]()
        if state := checkpoint.read():
            self._restore(state)

    def run(self, train: Sequences, validation: Sequences, progress: Progress = silent) -> dict[str, Tensor]:
        """Train until the plan ends; the best averaged weights.

        Raises:
            Diverged: a loss that is not finite.
        """
        judged = copy.deepcopy(self.network)
        if not self.best:  # the clock may end a run before its first pass
            self.best = {k: v.clone() for k, v in self.average.state.items()}
        while self.epoch < self.plan.epochs and not self._late():
            seen = self._one_pass(train)
            self.epoch += 1
            judged.load_state_dict(self.average.state)
            held_out = nats(judged, self.layout, validation)
            self.history += [(self.epoch, "train_nats", seen), (self.epoch, "held_out_nats", held_out)]
            if held_out < self.best_nats:
                self.best_nats, self.best = held_out, {k: v.clone() for k, v in self.average.state.items()}
            progress("train", self.epoch, self.plan.epochs, "pass", f"held-out {held_out:.3f} nats a patient")
            if self.checkpoint.due() or self.epoch == self.plan.epochs:
                self.save()
        return self.best

    def _one_pass(self, train: Sequences) -> float:
        self.network.train()
        torch.manual_seed(self.plan.seed * 1_000_003 + self.epoch)
        total, seen, steps = 0.0, 0, -(-len(train) // self.plan.batch_size)
        batches = train.batches(self.plan.batch_size, np.random.default_rng([self.plan.seed, 3, self.epoch]))
        for k, rows in enumerate(batches):
            if self._late():
                break
            for part in self.optimizer.param_groups:
                part["lr"] = self.plan.learning_rate * self._rate((self.epoch + k / steps) / self.plan.epochs)
            with autocast(self.network):
                loss = loss_of(self.network, self.layout, train, rows)
            self.optimizer.zero_grad(set_to_none=True)
            per_patient = loss / len(rows)
            if self.prior is not None:
                per_patient = per_patient + self.prior.nats(self.network.token.weight) / len(train)
            per_patient.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRAD_NORM)
            if not torch.isfinite(norm):
                raise Diverged(f"Pass {self.epoch + 1}: gradient norm {norm.item():.3g}. Lower learning_rate.")
            self.optimizer.step()
            self.average.update(self.network)
            total, seen = total + loss.item(), seen + len(rows)
        return total / max(seen, 1)  # the clock may end a pass early

    def _rate(self, done: float) -> float:
        if self.plan.deadline is not None:
            done = max(done, (time.monotonic() - self.plan.started) / (self.plan.deadline - self.plan.started))
        if done < WARM_UP:
            return (done + 1e-3) / (WARM_UP + 1e-3)
        return LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * min(1.0, (done - WARM_UP) / (1 - WARM_UP))))

    def _late(self) -> bool:
        return self.plan.deadline is not None and time.monotonic() >= self.plan.deadline

    def _restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        device = self.network.bias.device
        self.average.state = {k: v.to(device) for k, v in state["average"].items()}
        self.average.steps, self.epoch = state["average_steps"], state["epoch"]
        self.best, self.best_nats = {k: v.to(device) for k, v in state["best"].items()}, state["best_nats"]
        self.history = [(int(e), str(name), float(value)) for e, name, value in state["history"]]

    def save(self) -> None:
        """Write the checkpoint."""
        average = {"average": self.average.state, "average_steps": self.average.steps}
        best = {"best": self.best, "best_nats": self.best_nats, "epoch": self.epoch, "history": self.history}
        parts = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}
        self.checkpoint.write(parts | average | best)
