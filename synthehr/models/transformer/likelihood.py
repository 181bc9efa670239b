"""The likelihood of patients under a network, exact: what stands where, and what else could."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sequences import Ints, Layout, Sequences

BF16 = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
LEAST_PART = 32  # patients
JUDGED = 1_000  # patients of a batch that is judged
PRIOR_CODES = 20.0  # patients' worth of the counts of all codes that each code's counts are mixed with


@dataclass(frozen=True)
class Asked:
    """Where tokens of one block are asked for.

    place: (n,) positions in the flat arrays. logits: (n, tokens of the block) float32, -inf at what cannot stand there.
    start: the first token of the block.
    """

    place: Ints
    logits: Tensor
    start: int

    def barred(self) -> Tensor:
        """(n, tokens of the block) what cannot stand there."""
        return torch.isneginf(self.logits)


def hidden_of(network: Network, sequences: Sequences, rows: Ints) -> tuple[Tensor, Ints]:
    """Hidden states (n, width) of all tokens of so many patients, and their places (n,) in the flat arrays."""
    shown, places = [], []
    for part in _like_lengths(sequences, rows):
        seen, at, there = seen_of(network, sequences, part)
        shown.append(network(*seen).flatten(0, 1)[_tensor(network, np.flatnonzero(there))])
        places.append(at[there])
    return torch.cat(shown), np.concatenate(places)


def seen_of(network: Network, sequences: Sequences, rows: Ints) -> tuple[tuple[Tensor, ...], Ints, NDArray[np.bool_]]:
    """What the network is shown of so many patients, (rows, longest) each; the places, and which of them are tokens."""
    at, there = sequences.padded(rows)
    before = np.concatenate([np.full((len(rows), 1), network.start), sequences.token[at[:, :-1]]], axis=1)
    level = np.concatenate([np.zeros((len(rows), 1), dtype=np.int64), sequences.level[at[:, :-1]]], axis=1)
    seen = (before, sequences.block[at], sequences.left[at], level)
    return tuple(_tensor(network, part) for part in seen), at, there


def losses_of(
    network: Network, layout: Layout, sequences: Sequences, hidden: Tensor, at: Ints, there: NDArray[np.bool_]
) -> Tensor:
    """Negative log-likelihood (rows,) of each of so many patients, in nats, from hidden states (rows, longest, width).

    at, there: of `seen_of`. Levels of counts are not looked at.
    """
    place, row = at[there], np.nonzero(there)[0]
    order = np.argsort(place, kind="stable")
    found = hidden.new_zeros(len(at))
    for part in asked(network, layout, sequences, hidden[_tensor(network, there)], place):
        target = _tensor(network, sequences.token[part.place] - part.start)
        nats = functional.cross_entropy(part.logits, target, reduction="none")
        own = row[order[np.searchsorted(place, part.place, sorter=order)]]
        found = found.index_add(0, _tensor(network, own), nats)
    return found


def asked(network: Network, layout: Layout, sequences: Sequences, hidden: Tensor, place: Ints) -> Iterator[Asked]:
    """The logits of every place, block by block: a block's own tokens are all that can stand there."""
    block = sequences.block[place]
    for k, (start, stop) in enumerate(pairwise(layout.starts.tolist())):
        chosen = np.flatnonzero(block == k)
        if not len(chosen):
            continue
        where = place[chosen]
        logits = network.logits(hidden[_tensor(network, chosen)], start, stop).float()
        index = torch.arange(start, stop, device=logits.device)
        low, high = (_tensor(network, part[where])[:, None] for part in (sequences.low, sequences.high))
        yield Asked(where, logits.masked_fill_((index < low) | (index >= high), -torch.inf), start)


def levels_asked(
    network: Network, layout: Layout, sequences: Sequences, hidden: Tensor, place: Ints
) -> tuple[Tensor, Ints]:
    """Logits (n, n_levels) of the counts of all codes among these places, and which they are, (n,) of `place`."""
    chosen = np.flatnonzero(sequences.block[place] >= layout.n_heads)
    token = _tensor(network, sequences.token[place[chosen]])
    return network.level_logits(hidden[_tensor(network, chosen)], token), chosen


def loss_of(network: Network, layout: Layout, sequences: Sequences, rows: Ints) -> Tensor:
    """Negative log-likelihood of so many patients, a scalar sum in nats."""
    hidden, place = hidden_of(network, sequences, rows)
    parts = [
        functional.cross_entropy(
            part.logits, _tensor(network, sequences.token[part.place] - part.start), reduction="sum"
        )
        for part in asked(network, layout, sequences, hidden, place)
    ]
    if network.n_levels > 1:
        logits, chosen = levels_asked(network, layout, sequences, hidden, place)
        level = _tensor(network, sequences.level[place[chosen]])
        parts.append(functional.cross_entropy(logits, level, reduction="sum"))
    return torch.stack(parts).sum()


def _tensor(network: Network, part: NDArray[Any]) -> Tensor:
    return torch.from_numpy(part).to(network.bias.device, non_blocking=True)


def _like_lengths(sequences: Sequences, rows: Ints) -> Iterator[Ints]:
    """The rows by length, in parts of a half, a quarter, ...: records are short with a long tail, and pads cost."""
    by_length = rows[np.argsort(sequences.indptr[rows + 1] - sequences.indptr[rows], kind="stable")]
    while len(by_length) > LEAST_PART:
        half = len(by_length) // 2
        yield by_length[:half]
        by_length = by_length[half:]
    yield by_length


def autocast(network: Network) -> torch.autocast:
    """Products in bfloat16 where the processor has instructions for them: two to three times as fast."""
    device = network.bias.device.type
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda" or BF16)


@torch.no_grad()
def nats(network: Network, layout: Layout, sequences: Sequences) -> float:
    """Mean negative log-likelihood of a patient, in nats."""
    network.eval()
    with autocast(network):
        total = sum(loss_of(network, layout, sequences, rows).item() for rows in sequences.batches(JUDGED, None))
    return float(total) / len(sequences)


def start_at_marginals(network: Network, train: Sequences) -> None:
    """Set the bias to the log frequency of each token, so that training starts from independent codes."""
    seen = np.bincount(train.token, minlength=network.start) + 0.5
    with torch.no_grad():
        network.bias.copy_(torch.from_numpy(np.log(seen / len(train))))
        if network.n_levels > 1:
            network.level_bias.copy_(torch.from_numpy(np.log(level_shares(train, network.start, network.n_levels))))


def level_shares(train: Sequences, n_tokens: int, n_levels: int) -> NDArray[np.float64]:
    """(n_tokens, n_levels) how often each code is recorded, drawn to how often codes are: rare ones say little."""
    cells = np.bincount(train.token * n_levels + train.level, minlength=n_tokens * n_levels).astype(np.float64)
    counts = cells.reshape(n_tokens, n_levels)
    overall = np.bincount(train.level[train.left > 0], minlength=n_levels) + 1.0
    counts += PRIOR_CODES * overall / overall.sum()
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))
