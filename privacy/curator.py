"""The curator: the one object that reads patients for a private release, and answers through mechanisms alone.

A generator that is to be private is given a curator and nothing else. Each question is entered in the ledger before it
is answered; what cannot be accounted for, the ledger refuses.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Floats, Gaussian, clipped, gaussian, symmetric_gaussian, threshold
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling

if TYPE_CHECKING:  # counts need no torch
    from torch import Tensor, nn

    from privacy.gradients.descent import Descent
    from privacy.gradients.likelihood import Likelihood, LikelihoodSteps
    from privacy.gradients.step import ClippedGradients, PrivateSteps

PAIR_SENSITIVITY = 0.5**0.5  # sum over i < j of (u_i u_j)^2 = (|u|^4 - sum of u_i^4) / 2 <= 1/2 for |u| <= 1
LEAST = 1e-100  # weight above 0


@dataclass(frozen=True)
class WeightedSum:
    """Noisy sums of scaled records. value: (d,); each has Gaussian noise of standard deviation `noise`."""

    value: Floats
    noise: float


@dataclass(frozen=True)
class WeightedPairs:
    """Noisy sums of products of scaled records. value: (d, d) symmetric, zero diagonal; noise: of each pair above."""

    value: Floats
    noise: float


class Curator:
    """Patients, asked through mechanisms.

    records: CSR (n, d) of 0 and 1; each row must be worked out from one patient alone, with columns that were chosen
    without looking at patients. ledger: with a budget. source: of the noise.

    How many patients there are is secret too, and never told: ask for the sum of a column that all of them have.

    Raises:
        ValueError: records that are not of 0 and 1.
    """

    def __init__(self, records: sparse.csr_matrix, ledger: Ledger, source: NoiseSource) -> None:
        rows = sparse.csr_matrix(records, dtype=np.float64, copy=True)
        rows.sum_duplicates()  # a place that is listed twice holds 2, and would pass for two of 1
        if rows.nnz and not np.all(rows.data == 1.0):
            raise ValueError("The 'records' parameter of Curator must be of 0 and 1: the sensitivities rest on it.")
        self._rows, self.ledger, self._source = rows, ledger, source

    @property
    def n_columns(self) -> int:
        """How many columns the records have: public, except where columns are told by `frequent`."""
        return int(self._rows.shape[1])

    def sums(self, query: str, weights: Floats, *, clip: float, noise_multiplier: float) -> WeightedSum:
        """Sums over patients of W x min(1, clip / |W x|), with W the diagonal matrix of `weights` (d,), >= 0.

        Each patient's vector has norm `clip` at most, which is the L2 sensitivity, whatever the record holds. Weights
        that are small for common codes leave room for rare ones: flat weights and `clip` = sqrt(L) are counts of
        records clipped to L codes.
        """
        self._enter(query, sensitivity=clip, noise_multiplier=noise_multiplier)
        weights = self._checked(weights)
        scale = clipped(self._norms(weights), clip)
        total = np.asarray(self._rows.T @ scale) * weights
        stream = self._source.stream(query, bound(weights, clip, noise_multiplier))
        value = gaussian(total, sensitivity=clip, noise_multiplier=noise_multiplier, stream=stream)
        return WeightedSum(value, clip * noise_multiplier)

    def frequent(
        self, query: str, *, clip: float, noise_multiplier: float, delta: float, most: int
    ) -> tuple[NDArray[np.bool_], WeightedSum]:
        """Which columns so many patients fill that no one of them decides it, and their flat sums, as of `sums`.

        For columns that are secret themselves, such as the codes that occur in an extract: those below the threshold
        are not told, and their sums are nan. delta: what it adds to that of the release. most: columns that a patient
        can fill; who fills more is left out. See `privacy.mechanisms.threshold`.
        """
        self._enter(query, sensitivity=clip, noise_multiplier=noise_multiplier, added_delta=delta)
        filled = np.diff(self._rows.indptr)
        scale = np.where(filled <= most, clipped(np.sqrt(filled), clip), 0.0)
        total = np.asarray(self._rows.T @ scale)
        noise = clip * noise_multiplier
        # a column that nobody fills does not occur: its noise must not be able to say that it does
        stream = self._source.stream(query, bound(np.ones(self.n_columns), clip, noise_multiplier))
        noisy = gaussian(total, sensitivity=clip, noise_multiplier=noise_multiplier, stream=stream)
        told = (total > 0) & (noisy > threshold(noise=noise, clip=clip, most=most, delta=delta))
        return told, WeightedSum(np.where(told, noisy, np.nan), noise)

    def pairs(self, query: str, weights: Floats, *, noise_multiplier: float) -> WeightedPairs:
        """Sums over patients of u u', above the diagonal, with u = W x / |W x|, 0 where W x is.

        u has norm 1, so the pairs above the diagonal have an L2 sensitivity of sqrt(1/2), however many codes a patient
        has: without the scaling, L codes would make it sqrt(L (L - 1) / 2).
        """
        self._enter(query, sensitivity=PAIR_SENSITIVITY, noise_multiplier=noise_multiplier)
        weights = self._checked(weights)
        norms = self._norms(weights)
        scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        scaled = sparse.csr_matrix(sparse.diags(scale) @ self._rows @ sparse.diags(weights))
        total = np.asarray((scaled.T @ scaled).todense())
        stream = self._source.stream(query, bound(weights, 1.0, noise_multiplier))
        value = symmetric_gaussian(
            total, sensitivity=PAIR_SENSITIVITY, noise_multiplier=noise_multiplier, stream=stream
        )
        return WeightedPairs(value, PAIR_SENSITIVITY * noise_multiplier)

    def descent(
        self,
        question: str,
        critic: "nn.Module",
        columns: NDArray[np.int64],
        beside: "Tensor",
        *,
        sampling: PoissonSampling,
        clip: float,
        noise_multiplier: float,
        public_rows: int,
    ) -> "Descent":
        """DP-SGD of a critic that tells patients from public rows: see `Descent`. Charged as a whole before the first.

        critic: rows (n, columns + numbers beside) to logits (n, 1), of linear layers and elementwise activations.

        Raises:
            Unaccounted: the budget does not cover the steps. MixesRows: a critic in which rows reach each other.
        """
        from privacy.gradients.descent import Descent
        from privacy.gradients.linear import RowGradients

        gradients = RowGradients(critic)
        steps = self._steps(gradients, question, sampling, clip, noise_multiplier, public_rows)
        return Descent(gradients, steps, self._rows, columns, beside)

    def likelihood(
        self,
        question: str,
        likelihood: "Likelihood",
        *,
        sampling: PoissonSampling,
        clip: float,
        noise_multiplier: float,
    ) -> "LikelihoodSteps":
        """DP-SGD of a model's likelihood, by Opacus' per-row norms: see `LikelihoodSteps`. Charged before the first.

        Raises:
            Unaccounted: the budget does not cover the steps. MixesRows: a module that Opacus refuses.
        """
        from privacy.gradients.likelihood import LikelihoodSteps
        from privacy.gradients.reference import OpacusGradients

        gradients = OpacusGradients(likelihood.module)
        steps = self._steps(gradients, question, sampling, clip, noise_multiplier, 0)
        return LikelihoodSteps(likelihood, gradients, steps, self._rows)

    def _steps(
        self,
        gradients: "ClippedGradients",
        question: str,
        sampling: PoissonSampling,
        clip: float,
        noise_multiplier: float,
        public_rows: int,
    ) -> "PrivateSteps":
        """Steps of these gradients, charged to the ledger of this curator, with noise of its source."""
        from privacy.gradients.step import PrivateSteps

        return PrivateSteps(
            gradients,
            question=question,
            sampling=sampling,
            clip=clip,
            noise_multiplier=noise_multiplier,
            public_rows=public_rows,
            ledger=self.ledger,
            source=self._source,
        )

    def _enter(self, query: str, *, sensitivity: float, noise_multiplier: float, added_delta: float = 0.0) -> None:
        mechanism = Gaussian(noise_multiplier=noise_multiplier)
        entry = Entry(query=query, mechanism=mechanism, sensitivity=sensitivity, added_delta=added_delta)
        self.ledger.spend(entry)

    def _checked(self, weights: Floats) -> Floats:
        given = np.asarray(weights, dtype=np.float64)
        # not so small that their squares vanish and a norm comes out too short
        if given.shape != (self.n_columns,) or not np.all((given == 0) | (given >= LEAST) & (given <= 1 / LEAST)):
            raise ValueError(f"The weights must be {self.n_columns} numbers of 0, or from {LEAST:g} to {1 / LEAST:g}.")
        return given

    def _norms(self, weights: NDArray[np.float64]) -> Floats:
        """(n,) |W x| of each patient."""
        return np.sqrt(np.asarray(self._rows @ np.square(weights), dtype=np.float64))


def bound(weights: Floats, clip: float, noise_multiplier: float) -> bytes:
    """What the noise of a question is bound to, beside its name."""
    return np.concatenate([np.asarray(weights, dtype=np.float64), [clip, noise_multiplier]]).tobytes()
