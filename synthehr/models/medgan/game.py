"""medGAN as a game for the adversarial loop: its losses (equations 3 to 5) and which parts of it see patients."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.draw import InnerHead, draw
from synthehr.models.medgan.moments import PairMoments
from synthehr.models.medgan.networks import Decoder, Discriminator, Encoder, ShortcutGenerator
from synthehr.models.sizes import SizeHead

MOST_SHIFT = 20.0  # a code that no training patient has keeps a finite logit
PROBIT = 1.702  # a logistic of 1.702 x is within 0.01 of the normal distribution function of x


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes and step of the paper's setting (section 3.1).

    embedding_dim: of the autoencoder, and of the noise. generator_layers: shortcut layers beyond the last.
    discriminator_dims: hidden layers. learning_rate: Adam. l2: coefficient of the sum of squared weights, halved.
    drawn, draw_noise, pair_weight: beyond the paper, see `MedganOptions`.
    """

    embedding_dim: int = 128
    generator_layers: int = 2
    discriminator_dims: tuple[int, ...] = (256, 128)
    learning_rate: float = 1e-3
    l2: float = 1e-3
    binary: bool = True
    drawn: bool = False
    draw_noise: float = 1.0
    pair_weight: float = 0.0


class PlayerG(nn.Module):
    """The generating side: noise to embedding to record; the decoder goes on learning here, as in the paper."""

    def __init__(self, shape: Shape, columns: Columns) -> None:
        super().__init__()
        self.noise_dim = shape.embedding_dim
        dims = (shape.embedding_dim,) * (shape.generator_layers + 2)
        self.embed = ShortcutGenerator(dims, binary=shape.binary)
        self.decode = Decoder(shape.embedding_dim, columns, binary=shape.binary)

    def forward(self, noise: Tensor) -> Tensor:
        """Records (rows, d) in the inner order, activated, not discrete."""
        record: Tensor = self.decode(self.embed(noise))
        return record


class Pretraining:
    """The autoencoder, and the decoder that it hands to the game."""

    def __init__(self, shape: Shape, columns: Columns, decoder: Decoder, device: torch.device) -> None:
        self.encoder = Encoder(len(columns.order), shape.embedding_dim, binary=shape.binary).to(device)
        self.decoder = decoder
        self.both = nn.ModuleList([self.encoder, decoder])
        self.optimizer = _adam(self.both, shape)
        self.state_dict = self.both.state_dict
        self.load_state_dict = self.both.load_state_dict

    def reconstruction_loss(self, real: Tensor) -> Tensor:
        """Equation 1 or 2."""
        return self.decoder.reconstruction_loss(self.encoder(real), real)


class MedganGame:
    """Discriminator against generator and decoder."""

    touches_patients = ("discriminator", "autoencoder")
    mixes_rows = True  # minibatch averaging: each real row's gradient depends on the batch's other rows

    def __init__(
        self,
        shape: Shape,
        columns: Columns,
        device: torch.device,
        *,
        heads: tuple[SizeHead, ...] = (),
        moments: PairMoments | None = None,
    ) -> None:
        self.shape, self.device, self.columns, self.moments = shape, device, columns, moments
        self.heads = tuple(InnerHead.of(head, columns, device) for head in heads)
        self.generator = PlayerG(shape, columns).to(device)
        self.discriminator = Discriminator(len(columns.order), shape.discriminator_dims).to(device)
        self.generator_optimizer = _adam(self.generator, shape)
        self.discriminator_optimizer = _adam(self.discriminator, shape)

    @torch.no_grad()
    def start_from(self, loadings: NDArray[np.float32], cuts: NDArray[np.float32]) -> None:
        """Make the generator a factor model: loadings (d, k <= embedding_dim), latent cuts (d,), inner column order.

        The shortcuts carry the noise to the decoder untouched (their branches are scaled to zero), and the decoder's
        logits are the probits (loading . z - cut) / unique standard deviation, on the logistic scale.
        """
        scale = PROBIT / np.sqrt(np.maximum(1 - np.square(loadings).sum(axis=1), 0.02))
        decode = self.generator.decode.linear
        decode.weight.zero_()
        decode.weight[:, : loadings.shape[1]] = torch.from_numpy(loadings * scale[:, None])
        decode.bias.copy_(torch.from_numpy((-cuts * scale).astype(np.float32)))
        for norm in self.generator.embed.norms:
            for scale_of_branch in list(norm.parameters())[:1]:
                scale_of_branch.zero_()

    @torch.no_grad()
    def shift(self, levels: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Move the decoder so that what is drawn has calibrated marginals: first levels and group biases, inner order.

        An uncalibrated start gives the discriminator an easy win by the batch mean, and the generator wrong pairs.
        """
        n_free = self.columns.n_free
        move = np.concatenate([-np.clip(levels[:n_free], -MOST_SHIFT, MOST_SHIFT), bias[n_free:]])
        self.generator.decode.linear.bias.add_(torch.from_numpy(move.astype(np.float32)).to(self.device))

    def fakes(self, size: int, noise: torch.Generator) -> Tensor:
        """A batch of generated records (size, d), differentiable."""
        z = torch.randn(size, self.shape.embedding_dim, generator=noise, device=self.device)
        record: Tensor = self.generator(z)
        return record

    def discriminator_loss(self, real: Tensor, noise: torch.Generator) -> Tensor:
        """Equation 3: -log D(x) - log(1 - D(Dec(G(z)))), means over the batch."""
        with torch.no_grad():
            fake = self.shown(self.fakes(len(real), noise), noise)
        on_real, on_fake = self.discriminator(real), self.discriminator(fake)
        right = binary_cross_entropy_with_logits(on_real, torch.ones_like(on_real))
        return right + binary_cross_entropy_with_logits(on_fake, torch.zeros_like(on_fake))

    def generator_loss(self, size: int, noise: torch.Generator) -> Mapping[str, Tensor]:
        """The non-saturating form that the original code uses: -log D(Dec(G(z)))."""
        records = self.fakes(size, noise)
        shown = self.shown(records, noise)
        verdict = self.discriminator(shown)
        terms = {"adversarial": binary_cross_entropy_with_logits(verdict, torch.ones_like(verdict))}
        if self.moments is not None:
            terms["pairs"] = self.shape.pair_weight * self.moments.loss(shown)
        return terms

    def shown(self, records: Tensor, noise: torch.Generator) -> Tensor:
        """What the discriminator sees of generated records: as they are (the paper), or drawn."""
        if not self.shape.drawn:
            return records
        return draw(records, self.columns, self.heads, scale=self.shape.draw_noise, noise=noise)


def _adam(module: nn.Module, shape: Shape) -> torch.optim.Adam:
    weights = [p for p in module.parameters() if p.ndim > 1]
    rest = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": shape.l2}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.Adam(groups, lr=shape.learning_rate, foreach=True)
