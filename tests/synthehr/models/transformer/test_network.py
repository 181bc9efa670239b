from dataclasses import replace

import pytest
import torch

from synthehr.models.transformer.network import Network, Size

SIZE = Size(width=16, layers=2, heads=2, dropout=0.3)


@pytest.fixture(params=[1, 3], ids=["presence", "three levels"])
def network(request: pytest.FixtureRequest) -> Network:
    torch.manual_seed(0)
    made = Network(9, 3, SIZE, request.param).eval()
    for parameter in made.parameters():  # the start is so small that a mistake would hardly show
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def asked() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    before = torch.tensor([[9, 1, 4, 6, 7], [9, 0, 2, 3, 8]])
    level = torch.tensor([[0, 0, 0, 1, 0], [0, 0, 2, 0, 1]])
    return before, torch.tensor([[0, 1, 2, 2, 2]] * 2), torch.tensor([[0, 0, 3, 2, 1]] * 2), level


def test_nothing_is_seen_that_comes_later(network: Network) -> None:
    before, block, left, level = asked()
    changed = before.clone()
    changed[:, 3] = 5
    seen, other = network(before, block, left, level), network(changed, block, left, level)
    torch.testing.assert_close(seen[:, :3], other[:, :3])
    assert (seen[:, 3:] - other[:, 3:]).abs().min(dim=2).values.max() > 0  # the control: from there on it is


@torch.no_grad()
def test_step_by_step_it_is_the_same_as_at_once(network: Network) -> None:
    before, block, left, level = asked()
    at_once = network(before, block, left, level)
    kept = torch.zeros(SIZE.layers, 2, 2, SIZE.heads, 5, SIZE.width // SIZE.heads)
    for t in range(5):
        x = network.embed(*(part[:, t : t + 1] for part in (before, block, left, level)))
        for layer, (keys, values) in zip(network.layers, kept, strict=True):
            x = layer.step(x, keys, values, t)  # type: ignore[operator]
        torch.testing.assert_close(network.norm(x[:, 0]), at_once[:, t])


def test_logits_of_a_block_are_a_part_of_all(network: Network) -> None:
    hidden = network(*asked())
    torch.testing.assert_close(network.logits(hidden, 3, 7), network.logits(hidden, 0, 9)[..., 3:7])


def test_a_level_is_seen_by_what_comes_after_it() -> None:
    torch.manual_seed(0)
    network = Network(9, 3, SIZE, 3).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    before, block, left, level = asked()
    other = level.clone()
    other[:, 3] = 2
    seen, changed = network(before, block, left, level), network(before, block, left, other)
    torch.testing.assert_close(seen[:, :3], changed[:, :3])
    assert (seen[:, 3:] - changed[:, 3:]).abs().min(dim=2).values.max() > 0
    # and the level of a token depends on the token
    logits = (
        network.level_logits(seen[0, :2], torch.tensor([4, 4])),
        network.level_logits(seen[0, :2], torch.tensor([5, 5])),
    )
    assert not torch.allclose(*logits)


def test_hidden_tokens_are_whole_and_the_rest_is_scaled_up() -> None:
    torch.manual_seed(0)
    network = Network(9, 3, replace(SIZE, dropout=0.0, hidden=0.4))
    before, block, left, level = (part.repeat(200, 1) for part in asked())
    for table in (network.block, network.left):
        torch.nn.init.zeros_(table.weight)
    whole = network.eval().embed(before, block, left, level)
    seen = network.train().embed(before, block, left, level)
    gone = (seen == 0).all(dim=2)
    torch.testing.assert_close(seen[~gone], whole[~gone] / 0.6)
    assert gone.double().mean().item() == pytest.approx(0.4, abs=0.05)  # of 2,000 tokens


def test_dropout_is_of_training_only(network: Network) -> None:
    torch.testing.assert_close(network(*asked()), network(*asked()))
    network.train()
    assert not torch.allclose(network(*asked()), network(*asked()))
