"""The one adversarial loop, for codes, fundi and volumes: the model is a game, the loop knows no model.

Invariants: nothing is stepped unless loss and gradient are finite; the batches and the noise of a pass are functions of
(seed, pass), so a resumed run ends with the same bytes; every loss term is recorded; the generator's exponential moving
average is what is kept; and the checkpoint that is kept is the best by fidelity to held-out patients.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from synthehr.errors import Diverged
from synthehr.progress import Progress, silent
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint

STREAM = 2
MAX_GRAD_NORM = 1.0  # the first fakes are far off: unclipped, they fill Adam's second moment for a thousand steps

Row = tuple[int, str, float]


class Game(Protocol):
    """Two players and their losses."""

    @property
    def generator(self) -> torch.nn.Module:
        """What is stepped on generator_loss, averaged and kept."""

    @property
    def discriminator(self) -> torch.nn.Module:
        """What is stepped on discriminator_loss, and never leaves the run."""

    @property
    def generator_optimizer(self) -> torch.optim.Optimizer:
        """Steps the generator."""

    @property
    def discriminator_optimizer(self) -> torch.optim.Optimizer:
        """Steps the discriminator."""

    @property
    def touches_patients(self) -> tuple[str, ...]:
        """Names of the modules whose loss sees real rows: what a private loop has to protect."""

    @property
    def mixes_rows(self) -> bool:
        """Whether a row's gradient depends on other real rows: such a game is refused under DP-SGD as it is."""

    def discriminator_loss(self, real: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
        """Scalar loss of the discriminator on a real batch and as many fakes."""

    def generator_loss(self, size: int, noise: torch.Generator) -> Mapping[str, torch.Tensor]:
        """Named scalar terms whose sum the generator descends."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how often.

    epochs: passes over the training patients. discriminator_steps: per generator step (paper: 2). ema: decay of the
    generator's moving average per generator step. judge_every: passes between two looks at held-out fidelity.
    deadline: time.monotonic() seconds at which to stop, or None; a run stopped by the clock is not byte-reproducible.
    """

    epochs: int
    discriminator_steps: int = 2
    ema: float = 0.999
    judge_every: int = 5
    deadline: float | None = None


class Averaged:
    """The exponential moving average of a module's floating-point state."""

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.state = {k: v.detach().clone() for k, v in module.state_dict().items() if v.is_floating_point()}

    def update(self, module: torch.nn.Module) -> None:
        """Move towards the module; the decay is warmed up so that the random start does not linger."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = module.state_dict()
        torch._foreach_lerp_(list(self.state.values()), [now[key] for key in self.state], 1 - decay)


def play(
    game: Game,
    batches: Batches,
    schedule: Schedule,
    *,
    judge: Callable[[Mapping[str, torch.Tensor]], float],
    checkpoint: Checkpoint,
    progress: Progress = silent,
) -> tuple[dict[str, torch.Tensor], list[Row]]:
    """Play until the schedule ends; the best averaged generator state and the history rows (pass, term, value).

    judge: the distance of a generator state to held-out patients; smaller is better.

    Raises:
        Diverged: a loss or gradient that is not finite.
    """
    run = _Run(game, schedule, checkpoint)
    if run.epoch == 0:
        run.keep_if_better(judge(run.average.state))
    while run.epoch < schedule.epochs and (schedule.deadline is None or time.monotonic() < schedule.deadline):
        terms = _one_pass(game, batches, schedule, run.average, run.epoch)
        run.epoch += 1
        run.history += [(run.epoch, name, value) for name, value in terms.items()]
        last = run.epoch == schedule.epochs
        if run.epoch % schedule.judge_every == 0 or last:
            run.keep_if_better(judge(run.average.state))
        best = f"held-out distance {run.best_distance:.4f}"
        progress("train adversarial", run.epoch, schedule.epochs, "pass", best)
        if checkpoint.due() or last:
            run.save()
    return run.best, run.history


class _Run:
    """Where a game stands: what a checkpoint holds."""

    def __init__(self, game: Game, schedule: Schedule, checkpoint: Checkpoint) -> None:
        self.game, self.checkpoint = game, checkpoint
        self.epoch, self.history, self.best_distance = 0, list[Row](), float("inf")
        self.best: dict[str, torch.Tensor] = {}
        self.average = Averaged(game.generator, schedule.ema)
        state = checkpoint.read()
        if state:
            self._restore(state)

    def _parts(self) -> dict[str, Any]:
        g = self.game
        return {
            "generator": g.generator,
            "discriminator": g.discriminator,
            "generator_optimizer": g.generator_optimizer,
            "discriminator_optimizer": g.discriminator_optimizer,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.epoch, self.best_distance = state["epoch"], state["best_distance"]
        self.history = [(int(e), str(name), float(value)) for e, name, value in state["history"]]
        device = next(self.game.generator.parameters()).device
        self.best = {k: v.to(device) for k, v in state["best"].items()}
        self.average.state = {k: v.to(device) for k, v in state["average"].items()}
        self.average.steps = state["average_steps"]

    def keep_if_better(self, distance: float) -> None:
        if not math.isfinite(distance):
            raise Diverged(f"Pass {self.epoch}: the distance to held-out patients is {distance}: lower learning_rate.")
        self.history.append((self.epoch, "held_out_distance", distance))
        if distance < self.best_distance:
            self.best_distance = distance
            self.best = {k: v.clone() for k, v in self.average.state.items()}

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self._parts().items()}
        rest = {"epoch": self.epoch, "best_distance": self.best_distance, "history": self.history, "best": self.best}
        average = {"average": self.average.state, "average_steps": self.average.steps}
        self.checkpoint.write(state | rest | average)


def _one_pass(game: Game, batches: Batches, schedule: Schedule, average: Averaged, number: int) -> dict[str, float]:
    noise = torch.Generator(device=batches.device).manual_seed(batches.seed * 1_000_003 + number)
    seen: dict[str, list[float]] = {}
    for k, real in enumerate(batches.passing(number, STREAM)):
        terms = {"discriminator": game.discriminator_loss(real, noise)}
        take_step(terms, game.discriminator, game.discriminator_optimizer, number)
        if (k + 1) % schedule.discriminator_steps == 0 or len(batches) < schedule.discriminator_steps:
            game.discriminator.requires_grad_(False)  # its weights' gradients would be computed and thrown away
            made = dict(game.generator_loss(len(real), noise))
            take_step(made, game.generator, game.generator_optimizer, number)
            game.discriminator.requires_grad_(True)
            average.update(game.generator)
            terms |= made
        for name, value in terms.items():
            seen.setdefault(name, []).append(value.item())
    return {name: sum(values) / len(values) for name, values in seen.items()}


def take_step(
    terms: Mapping[str, torch.Tensor], module: torch.nn.Module, optimizer: torch.optim.Optimizer, number: int
) -> None:
    """Descend the sum of named terms by one step, clipped at norm 1; raises Diverged, unstepped, if not finite."""
    optimizer.zero_grad(set_to_none=True)
    loss = torch.stack(list(terms.values())).sum()
    loss.backward()
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        found = ", ".join(f"{name} {value.item():.3g}" for name, value in terms.items())
        raise Diverged(
            f"Pass {number + 1}: expected finite losses and gradients, found {found}, gradient norm {norm.item():.3g}. "
            "Nothing was stepped; lower learning_rate and run the same command again."
        )
    torch.nn.utils.clip_grads_with_norm_(module.parameters(), MAX_GRAD_NORM, norm)
    optimizer.step()
