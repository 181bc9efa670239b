"""How well scores rank positives above negatives: AUROC, DeLong's variance, F1 at a declared number of positives."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Area under the ROC curve of each column, ties counted half: (k,) in [0, 1], nan where one class is empty.

    scores, positive: (n, k). By ranks (Mann-Whitney).
    """
    ranks = stats.rankdata(scores, axis=0)
    n_positive = positive.sum(axis=0).astype(np.float64)
    n_negative = len(positive) - n_positive
    above = np.where(positive, ranks, 0.0).sum(axis=0) - n_positive * (n_positive + 1) / 2
    pairs = n_positive * n_negative
    return np.asarray(np.divide(above, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0))


def auroc_variance(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """DeLong's variance of the AUROC of one vector of scores (DeLong, DeLong and Clarke-Pearson 1988; Sun and Xu 2014).

    scores, positive: (n,), with at least two positives and two negatives.
    """
    ranks = stats.rankdata(scores)
    high, low = scores[positive], scores[~positive]
    beats = (ranks[positive] - stats.rankdata(high)) / len(low)
    loses = (ranks[~positive] - stats.rankdata(low)) / len(high)
    return float(beats.var(ddof=1) / len(high) + loses.var(ddof=1) / len(low))


def f1_at(scores: NDArray[np.floating], positive: NDArray[np.bool_], called: NDArray[np.int64]) -> NDArray[np.float64]:
    """F1 of each column when its `called` highest scores are called positive: (k,) in [0, 1].

    scores, positive: (n, k); called: (k,) in [0, n]. Where the last call falls among tied scores, F1 takes the expected
    number of true positives over their order. 0 if nothing is called.
    """
    n, k = scores.shape
    column = np.arange(k)
    ordered = np.sort(scores, axis=0)
    cut = ordered[np.clip(n - called, 0, n - 1), column]
    sure, tied = scores > cut, scores == cut
    share = (called - sure.sum(axis=0)) / np.maximum(tied.sum(axis=0), 1)
    hits = (positive & sure).sum(axis=0) + share * (positive & tied).sum(axis=0)
    f1 = 2 * hits / np.maximum(called + positive.sum(axis=0), 1)
    return np.asarray(np.where(called > 0, f1, 0.0), dtype=np.float64)
