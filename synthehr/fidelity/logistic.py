"""One logistic regression for each of many codes from all the others, solved together.

The regressions share their predictors, so one sparse product serves all of them, and one eigendecomposition of the
Gram matrix preconditions all of them: at the intercept-only start the Hessian of code k is p_k (1 - p_k) G + I.
"""

import warnings
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor
from torch.nn.functional import softplus

HISTORY = 10  # curvature pairs of L-BFGS
MAX_STEPS = 200
TOLERANCE = 3e-5  # largest gradient of the mean loss; scikit-learn stops at 1e-4
CODES_AT_ONCE = 256  # bounds the memory: ten float32 arrays of patients x 256


@dataclass(frozen=True)
class CodeRegressions:
    """Logistic regressions of k codes. weights: (n_codes, k) float32, intercept: (k,) float32.

    converged: (k,) bool, whether the gradient fell below the tolerance.
    """

    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]
    converged: NDArray[np.bool_]

    def margins(self, binary: sparse.csr_matrix) -> NDArray[np.float32]:
        """Log odds (n, k) of 0/1 patients (n, n_codes)."""
        return np.asarray(binary.astype(np.float32) @ self.weights + self.intercept)


def fit_code_regressions(
    binary: sparse.csr_matrix, targets: NDArray[np.int64], excluded: NDArray[np.bool_]
) -> CodeRegressions:
    """Minimise log loss + |w|^2 / 2 for each target: scikit-learn's `LogisticRegression()`, the intercept unpenalised.

    binary: CSR (n, n_codes) of 0 and 1. targets: (k,) columns to predict. excluded: (n_codes, k) bool, predictors that
    a target must not see; its own column has to be among them. A target that every row has, or none, has nothing to
    learn: its weights are 0. Costs one eigendecomposition of the codes present (cubic) and about 15 sparse products.
    """
    present = np.flatnonzero(np.bincount(binary.indices, minlength=binary.shape[1]))
    predictors = _Predictors(binary[:, present])
    weights = np.zeros((binary.shape[1], len(targets)), dtype=np.float32)
    intercept = np.zeros(len(targets), dtype=np.float32)
    converged = np.ones(len(targets), dtype=bool)
    share = np.bincount(binary.indices, minlength=binary.shape[1])[targets] / binary.shape[0]
    varied = np.flatnonzero((share > 0) & (share < 1))
    for block in (varied[i : i + CODES_AT_ONCE] for i in range(0, len(varied), CODES_AT_ONCE)):
        labels = torch.from_numpy(binary[:, targets[block]].toarray().astype(np.float32))
        allowed = torch.from_numpy(~excluded[np.ix_(present, block)])
        solution, done = _solve(predictors, labels, allowed)
        weights[np.ix_(present, block)] = solution[:-1].numpy()
        intercept[block] = solution[-1].numpy()
        converged[block] = done.numpy()
    return CodeRegressions(weights, intercept, converged)


class _Predictors:
    """Columns of the codes and of ones, as sparse tensors, with the eigendecomposition of their Gram matrix."""

    def __init__(self, binary: sparse.csr_matrix) -> None:
        ones = np.ones((binary.shape[0], 1))
        columns = sparse.hstack([binary.astype(np.float64), ones]).tocsr()  # (n, d + 1)
        eigenvalues, vectors = np.linalg.eigh((columns.T @ columns).toarray())
        self.eigenvalues = torch.from_numpy(np.maximum(eigenvalues, 0.0).astype(np.float32))
        self.vectors = torch.from_numpy(vectors.astype(np.float32))
        self.columns = _tensor(columns)
        self.transposed = _tensor(columns.T.tocsr())


def _tensor(matrix: sparse.csr_matrix) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data.astype(np.float32)),
            size=matrix.shape,
            check_invariants=False,
        )


@dataclass
class _Curvature:
    """The inverse Hessian of every regression as L-BFGS knows it, started from the shared Gram matrix."""

    vectors: Tensor  # (d, d) eigenvectors of the Gram matrix
    inverse: Tensor  # (d, k) inverse eigenvalues of p (1 - p) G + I
    allowed: Tensor  # (d, k) 0 or 1
    pairs: deque[tuple[Tensor, Tensor, Tensor]] = field(default_factory=lambda: deque(maxlen=HISTORY))

    def precondition(self, gradient: Tensor) -> Tensor:
        return self.allowed * (self.vectors @ (self.inverse * (self.vectors.T @ gradient)))

    def direction(self, gradient: Tensor) -> Tensor:
        """Two-loop recursion (Nocedal 1980), column by column."""
        q = gradient.clone()
        shares = []
        for step, change, scale in reversed(self.pairs):
            shares.append(scale * (step * q).sum(0))
            q -= shares[-1] * change
        z = self.precondition(q)
        for (step, change, scale), share in zip(self.pairs, reversed(shares), strict=True):
            z += (share - scale * (change * z).sum(0)) * step
        return -z

    def learn(self, step: Tensor, change: Tensor) -> None:
        along = (step * change).sum(0)  # positive for a convex loss, up to rounding: a column that fails it is skipped
        self.pairs.append((step, change, torch.where(along > 1e-10, 1 / along.clamp_min(1e-10), 0.0)))


@dataclass(frozen=True)
class _Problem:
    """Regularised log loss of k codes. labels: (n, k) of 0 and 1; mask: (d + 1, k), 1 where a weight may move."""

    predictors: _Predictors
    labels: Tensor
    mask: Tensor

    def loss(self, margin: Tensor, weights: Tensor) -> Tensor:
        data = softplus(margin).sub_(margin * self.labels).sum(0)
        return data + 0.5 * weights[:-1].square().sum(0)

    def gradient(self, margin: Tensor, weights: Tensor) -> Tensor:
        slope = self.predictors.transposed @ (torch.sigmoid(margin) - self.labels)
        slope[:-1] += weights[:-1]
        return slope.mul_(self.mask)

    def curvature(self, share: Tensor) -> _Curvature:
        inverse = 1 / (self.predictors.eigenvalues[:, None] * (share * (1 - share)) + 1)
        return _Curvature(self.predictors.vectors, inverse, self.mask)


def _solve(predictors: _Predictors, labels: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
    """Weights (d + 1, k), the intercepts last, and which columns converged. labels: (n, k); allowed: (d, k) bool."""
    problem = _Problem(predictors, labels, torch.cat([allowed.float(), torch.ones(1, labels.shape[1])]))
    share = labels.mean(0)
    curvature = problem.curvature(share)
    weights = torch.zeros_like(problem.mask)
    weights[-1] = torch.logit(share)
    margin = predictors.columns @ weights
    slope = problem.gradient(margin, weights)
    enough = TOLERANCE * len(labels)
    for _ in range(MAX_STEPS):
        moving = slope.abs().amax(0) >= enough
        if not moving.any():
            break
        direction = curvature.direction(slope) * moving
        along = predictors.columns @ direction
        size = _step_size(problem, (margin, weights), (along, direction), (direction * slope).sum(0))
        step = size * direction
        weights, margin = weights + step, margin + size * along
        before, slope = slope, problem.gradient(margin, weights)
        curvature.learn(step, slope - before)
    return weights, slope.abs().amax(0) < enough


def _step_size(problem: _Problem, at: tuple[Tensor, Tensor], move: tuple[Tensor, Tensor], descent: Tensor) -> Tensor:
    """(k,) the first of 1, 1/2, 1/4, ... that lowers each loss enough (Armijo), up to float32 rounding.

    at, move: margin and weights, and how a whole step moves them: a trial needs no product with the predictors.
    """
    start = problem.loss(*at)
    size = torch.ones_like(start)
    for _ in range(20):
        trial = problem.loss(at[0] + size * move[0], at[1] + size * move[1])
        low = trial <= start + 1e-4 * size * descent + 1e-6 * start
        if low.all():
            break
        size = torch.where(low, size, size / 2)
    return size
