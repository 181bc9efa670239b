"""Opacus' clipped sums are ours, on modules that both take; what Opacus takes beside is the caller's to prove."""

import math

import pytest
import torch
from hypothesis import given, settings
from opacus.validators import ModuleValidator
from torch import Tensor, nn

from privacy.gradients.linear import NotFinite, RowGradients
from privacy.gradients.reference import OpacusGradients
from privacy.gradients.rowwise import MixesRows
from tests.privacy.gradients.modules import Request, critic, losses_of, requests, rows_of, vector

MODES = pytest.mark.parametrize("ghost", [True, False], ids=["ghost", "hooks"])


def summed(module: nn.Module, rows: Tensor, private: int, clip: float = 1.0, *, ghost: bool) -> Tensor:
    gradients = OpacusGradients(module, ghost=ghost)
    return vector(gradients.clipped_sum(losses_of(gradients(rows), private), private=private, clip=clip).gradients)


@MODES
@settings(max_examples=25, deadline=None)
@given(request=requests())
def test_opacus_sums_to_the_same(ghost: bool, request: Request) -> None:
    module, rows, private, clip, public_factor = request
    ours, theirs = RowGradients(module()), OpacusGradients(module(), ghost=ghost)
    one, other = (
        each.clipped_sum(losses_of(each(rows), private), private=private, clip=clip, public_factor=public_factor)
        for each in (ours, theirs)
    )
    assert list(one.gradients) == list(other.gradients)
    scale = max(1.0, vector(one.gradients).abs().max().item())
    assert torch.allclose(vector(one.gradients), vector(other.gradients), rtol=1e-5, atol=1e-5 * scale)
    assert torch.allclose(one.norms, other.norms, rtol=1e-5, atol=1e-5)


@MODES
def test_each_call_is_on_its_own_and_leaves_the_module_as_it_was(ghost: bool) -> None:
    module, rows = critic(5, 4), rows_of(6, 5)
    gradients = OpacusGradients(module, ghost=ghost)
    first = vector(gradients.clipped_sum(losses_of(gradients(rows), 4), private=4, clip=0.1).gradients)
    losses_of(module(rows.clone().requires_grad_()), 4).sum().backward()  # as a generator's step goes through it
    module.zero_grad()
    again = vector(gradients.clipped_sum(losses_of(gradients(rows), 4), private=4, clip=0.1).gradients)
    assert torch.equal(first, again)
    assert all(parameter.grad is None for parameter in module.parameters())


@MODES
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
def test_a_private_row_that_is_not_finite_counts_as_zero(ghost: bool, value: float) -> None:
    rows = rows_of(6, 5)
    rows[2, 1] = value
    others = torch.cat([rows[:2], rows[3:]])
    found = summed(critic(5, 4), rows, 4, ghost=ghost)
    assert torch.allclose(found, summed(critic(5, 4), others, 3, ghost=ghost), atol=1e-6)
    with pytest.raises(NotFinite):
        summed(critic(5, 4), torch.full((6, 5), math.nan), 4, ghost=ghost)


@MODES
def test_what_ours_refuses_and_opacus_sums_by_row(ghost: bool) -> None:
    module = nn.Sequential(nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 1))
    with pytest.raises(MixesRows, match="Conv1d"):
        RowGradients(module)
    rows = rows_of(8, 5)[:, None]
    moved = summed(module, rows, 8, 0.1, ghost=ghost)
    assert (moved - summed(_fresh(module), rows[1:], 7, 0.1, ghost=ghost)).norm() <= 0.1 + 1e-5


def _fresh(module: nn.Sequential) -> nn.Sequential:
    other = nn.Sequential(nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 1))
    other.load_state_dict(module.state_dict())
    return other


@MODES
def test_batch_norm_is_refused_by_opacus_too(ghost: bool) -> None:
    with pytest.raises(MixesRows, match="Opacus"):
        OpacusGradients(nn.Sequential(nn.Linear(5, 5), nn.BatchNorm1d(5)), ghost=ghost)


class Averaging(nn.Module):
    """medGAN's critic: each row beside the mean of all."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = critic(10, 8)

    def forward(self, rows: Tensor) -> Tensor:
        logits: Tensor = self.critic(torch.cat([rows, rows.mean(0, keepdim=True).expand_as(rows)], dim=1))
        return logits


@MODES
def test_minibatch_averaging_passes_opacus_and_taking_a_row_away_shows_it(ghost: bool) -> None:
    assert ModuleValidator.is_valid(Averaging())
    with pytest.raises(MixesRows, match="mean"):
        RowGradients(Averaging())
    rows = rows_of(30, 5)
    rows[0] *= 1000.0
    moved = summed(Averaging(), rows, 30, 0.5, ghost=ghost) - summed(Averaging(), rows[1:], 29, 0.5, ghost=ghost)
    assert moved.norm() > 1.0  # twice the clip


def test_each_call_serves_one_sum() -> None:
    gradients = OpacusGradients(critic(5, 4))
    with pytest.raises(ValueError, match="each call serves one sum"):
        gradients.clipped_sum(torch.zeros(3), private=1, clip=1.0)
