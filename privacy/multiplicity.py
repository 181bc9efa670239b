"""Many attacks, one release: what their p values amount to together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p values: rejecting those below alpha errs in any of them with probability alpha at most (Holm 1979).

    Holds under any dependence of the tests. p: (n,) in [0, 1]; returns (n,) in the same order.

    Raises:
        ValueError: a p value outside [0, 1] or not a number.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    steps = (len(values) - np.arange(len(values))) * values[order]
    return _in_order(np.minimum(1.0, np.maximum.accumulate(steps)), order)


def benjamini_hochberg(p: Sequence[float]) -> NDArray[np.float64]:
    """Adjusted p values: of those below q a share q at most is expected to be wrong (Benjamini and Hochberg 1995).

    Holds for independent tests and for positive dependence, as between codes. p: (n,) in [0, 1]; returns (n,).

    Raises:
        ValueError: a p value outside [0, 1] or not a number.
    """
    values = _checked(p)
    order = np.argsort(values, kind="stable")
    steps = values[order] * len(values) / np.arange(1, len(values) + 1)
    return _in_order(np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1]), order)


def _checked(p: Sequence[float]) -> NDArray[np.float64]:
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p values must lie in [0, 1]. Got {values[~((values >= 0) & (values <= 1))][0]} instead.")
    return values


def _in_order(adjusted: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    back = np.empty_like(adjusted)
    back[order] = adjusted
    return back
