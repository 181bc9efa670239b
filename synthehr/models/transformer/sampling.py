"""Drawing patients token by token, with the keys and values of what is drawn kept."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sequences import Ints, Layout

ROWS = 1_024


@torch.no_grad()
def draw(network: Network, layout: Layout, n: int, rng: np.random.Generator) -> sparse.csr_matrix:
    """N patients: canonical CSR (n, n_codes) uint16 of 0 and 1, a function of `rng` and n."""
    network.eval()
    if n == 0:
        return sparse.csr_matrix((0, len(layout.vocabulary)), dtype=np.uint16)
    parts = [_Draw(network, layout, min(ROWS, n - start), rng).rows() for start in range(0, n, ROWS)]
    return sparse.vstack(parts, format="csr")


@torch.no_grad()
def prevalences(network: Network, layout: Layout, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(n_tokens,) share of patients whom the network gives each token, by the probabilities met in n draws.

    Every token is drawn at most once, so the probabilities that it had at each step add up to its prevalence: of a code
    of one patient in 50,000 they say more than whether somebody among n was given it.
    """
    network.eval()
    met = np.zeros(layout.n_tokens)
    for start in range(0, n, ROWS):
        _Draw(network, layout, min(ROWS, n - start), rng, met).rows()
    return met / n


class _Draw:
    """Some patients while they are drawn; those with most codes stand first, so that who is done drops off the end.

    met: (n_tokens,) where the probabilities that each token had are added up, if somebody wants to know.
    """

    def __init__(
        self, network: Network, layout: Layout, n: int, rng: np.random.Generator, met: NDArray[np.float64] | None = None
    ) -> None:
        self.network, self.layout, self.n, self.rng, self.met = network, layout, n, rng, met
        self.device = next(network.parameters()).device
        self.tokens = self.heads = np.zeros((n, 0), dtype=np.int64)
        heads, width = network.size.heads, network.size.width
        shape = (network.size.layers, 2, n, heads, layout.n_heads, width // heads)
        self.kept = torch.empty(shape, device=self.device)

    def rows(self) -> sparse.csr_matrix:
        """Draw groups and sizes, then codes."""
        layout = self.layout
        for block in range(layout.n_heads):
            low, high = (np.full(self.n, layout.starts[block + k]) for k in (0, 1))
            self._step(np.full(self.n, block), np.zeros(self.n, dtype=np.int64), low, high)
        self.heads = self.tokens
        sizes = self._sizes()
        order = np.argsort(-sizes.sum(axis=1), kind="stable")
        drawn = self._codes(sizes[order], order)
        return self._matrix(order, drawn)

    def _sizes(self) -> Ints:
        """(n, systems) exact number of codes of each system."""
        layout, groups = self.layout, len(self.layout.groups)
        found = []
        for k in range(len(layout.systems)):
            chosen = self.tokens[:, groups + k] - layout.starts[groups + k]
            found.append(layout.size_of(k, chosen, self.rng.random(self.n)))
        return np.stack(found, axis=1) if found else np.zeros((self.n, 0), dtype=np.int64)

    def _codes(self, sizes: Ints, order: Ints) -> NDArray[np.int64]:
        """Draw the codes of all systems; (n, longest) tokens, -1 where a patient has no more."""
        layout, total, ends = self.layout, sizes.sum(axis=1), np.cumsum(sizes, axis=1)
        self.tokens = self.tokens[order]
        longest = int(total.max(initial=0))
        *first, heads, length, width = self.kept.shape
        grown = torch.empty((*first, heads, length + longest, width), device=self.device)
        grown[..., :length, :] = self.kept[:, :, torch.from_numpy(order).to(self.device)]
        self.kept = grown
        drawn = np.full((self.n, longest), -1, dtype=np.int64)
        for t in range(longest):
            live = int(np.searchsorted(-total, -t, side="left"))
            system = (ends[:live] <= t).sum(axis=1)
            left = ends[np.arange(live), system] - t
            begins = layout.starts[layout.n_heads + system]
            is_first = left == sizes[np.arange(live), system]
            low = begins if t == 0 else np.where(is_first, begins, drawn[:live, t - 1] + 1)
            high = layout.starts[layout.n_heads + system + 1] - (left - 1)
            self.tokens = self.tokens[:live]
            self._step(layout.n_heads + system, left, low, high)
            drawn[:live, t] = self.tokens[:, -1]
        return drawn

    def _step(self, block: Ints, left: Ints, low: Ints, high: Ints) -> None:
        """Draw one token in [low, high) for each live patient."""
        at, live = self.tokens.shape[1], len(self.tokens)
        before = self.tokens[:, -1] if at else np.full(live, self.network.start)
        x = self.network.embed(*(self._tensor(part)[:, None] for part in (before, block, left)))
        for layer, (keys, values) in zip(self.network.layers, self.kept[:, :, :live], strict=True):
            x = layer.step(x, keys, values, at)  # type: ignore[operator]
        hidden = self.network.norm(x[:, 0])
        uniform, drawn = self.rng.random(live, dtype=np.float32), np.empty(live, dtype=np.int64)
        for k in np.unique(block):
            rows = np.flatnonzero(block == k)
            start, stop = (int(token) for token in self.layout.starts[k : k + 2])
            logits = self.network.logits(hidden[self._tensor(rows)], start, stop)
            bounds = self._tensor(low[rows] - start), self._tensor(high[rows] - start)
            chances = _allowed(logits, *bounds)
            if self.met is not None:
                self.met[start:stop] += chances.sum(dim=0).cpu().numpy()
            drawn[rows] = start + _inverse(chances, *bounds, self._tensor(uniform[rows])).cpu().numpy()
        self.tokens = np.concatenate([self.tokens, drawn[:, None]], axis=1)

    def _tensor(self, part: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(part)).to(self.device)

    def _matrix(self, order: Ints, drawn: Ints) -> sparse.csr_matrix:
        layout = self.layout
        patient, step = np.nonzero(drawn >= 0)
        columns = [layout.column[drawn[patient, step]]]
        rows = [order[patient]]
        for k in range(len(layout.groups)):
            columns.append(layout.column[self.heads[:, k]])
            rows.append(np.arange(self.n))
        where = np.concatenate(rows), np.concatenate(columns)
        made = sparse.csr_matrix(
            (np.ones(len(where[0]), dtype=np.uint16), where), shape=(self.n, len(layout.vocabulary))
        )
        made.sort_indices()
        return made


def _allowed(logits: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Probabilities of the indices from low to high - 1 of each row, 0 elsewhere."""
    index = torch.arange(logits.shape[1], device=logits.device)
    barred = (index < low[:, None]) | (index >= high[:, None])
    return torch.softmax(logits.masked_fill_(barred, -torch.inf), dim=1)


def _inverse(chances: Tensor, low: Tensor, high: Tensor, uniform: Tensor) -> Tensor:
    """For each row the index, from low to high - 1, at which the cumulative probability passes `uniform`."""
    weights = chances.cumsum(dim=1)
    reached = torch.searchsorted(weights, (uniform * weights[:, -1])[:, None], right=True)[:, 0]
    return torch.minimum(torch.maximum(reached, low), high - 1)
