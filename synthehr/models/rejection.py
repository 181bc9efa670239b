"""Rejection: of what a generator draws, patients are kept as often as a classifier finds them among real ones.

Discriminator rejection sampling (Azadi et al. 2019, arXiv:1810.06758) with a discriminator that is convex
and can be read: logistic regression over codes and pairs of codes. Where the generator is right the odds are 1 and
nothing is turned away; where it has a pair of codes together too seldom, patients with both are kept more often.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special
from sklearn.linear_model import LogisticRegression

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix

Floats: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = tuple[Floats, Floats, NDArray[np.int64], Floats]  # the first four fields of `Rejection`
Draw: TypeAlias = Callable[[int, np.random.Generator], sparse.csr_matrix]

PAIRED = 200  # columns, the commonest, of which pairs are looked at
MOST_PAIRS = 20_000_000  # pairs that the training patients have, all together: fewer columns if there are more
LEAST = 100  # patients who have a pair, real or drawn, below whom it is not looked at: rare pairs would be memory
PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1)  # inverse strengths of the ridge penalty, the strongest first
DRAWN = 2  # drawn patients for each training patient
LONGEST = 0.999  # quantile of the training patients' numbers of codes, beyond which these are one
JUDGED = 4  # drawn patients for each validation patient
CUT = 0.99  # share of draws whose odds are met; the few that should come still oftener come as often as the bound lets
BLOCK = 65_536  # patients drawn at a time


@dataclass(frozen=True)
class Rejection:
    """Log odds of real against drawn: bias + s_|x| + x w + sum over pairs i < j of x_i x_j W_ij.

    size: (longest + 1,) s, by the number of a patient's codes; the last stands for all that is longer. single:
    (n_codes,) w. columns: (k,) those that are paired. pairs: (k, k) W, above the diagonal. bound: log odds at which a
    draw is always kept. rate: share of draws that are kept.
    """

    size: NDArray[np.float64]
    single: NDArray[np.float64]
    columns: NDArray[np.int64]
    pairs: NDArray[np.float64]
    bound: float
    rate: float

    @staticmethod
    def of(draw: Draw, cohort: Cohort, *, seed: int, ledger: Ledger) -> "Rejection | None":
        """Learn from the train split and draws; None where validation patients show no gain.

        draw: of (n, rng), the generator's. The penalty is the strongest whose loss on validation patients and fresh
        draws is within a standard error of the smallest: what it does not need to know of the training patients it
        does not learn.
        """
        train, validation, rng = cohort.part("train"), cohort.part("validation"), np.random.default_rng([seed, 11])
        ledger.look("codes and pairs of codes of the train split, against draws")
        ledger.look("choice of the penalty of their classifier by the validation split")
        drawn = draw(DRAWN * len(train), rng)
        columns = _paired(train)
        features = _Features.of(columns, train.binary(), drawn)
        real = features.of_patients(train.binary())
        table = sparse.vstack([real, features.of_patients(drawn)], format="csr")
        label = np.arange(table.shape[0]) < real.shape[0]
        judged = [validation.binary(), draw(JUDGED * len(validation), rng)]
        found = []
        for penalty in PENALTIES:
            fit = _fitted(table, label, penalty)
            margins = [fit.decision_function(features.of_patients(part)) for part in judged]
            found.append((fit.coef_[0], margins))
        chosen = _strongest([_losses(*margins) for _, margins in found])
        if chosen is None:
            return None
        free = Rejection(*features.weights(found[chosen][0]), 0.0, 1.0)
        margin = free.margin(judged[1])
        bound = float(np.quantile(margin, CUT))
        return replace(free, bound=bound, rate=float(np.exp(np.minimum(margin - bound, 0)).mean()))

    def margin(self, patients: sparse.csr_matrix) -> NDArray[np.float64]:
        """(n,) log odds up to a constant."""
        ones = sparse.csr_matrix(patients > 0, dtype=np.float64)
        shown = ones[:, self.columns]
        together = shown.multiply(shown @ self.pairs).sum(axis=1)
        of_size = self.size[np.minimum(np.diff(ones.indptr), len(self.size) - 1)]
        return np.asarray(of_size + ones @ self.single + np.asarray(together).ravel(), dtype=np.float64)

    def sample(self, draw: Draw, n: int, rng: np.random.Generator) -> sparse.csr_matrix:
        """N patients of those that `draw` gives."""
        parts, missing = [draw(0, rng)], n
        while missing:
            asked = min(BLOCK, int(1.05 * missing / self.rate) + 64)
            drawn = draw(asked, rng)
            kept = np.flatnonzero(rng.random(asked) < np.exp(np.minimum(self.margin(drawn) - self.bound, 0)))[:missing]
            parts.append(drawn[kept])
            missing -= len(kept)
        return sparse.vstack(parts, format="csr")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `of` learned, as named arrays."""
        return {
            "rejection.size": self.size,
            "rejection.single": self.single,
            "rejection.columns": self.columns,
            "rejection.pairs": self.pairs,
            "rejection.bound": np.array([self.bound, self.rate]),
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> "Rejection | None":
        """Read back what `arrays` wrote; None where there is none."""
        if "rejection.single" not in arrays:
            return None
        names = ("size", "single", "columns", "pairs", "bound")
        size, single, columns, pairs, bound = (arrays[f"rejection.{name}"] for name in names)
        return Rejection(size, single, columns, pairs, float(bound[0]), float(bound[1]))


@dataclass(frozen=True)
class _Features:
    """The number of codes up to `longest`, every code, and the pairs i < j of `columns` that are kept, as i k + j."""

    longest: int
    columns: NDArray[np.int64]
    kept: NDArray[np.int64]

    @staticmethod
    def of(columns: NDArray[np.int64], real: sparse.csr_matrix, drawn: sparse.csr_matrix) -> "_Features":
        """The pairs that at least LEAST patients, real or drawn, have."""
        found = [_pairs_of(part[:, columns])[1] for part in (real, drawn)]
        counts = np.bincount(np.concatenate(found), minlength=len(columns) ** 2)
        longest = int(np.quantile(np.diff(real.indptr), LONGEST))
        return _Features(longest, columns, np.flatnonzero(counts >= LEAST))

    def of_patients(self, patients: sparse.csr_matrix) -> sparse.csr_matrix:
        """(n, longest + 1 + n_codes + kept) float32 of 0 and 1."""
        n = patients.shape[0]
        row, pair = _pairs_of(patients[:, self.columns])
        place = np.full(len(self.columns) ** 2, -1)
        place[self.kept] = np.arange(len(self.kept))
        there = place[pair] >= 0
        ones = np.ones(int(there.sum()), dtype=np.float32)
        pairs = sparse.csr_matrix((ones, (row[there], place[pair[there]])), shape=(n, len(self.kept)))
        of_size = np.minimum(np.diff(patients.indptr), self.longest)
        sizes = sparse.csr_matrix((np.ones(n, dtype=np.float32), (np.arange(n), of_size)), shape=(n, self.longest + 1))
        return sparse.hstack([sizes, sparse.csr_matrix(patients > 0, dtype=np.float32), pairs], format="csr")

    def weights(self, coefficients: NDArray[np.float64]) -> Weights:
        """Those of numbers of codes (longest + 1,) and of codes (n_codes,), the columns (k,), those of pairs (k, k)."""
        k, first = len(self.columns), self.longest + 1
        n_codes = len(coefficients) - first - len(self.kept)
        pairs = np.zeros(k * k)
        pairs[self.kept] = coefficients[first + n_codes :]
        wide = coefficients.astype(np.float64)
        return wide[:first], wide[first : first + n_codes], self.columns, pairs.reshape(k, k)


def _paired(train: CodeMatrix) -> NDArray[np.int64]:
    """The commonest columns, as many as have few enough pairs among the training patients."""
    order = np.argsort(-train.prevalence(), kind="stable")[:PAIRED]
    binary = train.binary().astype(np.int64)
    while len(order) > 2:
        lengths = np.diff(binary[:, order].indptr).astype(np.int64)
        if int((lengths * (lengths - 1) // 2).sum()) <= MOST_PAIRS:
            break
        order = order[: int(0.8 * len(order))]
    return np.sort(order)


def _pairs_of(shown: sparse.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and pairs i k + j, i < j, of columns that come together."""
    ones = shown.tocsr()
    ones.sort_indices()
    k, lengths = ones.shape[1], np.diff(ones.indptr)
    rows, pairs = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for length in np.unique(lengths[lengths > 1]):
        row = np.flatnonzero(lengths == length)
        column = ones.indices[ones.indptr[row][:, None] + np.arange(length)].astype(np.int64)
        i, j = np.triu_indices(length, 1)
        rows.append(np.repeat(row, len(i)))
        pairs.append((column[:, i] * k + column[:, j]).ravel())
    return np.concatenate(rows), np.concatenate(pairs)


def _fitted(table: sparse.csr_matrix, label: NDArray[np.bool_], penalty: float) -> LogisticRegression:
    """The classifier of real rows against drawn ones, at equal weight of both sides.

    Prevalences are calibrated before, so the gradient is small from the start: at sklearn's own tolerance nothing would
    be learned.
    """
    weight = np.where(label, 1 / label.mean(), 1 / (1 - label.mean())) * label.mean()
    return LogisticRegression(C=penalty, max_iter=1_000, tol=1e-6).fit(table, label, weight)


def _losses(real: NDArray[np.float64], drawn: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logistic losses of each real and each drawn patient, at equal weight of both sides."""
    return -special.log_expit(real), -special.log_expit(-drawn)


def _strongest(losses: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> int | None:
    """The first whose mean loss is within a standard error of the smallest; None where that does not beat log 2."""
    means = [real.mean() + drawn.mean() for real, drawn in losses]
    best = int(np.argmin(means))
    if means[best] >= 2 * np.log(2):
        return None
    for k, (mean, parts) in enumerate(zip(means, losses, strict=True)):
        gaps = [one - other for one, other in zip(parts, losses[best], strict=True)]
        error = float(np.sqrt(sum(gap.var() / len(gap) for gap in gaps)))
        if mean - means[best] <= error and mean < 2 * np.log(2):
            return k
    return best
