"""The loop on a game of one number each: a generator that has to find the mean of its data."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor, nn

from synthehr.errors import Diverged
from synthehr.training.adversarial import Schedule, play
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint

CPU = torch.device("cpu")


class Shift(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1))


class MeanGame:
    touches_patients = ("discriminator",)
    mixes_rows = False

    def __init__(self, poison_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.generator, self.discriminator = Shift(), nn.Linear(1, 1)
        nn.init.zeros_(self.discriminator.weight)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=0.02)
        self.discriminator_optimizer = torch.optim.SGD(self.discriminator.parameters(), lr=0.1)
        self.poison_at, self.calls = poison_at, 0

    def fakes(self, size: int, noise: torch.Generator) -> Tensor:
        return self.generator.mean + 0.1 * torch.randn(size, 1, generator=noise)

    def discriminator_loss(self, real: Tensor, noise: torch.Generator) -> Tensor:
        self.calls += 1
        fake = self.fakes(len(real), noise).detach()
        loss: Tensor = (self.discriminator(fake) - self.discriminator(real)).mean()
        penalty = self.discriminator.weight.square().sum()
        return loss + penalty if self.calls != self.poison_at else loss * float("nan")

    def generator_loss(self, size: int, noise: torch.Generator) -> Mapping[str, Tensor]:
        return {"adversarial": -self.discriminator(self.fakes(size, noise)).mean()}


def batches() -> Batches:
    rows = sparse.csr_matrix(2 + 0.1 * np.random.default_rng(0).standard_normal((400, 1)))
    return Batches(rows, size=50, seed=0, device=CPU)


def distance(state: Mapping[str, Tensor]) -> float:
    return abs(float(state["mean"]) - 2)


def test_the_generator_finds_the_data_and_every_term_is_recorded(tmp_path: Path) -> None:
    schedule = Schedule(epochs=200, ema=0.9, judge_every=1)
    best, history = play(MeanGame(), batches(), schedule, judge=distance, checkpoint=Checkpoint(tmp_path / "c.pt"))
    assert distance(best) < 0.1
    assert {name for _, name, _ in history} == {"discriminator", "adversarial", "held_out_distance"}
    judged = [value for _, name, value in history if name == "held_out_distance"]
    assert distance(best) == pytest.approx(min(judged))
    assert judged[0] == pytest.approx(2)  # the start is judged too: training may make it worse


def test_nothing_is_stepped_when_a_loss_is_not_finite(tmp_path: Path) -> None:
    game = MeanGame(poison_at=5)
    with pytest.raises(Diverged, match="discriminator nan"):
        play(game, batches(), Schedule(epochs=5), judge=distance, checkpoint=Checkpoint(tmp_path / "c.pt"))
    assert torch.isfinite(game.discriminator.weight).all()
    assert torch.isfinite(game.generator.mean).all()


def test_a_resumed_game_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole = play(
        MeanGame(), batches(), Schedule(epochs=20, judge_every=3), judge=distance, checkpoint=Checkpoint(tmp_path / "a")
    )
    first = Checkpoint(tmp_path / "b")
    play(MeanGame(), batches(), Schedule(epochs=8, judge_every=3), judge=distance, checkpoint=first)
    state = first.read()
    assert state is not None
    assert state["epoch"] == 8
    state["history"] = [row for row in state["history"] if not (row[0] == 8 and row[1] == "held_out_distance")]
    first.write(state)
    resumed = play(MeanGame(), batches(), Schedule(epochs=20, judge_every=3), judge=distance, checkpoint=first)
    assert torch.equal(whole[0]["mean"], resumed[0]["mean"])
    assert whole[1] == resumed[1]


def test_batches_are_a_function_of_seed_and_pass() -> None:
    rows = sparse.csr_matrix(np.arange(1, 11, dtype=float)[:, None])
    one = [b.flatten().tolist() for b in Batches(rows, size=3, seed=1, device=CPU).passing(4, 2)]
    two = [b.flatten().tolist() for b in Batches(rows, size=3, seed=1, device=CPU).passing(4, 2)]
    assert one == two
    assert one != [b.flatten().tolist() for b in Batches(rows, size=3, seed=1, device=CPU).passing(5, 2)]
    assert one != [b.flatten().tolist() for b in Batches(rows, size=3, seed=1, device=CPU).passing(4, 1)]
    seen = [patient for batch in one for patient in batch]
    assert len(seen) == len(set(seen)) == 9


def test_a_batch_is_never_larger_than_the_cohort() -> None:
    few = Batches(sparse.csr_matrix(np.ones((4, 2))), size=1000, seed=0, device=CPU)
    assert len(few) == 1
    assert next(few.passing(0, 0)).shape == (4, 2)
