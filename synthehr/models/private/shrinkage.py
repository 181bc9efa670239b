"""Empirical Bayes: what a noisy count says, given what all noisy counts say.

A noisy count of -30 stands for a code that hardly anybody has, and one of +30 mostly too, where hundreds of codes are
as rare. The distribution of true counts is estimated from all of them, whatever its form (Kiefer and Wolfowitz 1956;
Koenker and Mizera 2014, doi 10.1080/01621459.2013.869224), and each count gets its posterior mean. Released numbers
alone go in, so nothing of it costs privacy.
"""

import numpy as np

from privacy.mechanisms import Floats

GRID, ROUNDS = 80, 300


def posterior_mean(noisy: Floats, noise: Floats, *, most: float) -> Floats:
    """(k,) posterior means, at least 0, of counts seen with Gaussian noise of standard deviations `noise` (k,).

    most: the largest count there can be. The prior is the nonparametric maximum-likelihood estimate over 0 and a
    geometric grid up to `most`, by expectation maximisation; between counts and grid, what is known better than the
    grid's step keeps its own value.
    """
    grid = np.concatenate([[0.0], np.geomspace(0.5, max(most, 1.0), GRID)])
    # within a step of the grid the prior is flat: its width adds to the noise, or sharp counts would fall between
    width = np.gradient(grid) / np.sqrt(12)
    spread = np.sqrt(np.square(noise)[:, None] + np.square(width))
    log_likelihood = -0.5 * np.square((noisy[:, None] - grid) / spread) - np.log(spread)
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    prior = np.full(len(grid), 1 / len(grid))
    for _ in range(ROUNDS):
        weight = likelihood * prior
        weight /= weight.sum(axis=1, keepdims=True)
        prior = weight.mean(axis=0)
    # inside a step: the mean of the normal of the step's width and the noisy count
    share = np.square(width) / (np.square(width) + np.square(noise)[:, None])
    inside = grid + share * (noisy[:, None] - grid)
    return np.asarray(np.maximum((weight * inside).sum(axis=1), 0.0))
