"""Bernoulli mixture: patients come in groups, and within a group codes are independent. Fitted by EM on sparse records.

Expectation-maximisation of Dempster, Laird and Rubin (1977), with each group's prevalences drawn towards the whole's
by pseudo-patients: a code that no member of a small group has is not thereby impossible.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

PSEUDO_PATIENTS = 1.0
ROUNDS = 40
TOLERANCE = 1e-4  # of the mean log density of a round, in nats


@dataclass(frozen=True)
class Mixture:
    """weights: (k,) log shares. odds: (n_codes, k) logits of the prevalences. offset: (k,) log density of no code."""

    weights: NDArray[np.float32]
    odds: NDArray[np.float32]
    offset: NDArray[np.float32]

    def log_density(self, records: sparse.csr_matrix) -> NDArray[np.float64]:
        """Natural log of the density at each record, (n,)."""
        return np.asarray(special.logsumexp(self._joint(records), axis=1), dtype=np.float64)

    def _joint(self, records: sparse.csr_matrix) -> NDArray[np.float32]:
        return np.asarray(records.astype(np.float32) @ self.odds + (self.offset + self.weights), dtype=np.float32)


def fit_mixture(records: sparse.csr_matrix, components: int, *, seed: np.random.SeedSequence) -> Mixture:
    """Fit a mixture of `components` groups, started from as many random records.

    records: CSR of 0 and 1, (n, n_codes).

    Raises:
        ValueError: components not in [1, n].
    """
    n = records.shape[0]
    if not 1 <= components <= n:
        raise ValueError(f"components must be between 1 and the {n} records. Got {components} instead.")
    rng = np.random.default_rng(seed)
    overall = np.asarray((records.sum(axis=0) + 0.5) / (n + 1)).ravel()
    wide = records.astype(np.float32)
    # each start is a record among as many pseudo-patients: no code is certain, none impossible
    seeds = wide[rng.choice(n, components, replace=False)].toarray()
    mixture = _of((seeds + overall) / 2, np.full(components, n / components), overall)
    before = -np.inf
    for _ in range(ROUNDS):
        joint = mixture._joint(wide)
        totals = special.logsumexp(joint, axis=1, keepdims=True)
        belongs = np.exp(joint - totals)  # (n, k)
        size = belongs.sum(axis=0, dtype=np.float64)
        mixture = _of((wide.T @ belongs).T / np.maximum(size, 1e-9)[:, None], size, overall)
        now = float(totals.mean())
        if now - before < TOLERANCE:
            break
        before = now
    return mixture


def _of(rates: NDArray[np.floating], size: NDArray[np.floating], overall: NDArray[np.floating]) -> Mixture:
    """rates: (k, n_codes) shares of each group; size: (k,) patients in it."""
    share = (rates * size[:, None] + PSEUDO_PATIENTS * overall) / (size + PSEUDO_PATIENTS)[:, None]
    share = np.clip(share, 1e-7, 1 - 1e-7)
    weights = np.log((size + PSEUDO_PATIENTS) / (size + PSEUDO_PATIENTS).sum())
    odds = np.log(share) - np.log1p(-share)
    parts = (weights, odds.T, np.log1p(-share).sum(axis=1))
    return Mixture(*(np.ascontiguousarray(part, dtype=np.float32) for part in parts))
