"""What keeps rows apart is taken, and everything else is refused with what to do instead."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from privacy.gradients.linear import RowGradients
from privacy.gradients.rowwise import MixesRows, row_graph
from synthehr.models.medgan.networks import Discriminator
from tests.privacy.gradients.modules import losses_of, one_by_one, rows_of, vector


class Net(nn.Module):
    """Linear layers `a` (5, 5), `b` (5, 5) and `c` (5, 1), whose forward is given."""

    def __init__(self, forward: Callable[["Net", Tensor], Tensor], **parts: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.c = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 1)
        self.register_buffer("released", torch.linspace(0, 1, 5))
        self.free = nn.Parameter(torch.ones(5))
        for name, part in parts.items():
            setattr(self, name, part)
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        return self._forward(self, x)


TAKEN: dict[str, Callable[[Net, Tensor], Tensor]] = {
    "functions": lambda m, x: m.c(functional.gelu(m.b(torch.relu(m.a(x))))),
    "a shortcut": lambda m, x: m.c(torch.tanh(m.b(torch.relu(m.a(x)))) + x),
    "two branches": lambda m, x: m.c(m.a(x) + m.b(x)),
    "a product": lambda m, x: m.c(m.a(x) * torch.sigmoid(m.b(x))),
    "a released mean": lambda m, x: m.c(functional.leaky_relu(m.a(x - m.released), 0.1)),
    "one number a row": lambda m, x: m.c(m.a(x).relu()).squeeze(1),
    "squeeze from the end": lambda m, x: torch.squeeze(m.c(m.a(x)), -1),
}
REFUSED: dict[str, tuple[Callable[[Net, Tensor], Tensor], str]] = {
    "minibatch averaging": (lambda m, x: m.c(torch.cat([x, x.mean(0, keepdim=True).expand(6, -1)], 1)), "mean"),
    "a sum over rows": (lambda m, x: m.c(x - torch.sum(x, 0)), "sum"),
    "rows in another order": (lambda m, x: m.c(m.a(x).flip(0) + x), "flip"),
    "attention over rows": (lambda m, x: m.c(torch.softmax(x @ x.T, 1) @ m.a(x)), "getattr"),
    "rows behind each other": (lambda m, x: m.c(torch.cat([x, x])), "cat"),
    "rows behind each other by name": (lambda m, x: m.c(torch.cat([x, x], dim=0)), "cat"),
    "one row shown to all": (lambda m, x: m.c(x + x[0]), "getitem"),
    "rows spread over columns": (lambda m, x: m.b(m.a(x) + m.c(x).squeeze(1)), "squeeze"),
    "a layer called twice": (lambda m, x: m.c(m.a(m.a(x))), "called twice"),
    "a parameter beside the layers": (lambda m, x: m.c(x * m.free), "free"),
    "a layer by its matrix": (lambda m, x: functional.linear(x, m.c.weight), "c.weight"),
    "a layer that sees no rows": (lambda m, x: m.c(m.a(x) + m.b(m.released)), "sees no rows"),
    "overwritten": (lambda m, x: m.c(functional.relu(m.a(x), inplace=True)), "relu"),
    "dropout": (lambda m, x: m.c(functional.dropout(x)), "dropout"),
    "a branch on what is seen": (lambda m, x: m.c(x) if x.sum() > 0 else m.c(-x), "traced"),
    "no result by row": (lambda m, x: (m.c(x), m.a(x)), "one tensor"),
    "nothing that depends on rows": (lambda m, x: m.released, "one tensor"),
    "nothing that is trained": (lambda m, x: torch.relu(x), "no layer"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_keeps_rows_apart_is_summed_as_by_rows_one_by_one(name: str) -> None:
    module, rows = Net(TAKEN[name]), rows_of(6, 5) * 3
    gradients = RowGradients(module)
    found = gradients.clipped_sum(losses_of(gradients(rows), 4), private=4, clip=0.5).gradients
    expected = one_by_one(module, rows, 4, 0.5, 1.0)
    assert torch.allclose(vector(found), vector({name: expected[name] for name in found}), atol=1e-5)
    unused = set(expected) - set(found)
    assert all(not expected[name].any() for name in unused)


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_mix_rows_is_refused(name: str) -> None:
    forward, words = REFUSED[name]
    with pytest.raises(MixesRows, match=words):
        row_graph(Net(forward))


def test_medgans_discriminator_is_refused() -> None:
    with pytest.raises(MixesRows, match="mean"):
        RowGradients(Discriminator(5, (4, 3)))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.BatchNorm1d(5), "BatchNorm1d"),
        (nn.Dropout(0.5), "Dropout"),
        (nn.ReLU(inplace=True), "inplace"),
        (nn.Softmax(0), "Softmax"),
        (nn.PReLU(), "PReLU"),
        (nn.LayerNorm((6, 5)), "LayerNorm"),
        (nn.GRUCell(5, 5), "GRUCell"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_layers_without_a_rule_are_refused(layer: nn.Module, words: str) -> None:
    with pytest.raises(MixesRows, match=words):
        row_graph(nn.Sequential(nn.Linear(5, 5), layer, nn.Linear(5, 1)))


def test_a_subclass_of_a_layer_is_not_that_layer() -> None:
    class Centred(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x - x.mean(0))

    with pytest.raises(MixesRows):
        row_graph(nn.Sequential(Centred(5, 1)))
    with pytest.raises(MixesRows):
        row_graph(nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(5, 1))))


def test_shared_parameters_are_refused() -> None:
    first, second = nn.Linear(5, 5), nn.Linear(5, 5)
    second.weight = first.weight
    with pytest.raises(MixesRows, match="one parameter"):
        row_graph(nn.Sequential(first, second))
    with pytest.raises(MixesRows, match="one parameter"):
        row_graph(nn.Sequential(first, nn.ReLU(), first))


def test_hooks_and_half_precision_are_refused() -> None:
    hooked = nn.Sequential(nn.Linear(5, 1))
    handle = hooked[0].register_forward_hook(lambda module, seen, made: made - made.mean(0))
    with pytest.raises(MixesRows, match="hook"):
        row_graph(hooked)
    handle.remove()
    row_graph(hooked)
    with pytest.raises(MixesRows, match="bfloat16"):
        row_graph(hooked.bfloat16())


def test_what_runs_is_what_was_traced() -> None:
    """A forward that is changed later is not run, and parameters and buffers that are changed later are."""
    module, rows = Net(TAKEN["a released mean"]), rows_of(6, 5)
    gradients = RowGradients(module)
    before = gradients(rows).detach()
    assert torch.equal(before, module(rows).detach())
    module._forward = lambda m, x: m.c(x - x.mean(0))
    assert torch.equal(gradients(rows), before)
    module.released = module.released + 1.0
    assert not torch.allclose(gradients(rows), before)
