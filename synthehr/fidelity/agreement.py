"""How far one vector of figures agrees with another: Pearson, Spearman, R2 against y = x."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Vector = NDArray[np.floating]


def pearson(real: Vector, other: Vector) -> float:
    """Pearson correlation in [-1, 1]; 1 for equal vectors, and 0 where one of two unequal vectors is constant.

    The two rules make it total: a generator whose figures are all alike has told nothing, and gets 0 and not nan.
    """
    if np.array_equal(real, other):
        return 1.0
    if np.ptp(real) == 0 or np.ptp(other) == 0:
        return 0.0
    x, y = (_unit(np.asarray(v, dtype=np.float64)) for v in (real, other))
    return float(np.clip(x @ y, -1.0, 1.0))


def _unit(v: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = (v - v.mean()) / np.ptp(v)  # the division keeps the norm of subnormal numbers off zero
    return np.asarray(centred / np.linalg.norm(centred), dtype=np.float64)


def spearman(real: Vector, other: Vector) -> float:
    """Spearman rank correlation in [-1, 1], ties at their mean rank; the same two rules as `pearson`."""
    return pearson(stats.rankdata(real), stats.rankdata(other))


def r_squared(real: Vector, other: Vector) -> float:
    """R2 of `other` against the line y = x: 1 - sum (other - real)^2 / sum (real - mean)^2, in (-inf, 1].

    Unlike the squared correlation it falls for a slope or an offset. 0 where `real` is constant and `other` differs.
    """
    residual = float(np.square(np.subtract(other, real)).sum())
    total = float(np.square(real - np.mean(real)).sum())
    if residual == 0.0:
        return 1.0
    return 1.0 - residual / total if total > 0.0 else 0.0
