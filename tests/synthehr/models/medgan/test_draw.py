import numpy as np
import pytest
import torch

from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.draw import InnerHead, draw
from synthehr.models.sizes import SizeHead

# two free systems' codes (three and one), a group of two, and the size group of the first system: 1 or 2 codes
COLUMNS = Columns(order=np.arange(8), n_free=4, sizes=(2, 2))
HEAD = SizeHead("A", np.arange(3), np.array([1, 2]), np.array([6, 7]))
HEADS = (InnerHead.of(HEAD, COLUMNS, torch.device("cpu")),)
CHANCE = torch.tensor([[0.6, 0.3, 0.1, 0.25, 0.7, 0.3, 0.8, 0.2]]).expand(20_000, 8)


def drawn(heads: tuple[InnerHead, ...] = HEADS, scale: float = 1.0) -> torch.Tensor:
    return draw(CHANCE, COLUMNS, heads, scale=scale, noise=torch.Generator().manual_seed(0))


def test_draws_are_records() -> None:
    out = drawn()
    assert set(out.unique().round(decimals=5).tolist()) == {0.0, 1.0}
    assert (out[:, 4:6].sum(dim=1).round() == 1).all()
    size = 1 + out[:, 7].round()
    assert (out[:, :3].sum(dim=1).round() == size).all()


def test_codes_without_a_head_have_their_probability() -> None:
    out = drawn()
    # three standard errors at n = 20,000
    assert out[:, 3].mean().item() == pytest.approx(0.25, abs=3 * (0.25 * 0.75 / 20_000) ** 0.5)
    assert out[:, 4].mean().item() == pytest.approx(0.7, abs=3 * (0.7 * 0.3 / 20_000) ** 0.5)


def test_without_heads_sizes_are_whatever_comes() -> None:
    """The control: three independent coins are all tails .4 x .7 x .9 of the time."""
    out = drawn(heads=())
    assert (out[:, :3].sum(dim=1).round() == 0).float().mean().item() == pytest.approx(0.252, abs=0.01)


def test_the_gradient_is_that_of_the_probabilities() -> None:
    chance = CHANCE[:5].clone().requires_grad_(True)
    weight = torch.arange(8.0)
    (draw(chance, COLUMNS, HEADS, scale=1.0, noise=torch.Generator().manual_seed(0)) * weight).sum().backward()
    torch.testing.assert_close(chance.grad, weight.expand(5, 8))


def test_a_head_is_found_in_the_inner_order() -> None:
    columns = Columns(order=np.array([2, 0, 1, 3, 4]), n_free=3, sizes=(2,))
    head = InnerHead.of(
        SizeHead("A", np.array([0, 1]), np.array([0, 1]), np.array([3, 4])), columns, torch.device("cpu")
    )
    assert head.codes.tolist() == [1, 2]
    assert head.members.tolist() == [3, 4]
