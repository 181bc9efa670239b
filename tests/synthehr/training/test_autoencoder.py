from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from synthehr.errors import Diverged
from synthehr.training.autoencoder import pretrain
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint


class OneNumber:
    """A model that reconstructs every record as one number: the best is the mean, 2."""

    def __init__(self, poison_at: int | None = None) -> None:
        self.value = torch.nn.Parameter(torch.zeros(1))
        self.optimizer = torch.optim.Adam([self.value], lr=0.05)
        self.poison_at, self.calls = poison_at, 0

    def reconstruction_loss(self, real: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return (real - self.value).square().mean() * (float("nan") if self.calls == self.poison_at else 1.0)

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value.detach().clone(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.value.data.copy_(state["value"])
        self.optimizer.load_state_dict(state["optimizer"])


def batches() -> Batches:
    rows = sparse.csr_matrix(2 + 0.1 * np.random.default_rng(0).standard_normal((200, 1)))
    return Batches(rows, size=50, seed=0, device=torch.device("cpu"))


def test_the_loss_falls_to_the_variance(tmp_path: Path) -> None:
    model = OneNumber()
    losses = pretrain(model, batches(), epochs=60, deadline=None, checkpoint=Checkpoint(tmp_path / "c"))
    assert len(losses) == 60
    assert losses[0] > 3
    assert losses[-1] == pytest.approx(0.01, abs=0.003)
    assert model.value.item() == pytest.approx(2, abs=0.03)


def test_it_goes_on_from_where_it_stopped(tmp_path: Path) -> None:
    whole, parts = OneNumber(), OneNumber()
    expected = pretrain(whole, batches(), epochs=9, deadline=None, checkpoint=Checkpoint(tmp_path / "a"))
    first = Checkpoint(tmp_path / "b")

    def stop(task: str, done: int, total: int, unit: str, note: str = "") -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(parts, batches(), epochs=9, deadline=None, checkpoint=Checkpoint(first.file, seconds=0), progress=stop)
    again = OneNumber()
    assert pretrain(again, batches(), epochs=9, deadline=None, checkpoint=first) == expected
    assert torch.equal(again.value, whole.value)
    # finished, it is not trained again
    assert pretrain(OneNumber(), batches(), epochs=9, deadline=None, checkpoint=first) == expected


def test_a_loss_that_is_not_finite_is_not_stepped(tmp_path: Path) -> None:
    model = OneNumber(poison_at=2)
    with pytest.raises(Diverged, match="nan"):
        pretrain(model, batches(), epochs=3, deadline=None, checkpoint=Checkpoint(tmp_path / "c"))
    assert torch.isfinite(model.value).all()
