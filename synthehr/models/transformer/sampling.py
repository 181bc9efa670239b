"""Drawing patients token by token, with the keys and values of what is drawn kept."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from synthehr.models.barred import Barred
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sequences import Ints, Layout

ROWS = 1_024


@torch.no_grad()
def draw(network: Network, layout: Layout, barred: Barred, n: int, rng: np.random.Generator) -> sparse.csr_matrix:
    """N patients: canonical CSR (n, n_codes) uint16, a function of `rng` and n.

    A code that is barred by a patient's sex or age is not drawn, unless fewer codes of its system than the patient must
    have would be left.
    """
    network.eval()
    if n == 0:
        return sparse.csr_matrix((0, len(layout.vocabulary)), dtype=np.uint16)
    parts = [_Draw(network, layout, barred, min(ROWS, n - start), rng).rows() for start in range(0, n, ROWS)]
    return sparse.vstack(parts, format="csr")


@dataclass(frozen=True)
class Met:
    """The probabilities met in drawing n patients, added up and divided by n.

    Every token is drawn at most once, so those that it had at each step add up to its prevalence: of a code of one
    patient in 50,000 they say more than whether somebody among n was given it. token: (n_tokens,). level: (n_tokens,
    n_levels) of the tokens that were drawn, those of their levels.
    """

    token: NDArray[np.float64]
    level: NDArray[np.float64]


@torch.no_grad()
def prevalences(network: Network, layout: Layout, barred: Barred, n: int, rng: np.random.Generator) -> Met:
    """Share of patients whom the network gives each token and each level of it, by n draws."""
    network.eval()
    met = Met(np.zeros(layout.n_tokens), np.zeros((layout.n_tokens, network.n_levels)))
    for start in range(0, n, ROWS):
        _Draw(network, layout, barred, min(ROWS, n - start), rng, met).rows()
    return Met(met.token / n, met.level / n)


class _Draw:
    """Some patients while they are drawn; those with most codes stand first, so that who is done drops off the end.

    met: where the probabilities that each token and level had are added up, if somebody wants to know.
    """

    def __init__(
        self,
        network: Network,
        layout: Layout,
        barred: Barred,
        n: int,
        rng: np.random.Generator,
        met: Met | None = None,
    ) -> None:
        self.network, self.layout, self.barred, self.n, self.rng, self.met = network, layout, barred, n, rng, met
        self.device = next(network.parameters()).device
        self.tokens = self.heads = np.zeros((n, 0), dtype=np.int64)
        self.level = np.zeros(n, dtype=np.int64)  # of the last token
        heads, width = network.size.heads, network.size.width
        shape = (network.size.layers, 2, n, heads, layout.n_heads, width // heads)
        self.kept = torch.empty(shape, device=self.device)

    def rows(self) -> sparse.csr_matrix:
        """Draw groups and sizes, then codes."""
        layout = self.layout
        for block in range(layout.n_heads):
            self._step(np.full(self.n, block), np.zeros(self.n, dtype=np.int64), np.full(self.n, layout.starts[block]))
        self.heads = self.tokens
        sizes = self._sizes()
        order = np.argsort(-sizes.sum(axis=1), kind="stable")
        self.room = self._room(sizes)[self._tensor(order)]
        return self._matrix(order, *self._codes(sizes[order], order))

    def _room(self, sizes: Ints) -> Tensor:
        """(n, n_codes) int32: from each code to the end of its system so many may be drawn; 0 where it is barred."""
        layout = self.layout
        first = int(layout.starts[layout.n_heads])
        open_ = ~self.barred.of(layout.column[self.heads[:, : len(layout.groups)]])[:, layout.column[first:]]
        room = np.empty(open_.shape, dtype=np.int32)
        for k, columns in enumerate(layout.systems):
            start = int(layout.starts[layout.n_heads + k]) - first
            part = open_[:, start : start + len(columns)]
            part |= (part.sum(axis=1) < sizes[:, k])[:, None]  # the size is met, come what may
            room[:, start : start + len(columns)] = np.where(part, part[:, ::-1].cumsum(axis=1)[:, ::-1], 0)
        return self._tensor(room)

    def _sizes(self) -> Ints:
        """(n, systems) exact number of codes of each system."""
        layout, groups = self.layout, len(self.layout.groups)
        found = []
        for k in range(len(layout.systems)):
            chosen = self.tokens[:, groups + k] - layout.starts[groups + k]
            found.append(layout.size_of(k, chosen, self.rng.random(self.n)))
        return np.stack(found, axis=1) if found else np.zeros((self.n, 0), dtype=np.int64)

    def _codes(self, sizes: Ints, order: Ints) -> tuple[Ints, Ints]:
        """Draw the codes of all systems; (n, longest) tokens, -1 where a patient has no more, and their levels."""
        layout, total, ends = self.layout, sizes.sum(axis=1), np.cumsum(sizes, axis=1)
        self.tokens = self.tokens[order]
        longest = int(total.max(initial=0))
        *first, heads, length, width = self.kept.shape
        grown = torch.empty((*first, heads, length + longest, width), device=self.device)
        grown[..., :length, :] = self.kept[:, :, torch.from_numpy(order).to(self.device)]
        self.kept = grown
        drawn, levels = np.full((self.n, longest), -1, dtype=np.int64), np.zeros((self.n, longest), dtype=np.int64)
        for t in range(longest):
            live = int(np.searchsorted(-total, -t, side="left"))
            system = (ends[:live] <= t).sum(axis=1)
            left = ends[np.arange(live), system] - t
            begins = layout.starts[layout.n_heads + system]
            is_first = left == sizes[np.arange(live), system]
            low = begins if t == 0 else np.where(is_first, begins, drawn[:live, t - 1] + 1)
            self.tokens, self.level = self.tokens[:live], self.level[:live]
            self._step(layout.n_heads + system, left, low)
            drawn[:live, t], levels[:live, t] = self.tokens[:, -1], self.level
        return drawn, levels

    def _step(self, block: Ints, left: Ints, low: Ints) -> None:
        """Draw one token, `low` or a later one of its block, for each live patient."""
        at, live = self.tokens.shape[1], len(self.tokens)
        before = self.tokens[:, -1] if at else np.full(live, self.network.start)
        x = self.network.embed(*(self._tensor(part)[:, None] for part in (before, block, left, self.level)))
        for layer, (keys, values) in zip(self.network.layers, self.kept[:, :, :live], strict=True):
            x = layer.step(x, keys, values, at)  # type: ignore[operator]
        hidden = self.network.norm(x[:, 0])
        uniform, drawn = self.rng.random(live, dtype=np.float32), np.empty(live, dtype=np.int64)
        for k in np.unique(block):
            rows = np.flatnonzero(block == k)
            start, stop = (int(token) for token in self.layout.starts[k : k + 2])
            logits = self.network.logits(hidden[self._tensor(rows)], start, stop)
            chances = self._chances(logits, int(k), rows, left[rows], low[rows])
            if self.met is not None:
                self.met.token[start:stop] += chances.sum(dim=0).cpu().numpy()
            drawn[rows] = start + _inverse(chances, self._tensor(uniform[rows])).cpu().numpy()
        self.tokens = np.concatenate([self.tokens, drawn[:, None]], axis=1)
        if self.network.n_levels > 1 and block[0] >= self.layout.n_heads:
            self._draw_level(hidden, drawn)

    def _draw_level(self, hidden: Tensor, token: Ints) -> None:
        """Draw how often each code that has just been drawn is recorded."""
        chances = torch.softmax(self.network.level_logits(hidden, self._tensor(token)), dim=1)
        if self.met is not None:
            np.add.at(self.met.level, token, chances.cpu().numpy())
        uniform = self.rng.random(len(token), dtype=np.float32)
        self.level = _inverse(chances, self._tensor(uniform)).cpu().numpy()

    def _chances(self, logits: Tensor, block: int, rows: Ints, left: Ints, low: Ints) -> Tensor:
        """Probabilities of a block's tokens: 0 below `low`, where too few for `left` would follow, and beyond reach."""
        layout, index = self.layout, torch.arange(logits.shape[1], device=logits.device)
        barred = index < self._tensor(low - layout.starts[block])[:, None]
        if block >= layout.n_heads:
            start = int(layout.starts[block] - layout.starts[layout.n_heads])
            barred |= self.room[self._tensor(rows), start : start + len(index)] < self._tensor(left)[:, None]
            reach = layout.reach[block - layout.n_heads]
            far = index > self._tensor(reach[np.minimum(left, len(reach) - 1)])[:, None]
            far |= barred
            barred = torch.where(far.all(dim=1, keepdim=True), barred, far)  # beyond it, if nothing is within
        return torch.softmax(logits.masked_fill_(barred, -torch.inf), dim=1)

    def _tensor(self, part: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(part)).to(self.device)

    def _matrix(self, order: Ints, drawn: Ints, levels: Ints) -> sparse.csr_matrix:
        layout = self.layout
        patient, step = np.nonzero(drawn >= 0)
        columns, rows = [layout.column[drawn[patient, step]]], [order[patient]]
        counts = np.ones(len(patient), dtype=np.int64)
        if len(layout.levels) > 1:
            counts = layout.count_of(levels[patient, step], self.rng.random(len(patient)))
        for k in range(len(layout.groups)):
            columns.append(layout.column[self.heads[:, k]])
            rows.append(np.arange(self.n))
        of_groups = np.ones(self.n * len(layout.groups), dtype=np.int64)
        values = np.concatenate([counts, of_groups]).astype(np.uint16)
        where = np.concatenate(rows), np.concatenate(columns)
        made = sparse.csr_matrix((values, where), shape=(self.n, len(layout.vocabulary)))
        made.sort_indices()
        return made


def _inverse(chances: Tensor, uniform: Tensor) -> Tensor:
    """For each row the index at which the cumulative probability passes `uniform`; never one of probability 0."""
    weights = chances.cumsum(dim=1)
    total = weights[:, -1]
    target = torch.minimum(uniform * total, torch.nextafter(total, torch.zeros_like(total)))  # a product may round up
    return torch.searchsorted(weights, target[:, None], right=True)[:, 0]
