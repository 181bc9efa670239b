"""Sums of clipped gradients: right by two other ways, and never moved by one row by more than the clip."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from privacy.gradients.linear import NotFinite, RowGradients
from privacy.gradients.rowwise import MixesRows
from tests.privacy.gradients.modules import Request, critic, losses_of, one_by_one, requests, rows_of, vector


def summed(module: nn.Module, rows: Tensor, private: int, clip: float = 1.0, public_factor: float = 1.0) -> Tensor:
    gradients = RowGradients(module)
    losses = losses_of(gradients(rows), private)
    return vector(gradients.clipped_sum(losses, private=private, clip=clip, public_factor=public_factor).gradients)


def test_one_row_by_hand() -> None:
    """z = W (3, 4) + b, loss z: the gradient is (3, 4, 1), of norm sqrt(26)."""
    gradients = RowGradients(nn.Sequential(nn.Linear(2, 1)))
    z = gradients(torch.tensor([[3.0, 4.0]]))
    found = gradients.clipped_sum(z.squeeze(1), private=1, clip=1.0)
    assert found.norms.item() == pytest.approx(math.sqrt(26))
    expected = torch.tensor([3.0, 4.0, 1.0], dtype=torch.float64) / math.sqrt(26)
    assert torch.allclose(vector(found.gradients), expected, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(requests())
def test_is_the_sum_of_gradients_that_were_clipped_one_by_one(request: Request) -> None:
    module, rows, private, clip, public_factor = request
    expected = one_by_one(module(), rows, private, clip, public_factor)
    found = summed(module(), rows, private, clip, public_factor)
    assert torch.allclose(found, vector(expected), rtol=1e-5, atol=1e-5 * max(1.0, vector(expected).abs().max().item()))


def test_a_mask_is_a_count_of_rows_in_another_order() -> None:
    rows, order = rows_of(9, 5), torch.tensor([8, 0, 5, 3, 1, 7, 2, 6, 4])
    gradients = RowGradients(critic(5, 4))
    whole = gradients.clipped_sum(losses_of(gradients(rows), 4), private=4, clip=0.1)
    private = order < 4
    losses = binary_cross_entropy_with_logits(gradients(rows[order]).squeeze(1), private.float(), reduction="none")
    masked = gradients.clipped_sum(losses, private=private, clip=0.1)
    assert torch.allclose(vector(masked.gradients), vector(whole.gradients), atol=1e-6)
    assert torch.allclose(masked.norms, whole.norms[order[private]], atol=1e-6)


def test_public_rows_are_not_clipped() -> None:
    module, rows = critic(5, 4), rows_of(6, 5) * 100
    module.zero_grad()
    losses_of(module(rows), 0).sum().backward()
    plain = vector({name: p.grad for name, p in module.named_parameters()})
    assert torch.allclose(summed(module, rows, 0, clip=1e-3), plain, rtol=1e-5, atol=1e-4)
    assert summed(critic(5, 4), rows, 6, clip=1e-3).norm() <= 6e-3 + 1e-8


def furthest_moved(
    module: nn.Module, rows: Tensor, private: int, clip: float, seen: Callable[[Tensor, int], Tensor]
) -> float:
    """By how much the sum moves when the one private row that moves it most is taken away."""
    whole = summed(module, seen(rows, private), private, clip)
    return max(
        (whole - summed(module, seen(torch.cat([rows[:k], rows[k + 1 :]]), private - 1), private - 1, clip))
        .norm()
        .item()
        for k in range(private)
    )


@settings(max_examples=40, deadline=None)
@given(requests())
def test_one_private_row_moves_the_sum_by_the_clip_at_most(request: Request) -> None:
    module, rows, private, clip, _ = request
    if private:
        assert furthest_moved(module(), rows, private, clip, lambda rows, private: rows) <= clip + 1e-5


def beside_batch_mean(rows: Tensor, private: int) -> Tensor:
    """medGAN's minibatch averaging, done where no validation of the module can see it."""
    mean = rows[:private].mean(0, keepdim=True) if private else torch.zeros_like(rows[:1])
    return torch.cat([rows, mean.expand(len(rows), -1)], dim=1)


def test_a_batch_mean_before_the_module_breaks_the_bound_and_the_comparison_shows_it() -> None:
    rows = rows_of(40, 6)
    rows[0] *= 1000.0
    released = torch.full((1, 6), 0.3)
    beside_released = furthest_moved(
        critic(12, 8), rows, 30, 0.5, lambda rows, _: torch.cat([rows, released.expand(len(rows), -1)], dim=1)
    )
    assert beside_released <= 0.5 + 1e-5
    assert furthest_moved(critic(12, 8), rows, 30, 0.5, beside_batch_mean) > 1.0  # twice what one row may


# LayerNorm makes of a huge row an ordinary one, which is clipped as any
@pytest.mark.parametrize(
    ("value", "norm"), [(v, n) for v in (math.nan, math.inf, -math.inf) for n in (False, True)] + [(1e30, False)]
)
def test_a_private_row_that_is_not_finite_counts_as_zero(value: float, norm: bool) -> None:
    module, rows = critic(5, 4, norm=norm), rows_of(6, 5)
    rows[2, 1] = value
    others = torch.cat([rows[:2], rows[3:]])
    assert torch.allclose(summed(module, rows, 4), summed(module, others, 3), atol=1e-6)


def test_public_rows_or_parameters_that_are_not_finite_are_refused() -> None:
    module, rows = critic(5, 4), rows_of(6, 5)
    rows[5, 0] = math.nan
    with pytest.raises(NotFinite):
        summed(module, rows, 4)
    with torch.no_grad():
        module[0].weight[0, 0] = math.nan
    with pytest.raises(NotFinite):
        summed(module, rows_of(6, 5), 6)


def test_a_norm_that_underflows_is_bounded_all_the_same() -> None:
    """Activations of 1e-23 under output gradients of 1e19: a gradient of 2e-4, though |a|^2 is 0 in float32."""
    gradients, clip = RowGradients(nn.Sequential(nn.Linear(3, 1, bias=False))), 1e-6
    tiny = torch.full((1, 3), 1e-23)
    assert tiny.square().sum() == 0
    assert (1e19 * tiny).norm() > 100 * clip
    losses = gradients(tiny).squeeze(1) * 1e19
    assert vector(gradients.clipped_sum(losses, private=1, clip=clip).gradients).norm() <= clip


def test_a_loss_that_is_no_function_of_its_row_alone_is_refused() -> None:
    gradients, rows = RowGradients(critic(5, 4)), rows_of(6, 5)
    logits = gradients(rows).squeeze(1)
    with pytest.raises(MixesRows, match="another"):
        gradients.clipped_sum((logits - logits.mean()).square(), private=3, clip=1.0)
    elsewhere = gradients(rows).squeeze(1)
    gradients(rows)
    with pytest.raises(MixesRows, match="last call"):
        gradients.clipped_sum(elsewhere.square(), private=3, clip=1.0)


def test_a_gradient_penalty_cannot_slip_past_the_norms() -> None:
    gradients, rows = RowGradients(critic(5, 4)), rows_of(6, 5).requires_grad_()
    with pytest.raises(RuntimeError):
        torch.autograd.grad(gradients(rows).sum(), rows, create_graph=True)


def test_requests_that_make_no_sense_are_refused() -> None:
    gradients, rows = RowGradients(critic(5, 4)), rows_of(6, 5)
    wrong = [
        ({"private": 7, "clip": 1.0}, "from 0 to 6"),
        ({"private": torch.ones(5, dtype=torch.bool), "clip": 1.0}, "mask"),
        ({"private": 3, "clip": 0.0}, "clip"),
        ({"private": 3, "clip": math.nan}, "clip"),
    ]
    for request, words in wrong:
        losses = losses_of(gradients(rows), 3)
        with pytest.raises(ValueError, match=words):
            gradients.clipped_sum(losses, **request)
    with pytest.raises(ValueError, match="one for each row"):
        gradients.clipped_sum(losses_of(gradients(rows), 3).mean(), private=3, clip=1.0)
    with pytest.raises(ValueError, match="each call serves one sum"):
        gradients.clipped_sum(losses, private=3, clip=1.0)
    with pytest.raises(MixesRows, match="vector a row"):
        gradients(torch.zeros(6, 2, 5))


def test_products_of_low_precision_are_refused() -> None:
    gradients, rows = RowGradients(critic(5, 4)), rows_of(6, 5)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(ValueError, match="precision"):
            gradients.clipped_sum(losses_of(gradients(rows), 3), private=3, clip=1.0)
    finally:
        torch.set_float32_matmul_precision(before)


@given(st.integers(0, 3))
@settings(max_examples=4, deadline=None)
def test_no_rows_sum_to_zero(public: int) -> None:
    rows = rows_of(public, 5)
    found = summed(critic(5, 4), rows, 0)
    assert found.shape == (5 * 4 + 4 + 4 + 1,)
    assert bool(found.any()) == bool(public)


def test_frozen_layers_count_in_nothing() -> None:
    module, rows = critic(5, 4), rows_of(6, 5) * 10
    module[0].requires_grad_(False)
    gradients = RowGradients(module)
    found = gradients.clipped_sum(losses_of(gradients(rows), 6), private=6, clip=0.1)
    assert list(found.gradients) == ["2.weight", "2.bias"]
    # the last layer alone: its input is what it sees
    alone = nn.Sequential(module[2])
    assert torch.allclose(vector(found.gradients), summed(alone, module[:2](rows), 6, clip=0.1), atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_same_sum_on_a_gpu() -> None:
    module, rows = critic(50, 20, norm=True), rows_of(60, 50)
    here = summed(module, rows, 40, clip=0.3)
    gradients = RowGradients(module.cuda())
    losses = losses_of(gradients(rows.cuda()), 40)
    there = vector(gradients.clipped_sum(losses, private=40, clip=0.3).gradients)
    assert torch.allclose(there.cpu(), here, atol=1e-5)
