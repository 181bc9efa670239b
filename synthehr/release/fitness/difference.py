"""How far the answer of one query on some patients lies from its answer on as many others."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthehr.release.fitness.sandbox import Answer

FEWEST_RANKED = 5  # rows below which an order says nothing


@dataclass(frozen=True)
class Difference:
    """Answer of other patients against that of real ones, by numeric column.

    rows: real rows that are shown: those of which no whole number is nearer 0 than the smallest cell. missing: those
    of them that the other answer lacks. off: (n_columns,) sum of |other - real| over the rows, by the sum of |real|:
    0 is alike, 1 as far as nothing; where a real row is not shown, what the other counts above the largest withheld
    number adds to it. median, worst: (n_columns,) of |other - real| / |real| over the rows. rank: (n_columns,)
    Spearman's correlation. nan where there is nothing to compare, or fewer than `FEWEST_RANKED` rows to rank.
    """

    rows: int
    missing: int
    off: NDArray[np.float64]
    median: NDArray[np.float64]
    worst: NDArray[np.float64]
    rank: NDArray[np.float64]


def difference(real: Answer, other: Answer, *, smallest: int) -> Difference:
    """Compare two answers of the same columns.

    smallest: the least number that may be shown (11 patients). A row that is withheld and one that is not there are
    treated alike, so that the figures do not tell 0 patients from 1 to 10. A row that the other answer lacks, or a
    NULL in it, counts as 0.
    """
    position = {key: i for i, key in enumerate(other.keys)}
    shown = np.flatnonzero((np.abs(real.values[:, real.whole]) >= smallest).all(axis=1))  # nan is not shown
    place = np.array([position.get(real.keys[i], -1) for i in shown], dtype=np.int64)
    ours = real.values[shown]
    theirs = np.zeros_like(ours)
    theirs[place >= 0] = np.nan_to_num(other.values[place[place >= 0]])
    unmatched = np.ones(len(other.keys), dtype=bool)
    unmatched[place[place >= 0]] = False
    beyond = np.maximum(np.abs(np.nan_to_num(other.values[unmatched])) - (smallest - 1), 0).sum(axis=0)
    columns = [
        _column(ours[:, j], theirs[:, j], float(beyond[j]) if real.whole[j] else 0.0) for j in range(ours.shape[1])
    ]
    off, median, worst, rank = np.array(columns, dtype=np.float64).reshape(-1, 4).T
    return Difference(len(shown), int((place < 0).sum()), off, median, worst, rank)


def _column(ours: NDArray[np.float64], theirs: NDArray[np.float64], beyond: float) -> tuple[float, ...]:
    known = np.isfinite(ours)
    ours, theirs = ours[known], theirs[known]
    if not len(ours):
        return (np.nan,) * 4
    gaps = np.abs(theirs - ours)
    relative = [_share(gap, size) for gap, size in zip(gaps, np.abs(ours), strict=True)]
    off = _share(gaps.sum() + beyond, np.abs(ours).sum())
    return off, float(np.median(relative)), max(relative), _spearman(ours, theirs)


def _share(gap: float, size: float) -> float:
    return float(gap / size) if size else np.inf if gap else 0.0


def _spearman(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    if len(ours) < FEWEST_RANKED or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return np.nan
    return float(np.corrcoef(rankdata(ours), rankdata(theirs))[0, 1])
