import math

import torch
from torch.nn import functional

from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.networks import Decoder, Discriminator, Encoder, ShortcutGenerator

COLUMNS = Columns(order=torch.arange(7).numpy(), n_free=4, sizes=(3,))


def test_columns_come_back_in_the_order_of_the_vocabulary() -> None:
    columns = Columns(order=torch.tensor([2, 0, 1]).numpy(), n_free=1, sizes=(2,))
    assert columns.outer(torch.tensor([[5.0, 6.0, 7.0]]).numpy()).tolist() == [[6.0, 7.0, 5.0]]


def test_the_split_first_layer_is_the_papers_concatenation() -> None:
    """Section 2.4: the discriminator sees [x, mean of the batch]."""
    torch.manual_seed(0)
    net, x = Discriminator(7, (5, 3)), torch.rand(6, 7)
    both = torch.cat([x, x.mean(dim=0, keepdim=True).expand_as(x)], dim=1)
    weight = torch.cat([net.of_record.weight, net.of_average.weight], dim=1)
    hidden = torch.relu(functional.linear(both, weight, net.of_record.bias))
    expected = net.out(torch.relu(net.hidden[0](hidden))).squeeze(1)
    torch.testing.assert_close(net(x), expected)


def test_minibatch_averaging_sees_a_collapse() -> None:
    """The same record scores differently in a batch of copies of itself than among others: what the average is for."""
    torch.manual_seed(0)
    net, x = Discriminator(7, (5, 3)), torch.rand(6, 7)
    assert not torch.allclose(net(x)[0], net(x[:1].expand(6, 7))[0])


def test_shortcuts_add_the_input() -> None:
    """Section 2.5: with its branches scaled to zero each layer is the identity."""
    net = ShortcutGenerator((4, 4, 4), binary=True)
    for norm in net.norms:
        torch.nn.init.zeros_(norm.weight)
    z = torch.randn(10, 4)
    torch.testing.assert_close(net(z), z)


def test_groups_are_distributions_and_free_codes_probabilities() -> None:
    out = Decoder(4, COLUMNS, binary=True)(torch.randn(10, 4) * 5)
    assert ((out >= 0) & (out <= 1)).all()
    torch.testing.assert_close(out[:, 4:].sum(dim=1), torch.ones(10))


def test_counts_have_no_upper_bound_but_groups_do() -> None:
    out = Decoder(4, COLUMNS, binary=False)(torch.randn(50, 4) * 20)
    assert out[:, :4].max() > 1
    assert out.min() >= 0
    torch.testing.assert_close(out[:, 4:].sum(dim=1), torch.ones(50))


def test_reconstruction_of_an_uninformed_decoder_is_the_entropy_of_coins() -> None:
    """Equation 2 with all logits 0: log 2 a free code, log 3 a group of three."""
    decoder = Decoder(4, COLUMNS, binary=True)
    torch.nn.init.zeros_(decoder.linear.weight)
    torch.nn.init.zeros_(decoder.linear.bias)
    record = torch.tensor([[1.0, 0, 1, 0, 0, 1, 0]]).repeat(5, 1)
    loss = decoder.reconstruction_loss(torch.randn(5, 4), record)
    torch.testing.assert_close(loss, torch.tensor(4 * math.log(2) + math.log(3)))


def test_reconstruction_of_counts_is_squared_error() -> None:
    """Equation 1, with the group's cross-entropy beside it."""
    decoder = Decoder(4, COLUMNS, binary=False)
    torch.nn.init.zeros_(decoder.linear.weight)
    torch.nn.init.zeros_(decoder.linear.bias)
    record = torch.tensor([[2.0, 0, 3, 0, 0, 1, 0]])
    loss = decoder.reconstruction_loss(torch.randn(1, 4), record)
    torch.testing.assert_close(loss, torch.tensor(4.0 + 9.0 + math.log(3)))


def test_the_encoder_is_tanh_for_binary_and_relu_for_counts() -> None:
    x = torch.randn(20, 7) * 10
    assert Encoder(7, 4, binary=True)(x).abs().max() <= 1
    assert Encoder(7, 4, binary=False)(x).min() == 0
