"""How well scores rank positives above negatives: AUROC and its variance, AUPRC, F1 at a declared number of calls."""

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


def areas(
    scores: NDArray[np.floating], positive: NDArray[np.bool_], kept: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUROC and AUPRC among each row's patients, both (r,) in [0, 1]; nan where one class is empty.

    scores, positive: (n,); kept: (r, n), the patients that count. AUPRC is the average precision, sum over thresholds
    of precision x gain in recall; tied scores are one threshold. One sort serves all rows.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=np.nan))  # the last of each run of tied scores
    hits, misses = (
        np.cumsum(kept[:, order] & side[order], axis=1)[:, ends].astype(np.float64) for side in (positive, ~positive)
    )
    gained, false = (np.diff(count, axis=1, prepend=0.0) for count in (hits, misses))
    below = (false * (hits - gained / 2)).sum(axis=1)  # pairs in order, ties half
    precision = hits / np.maximum(hits + misses, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        auroc_of_rows = below / (hits[:, -1] * misses[:, -1])
        recalled = np.where(misses[:, -1] > 0, (precision * gained).sum(axis=1) / hits[:, -1], np.nan)
    return auroc_of_rows, recalled


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
