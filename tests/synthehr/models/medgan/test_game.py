import numpy as np
import torch
from scipy import special

from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.game import MedganGame, Shape

COLUMNS = Columns(order=np.arange(5), n_free=3, sizes=(2,))
CPU = torch.device("cpu")


def game(**options: object) -> MedganGame:
    torch.manual_seed(0)
    return MedganGame(Shape(embedding_dim=8, discriminator_dims=(16, 8), **options), COLUMNS, CPU)  # type: ignore[arg-type]


def test_the_discriminator_learns_to_tell_and_the_generator_is_left_alone() -> None:
    g = game()
    real = torch.tensor([[1.0, 0, 1, 1, 0]]).repeat(64, 1)
    before = [p.clone() for p in g.generator.parameters()]
    losses = []
    for step in range(200):
        loss = g.discriminator_loss(real, torch.Generator().manual_seed(step))
        g.discriminator_optimizer.zero_grad()
        loss.backward()
        g.discriminator_optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(torch.equal(a, b) for a, b in zip(before, g.generator.parameters(), strict=True))
    assert all(p.grad is None for p in g.generator.parameters())


def test_an_undecided_discriminator_costs_two_coins() -> None:
    """Equation 3 at D = 1/2: 2 log 2; the generator's loss is then log 2."""
    g = game()
    torch.nn.init.zeros_(g.discriminator.out.weight)
    torch.nn.init.zeros_(g.discriminator.out.bias)
    noise = torch.Generator().manual_seed(0)
    real = torch.ones(32, 5)
    torch.testing.assert_close(g.discriminator_loss(real, noise), torch.tensor(2 * np.log(2), dtype=torch.float32))
    torch.testing.assert_close(g.generator_loss(32, noise)["adversarial"], torch.tensor(np.log(2), dtype=torch.float32))


def test_a_factor_start_has_the_prevalences_of_its_cuts() -> None:
    """A latent normal over its cut: the mean probability is that of the normal tail, whatever the loading."""
    g = game()
    prevalence = np.array([0.4, 0.1, 0.02, 0.5, 0.5])
    loadings = np.array([[0.8], [0.5], [0.3], [0.0], [0.0]], dtype=np.float32)
    g.start_from(loadings, (-special.ndtri(prevalence)).astype(np.float32))
    out = g.fakes(200_000, torch.Generator().manual_seed(0)).detach().mean(dim=0).numpy()
    # 1.702 bounds the difference of the two curves by 0.01
    assert np.abs(out[:3] - prevalence[:3]).max() < 0.012


def test_a_shift_moves_what_is_drawn() -> None:
    g = game()
    before = g.fakes(5000, torch.Generator().manual_seed(0)).detach().mean(dim=0)
    g.shift(np.array([-3, 0, 3, 0, 0], dtype=np.float32), np.array([0, 0, 0, 2, 0], dtype=np.float32))
    after = g.fakes(5000, torch.Generator().manual_seed(0)).detach().mean(dim=0)
    assert after[0] > before[0]
    torch.testing.assert_close(after[1], before[1])
    assert after[2] < before[2]
    assert after[3] > before[3]


def test_it_says_what_a_private_loop_must_know() -> None:
    assert game().mixes_rows
    assert "discriminator" in game().touches_patients
