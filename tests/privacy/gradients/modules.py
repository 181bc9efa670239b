"""Modules and losses that the tests of this folder share, and an independent clipped sum: each row on its own."""

from collections.abc import Callable
from itertools import pairwise

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import binary_cross_entropy_with_logits

Request = tuple[Callable[[], nn.Sequential], Tensor, int, float, float]
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.GELU, nn.SiLU)


def critic(columns: int, *hidden: int, seed: int = 0, bias: bool = True, norm: bool = False) -> nn.Sequential:
    """Linear layers to one logit, with a different activation after each."""
    torch.manual_seed(seed)
    parts: list[nn.Module] = []
    sizes = (columns, *hidden)
    for k, (a, b) in enumerate(pairwise(sizes)):
        parts += [nn.Linear(a, b, bias=bias), *([nn.LayerNorm(b)] if norm else []), ACTIVATIONS[k % len(ACTIVATIONS)]()]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], 1, bias=bias))


def losses_of(logits: Tensor, private: int) -> Tensor:
    """Cross-entropy of each row: the first `private` are real."""
    target = (torch.arange(len(logits), device=logits.device) < private).to(logits.dtype)
    return binary_cross_entropy_with_logits(logits.reshape(len(logits)), target, reduction="none")


def rows_of(n: int, columns: int, *, seed: int = 1) -> Tensor:
    return torch.randn(n, columns, generator=torch.Generator().manual_seed(seed))


def one_by_one(module: nn.Module, rows: Tensor, private: int, clip: float, public_factor: float) -> dict[str, Tensor]:
    """The clipped sum by autograd of each row: nothing of it is shared with the package."""
    parameters = dict(module.named_parameters())

    def loss(values: dict[str, Tensor], row: Tensor, target: Tensor) -> Tensor:
        logit = functional_call(module, values, (row[None],))
        return binary_cross_entropy_with_logits(logit.reshape(1), target[None])

    target = (torch.arange(len(rows)) < private).to(rows.dtype)
    each = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, rows, target)
    norms = torch.stack([g.flatten(1).square().sum(1) for g in each.values()]).sum(0).sqrt()
    factors = torch.where(torch.arange(len(rows)) < private, (clip / norms).clamp(max=1.0), public_factor)
    return {name: torch.tensordot(factors, g, dims=1).detach() for name, g in each.items()}


def vector(gradients: dict[str, Tensor]) -> Tensor:
    """All gradients as one float64 vector."""
    return torch.cat([g.flatten().double() for g in gradients.values()])


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A module, rows, how many are private, a clip, a factor of public rows."""
    hidden = draw(st.lists(st.integers(1, 12), max_size=3))
    columns, n = draw(st.integers(1, 15)), draw(st.integers(1, 20))
    seed, bias, norm = draw(st.integers(0, 2**20)), draw(st.booleans()), draw(st.booleans())
    private, clip = draw(st.integers(0, n)), draw(st.floats(1e-2, 10.0))
    rows = rows_of(n, columns, seed=seed) * draw(st.sampled_from([0.1, 1.0, 10.0]))

    def module() -> nn.Sequential:
        return critic(columns, *hidden, seed=seed, bias=bias, norm=norm)

    return module, rows, private, clip, draw(st.floats(0.1, 10.0))
