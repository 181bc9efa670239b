"""A trained medGAN generator with the cut that makes its scores records: all that a release needs of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.barred import Barred
from synthehr.models.discretise import Cut, calibrate
from synthehr.models.marginals import Marginals
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.game import PlayerG, Shape
from synthehr.models.sizes import SizeHead, extended_vocabulary, size_heads

SETTLING_BATCHES, SETTLING_ROWS = 16, 1000
ROWS = 1_024  # patients drawn at a time: their scores stay in the processor's cache
EDGE = 1e-7  # uniform draws are held this far from 0 and 1 before their logit is taken


@dataclass(frozen=True)
class Sampler:
    """player: generator and decoder, in eval mode. columns: its column order. noise: scale of logistic noise.

    cut: see `Cut`, calibrated to this player at this noise.
    """

    player: PlayerG
    columns: Columns
    noise: float
    cut: Cut

    @staticmethod
    def of(
        state: Mapping[str, torch.Tensor],
        shape: Shape,
        marginals: Marginals,
        heads: tuple[SizeHead, ...],
        barred: Barred | None,
        *,
        noise: float,
        pool: int,
        seed: int,
    ) -> "Sampler":
        """Adopt a generator state: settle its batch statistics, draw a pool of scores, calibrate the cut to it."""
        columns = Columns.of(marginals.vocabulary)
        player = PlayerG(shape, columns).to(next(iter(state.values())).device)
        player.load_state_dict(dict(state), strict=False)
        _settle(player, shape.embedding_dim, seed)
        scores = _scores(player, columns, noise, pool, np.random.default_rng([seed, 8]))
        return Sampler(player, columns, noise, calibrate(scores, marginals, heads, barred))

    def sample(self, n: int, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients: canonical CSR (n, n_codes) uint16."""
        blocks = [min(ROWS, n - start) for start in range(0, max(n, 1), ROWS)]
        drawn = [self.cut.apply(_scores(self.player, self.columns, self.noise, rows, rng)) for rows in blocks]
        return sparse.vstack(drawn, format="csr")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as named arrays: generator and decoder, no discriminator, no encoder."""
        cut = self.cut
        found: dict[str, NDArray[Any]] = {f"player.{k}": v.cpu().numpy() for k, v in self.player.state_dict().items()}
        found |= {"offsets": cut.marginals.offsets, "tails": cut.marginals.tails, "levels": cut.levels}
        found |= {f"sizes.{head.system}": head.values for head in cut.heads}
        found |= {} if cut.barred is None else {"rules": cut.barred.rules}
        return found | {"bias": cut.bias, "noise": np.array([self.noise])}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], shape: Shape, vocabulary: Vocabulary) -> "Sampler":
        """Put `arrays` back together, on the CPU."""
        heads = size_heads(vocabulary, _prefixed(arrays, "sizes."))
        wide = extended_vocabulary(vocabulary, heads)
        columns = Columns.of(wide)
        player = PlayerG(shape, columns)
        player.load_state_dict({k: torch.from_numpy(v) for k, v in _prefixed(arrays, "player.").items()})
        player.eval()
        marginals = Marginals(wide, arrays["offsets"], arrays["tails"])
        barred = Barred(arrays["rules"], len(wide)) if "rules" in arrays else None
        cut = Cut(marginals, arrays["levels"], arrays["bias"], heads, barred)
        return Sampler(player, columns, float(arrays["noise"][0]), cut)


def _prefixed(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


@torch.no_grad()
def _scores(player: PlayerG, columns: Columns, noise: float, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(n, n_columns) scores in the order of the extended vocabulary."""
    device = next(player.parameters()).device
    z = rng.standard_normal((n, player.noise_dim), dtype=np.float32)
    inner: NDArray[np.float32] = player.decode.scores(player.embed(torch.from_numpy(z).to(device))).cpu().numpy()
    groups = inner[:, columns.n_free :]
    groups += rng.gumbel(size=groups.shape).astype(np.float32)
    if noise:
        uniform = rng.random((n, columns.n_free), dtype=np.float32)
        np.clip(uniform, EDGE, 1 - EDGE, out=uniform)
        odds = np.divide(uniform, 1 - uniform, out=uniform)
        inner[:, : columns.n_free] += noise * np.log(odds, out=odds)
    return columns.outer(inner)


@torch.no_grad()
def _settle(player: PlayerG, embedding_dim: int, seed: int) -> None:
    """Recompute the batch-normalisation statistics that averaged weights need, from noise alone; leaves eval mode."""
    device = next(player.parameters()).device
    noise = torch.Generator(device=device).manual_seed(seed)
    for norm in player.embed.norms:
        norm.reset_running_stats()  # type: ignore[operator]
        norm.momentum = None  # type: ignore[assignment]  # cumulative average
    player.train()
    for _ in range(SETTLING_BATCHES):
        player.embed(torch.randn(SETTLING_ROWS, embedding_dim, generator=noise, device=device))
    player.eval()
