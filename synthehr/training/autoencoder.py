"""Pre-training of an autoencoder on real records: medGAN's first stage (Choi et al. 2017, section 2.2)."""

import time
from typing import Any, Protocol

import torch

from synthehr.errors import Diverged
from synthehr.progress import Progress, silent
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint

STREAM = 1


class Reconstructs(Protocol):
    """What can be pre-trained: a loss of a batch, an optimizer, and a state that can be put away."""

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """Steps what the loss depends on."""

    def reconstruction_loss(self, real: torch.Tensor) -> torch.Tensor:
        """Scalar loss of a batch (size, d)."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that training changes."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put such a state back."""


def pretrain(
    model: Reconstructs,
    batches: Batches,
    *,
    epochs: int,
    deadline: float | None,
    checkpoint: Checkpoint,
    progress: Progress = silent,
) -> list[float]:
    """Train for `epochs` passes, or until `deadline` (time.monotonic seconds); the mean loss of each pass.

    Goes on from the checkpoint where there is one.

    Raises:
        Diverged: a loss that is not finite; the step is not taken.
    """
    state = checkpoint.read()
    losses: list[float] = state["losses"] if state else []
    if state:
        model.load_state_dict(state["model"])
    done = bool(state and state["done"])
    while not done and len(losses) < epochs and (deadline is None or time.monotonic() < deadline):
        total = 0.0
        for real in batches.passing(len(losses), STREAM):
            loss = model.reconstruction_loss(real)
            if not torch.isfinite(loss):
                raise Diverged(
                    f"The reconstruction loss is {loss.item()} in pass {len(losses) + 1}: lower learning_rate."
                )
            model.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            model.optimizer.step()
            total += loss.item()
        losses.append(total / len(batches))
        progress("pre-train autoencoder", len(losses), epochs, "pass", f"loss {losses[-1]:.4f}")
        if checkpoint.due():
            checkpoint.write({"model": model.state_dict(), "losses": losses, "done": False})
    if not done:
        checkpoint.write({"model": model.state_dict(), "losses": losses, "done": True})
    return losses
