"""Calibration: what the network draws is given the prevalences of the training patients.

A network that is likely enough record by record still draws the rarest codes several times too often: errors of many
steps add up at the end of the order, where little else is left to choose. One number a token puts that right.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from synthehr.models.barred import Barred
from synthehr.models.transformer.likelihood import PRIOR_CODES, level_shares
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.sampling import prevalences
from synthehr.models.transformer.sequences import Layout, Sequences
from synthehr.progress import Progress, silent

STEPS = (0.9, 0.7, 0.5, 0.3)  # share of the log ratio that each round corrects: tokens move each other, draws are noisy
MOST = 2.0  # nats that a round moves a token by


def calibrate(
    network: Network,
    layout: Layout,
    barred: Barred,
    wanted: NDArray[np.float64],
    *,
    draws: int,
    seed: int,
    levels_of: Sequences | None = None,
    progress: Progress = silent,
) -> NDArray[np.float64]:
    """Move the bias of each token, and of its levels, until draws have the prevalences that are wanted.

    wanted: (n_tokens,) shares of patients; a token of 0 stays as it is. draws: patients of each round, drawn and thrown
    away. levels_of: patients whose levels of counts are wanted, where there are any. Returns the largest distance of a
    prevalence before each round, (rounds,).
    """
    rng, gaps = np.random.default_rng([seed, 8]), []
    for k, step in enumerate(STEPS):
        met = prevalences(network, layout, barred, draws, rng)
        gaps.append(float(np.abs(met.token - wanted).max()))
        seen = wanted > 0  # a token that no training patient has keeps the little it was given at the start
        ratio = np.log(wanted[seen] / np.maximum(met.token[seen], 1e-12))
        shift = np.zeros(layout.n_tokens)
        shift[seen] = np.clip(step * ratio, -MOST, MOST)
        with torch.no_grad():
            network.bias.add_(torch.from_numpy(shift).to(network.bias))
        if levels_of is not None and network.n_levels > 1:
            _calibrate_levels(network, levels_of, draws * met.level, step)
        progress("calibrate", k + 1, len(STEPS), "round")
    return np.asarray(gaps)


def _calibrate_levels(network: Network, train: Sequences, met: NDArray[np.float64], step: float) -> None:
    """Move the levels of each code towards how often training patients have it recorded, as far as draws can tell."""
    wanted, drawn = level_shares(train, network.start, network.n_levels), met.sum(axis=1, keepdims=True)
    found = (met + PRIOR_CODES * wanted) / (drawn + PRIOR_CODES)  # a code drawn hardly ever stays as it is
    shift = np.clip(step * np.log(wanted / found), -MOST, MOST)
    with torch.no_grad():
        network.level_bias.add_(torch.from_numpy(shift).to(network.level_bias))
