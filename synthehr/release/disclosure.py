"""Statistical disclosure control of what leaves the house: no small cell, no figure finer than its reader needs.

A report that can be queried is an oracle (ReconSyn rebuilt 78 % of the rare records of a cohort from its metrics), so
real figures leave rounded, and those of few patients not at all.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from privacy.risk import Risk
from synthehr.fidelity.knowledge import EXCLUSIVE, PER, VIOLATIONS
from synthehr.fidelity.score import Score

# CMS cell size suppression policy: no count of 1 to 10 patients may be shown or derivable; zero is withheld here too
SMALL_CELL = 11
# rounding makes the members of an exclusive group miss their total by a few, so a withheld one cannot be subtracted out
ROUND_TO = 5
COUNTED = {VIOLATIONS.name, EXCLUSIVE.name}  # scores that are numbers of patients per 10,000


def displayed_prevalence(prevalence: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Real prevalences as they may be shown: (n_codes,) in [0, 1], nan where withheld.

    prevalence: (n_codes,) shares of `n` real patients, nan allowed. The number of patients is rounded to the nearest
    `ROUND_TO`; what is then below `SMALL_CELL` is withheld, so a code that is shown had at least 13 patients.

    Raises:
        ValueError: n < 1.
    """
    if n < 1:
        raise ValueError(f"The 'n' parameter of displayed_prevalence must be at least 1. Got {n} instead.")
    patients = displayed_counts(np.asarray(prevalence, dtype=np.float64) * n)
    return np.asarray(np.minimum(patients / n, 1.0))


def displayed_counts(patients: NDArray[np.number]) -> NDArray[np.float64]:
    """Numbers of real patients as they may be shown, to the nearest `ROUND_TO`: nan below `SMALL_CELL`, zero too."""
    rounded = ROUND_TO * np.round(np.asarray(patients, dtype=np.float64) / ROUND_TO)
    return np.where(rounded >= SMALL_CELL, rounded, np.nan)


def displayed_pairs(
    both: NDArray[np.number], one: NDArray[np.number], other: NDArray[np.number], n: int
) -> NDArray[np.float64]:
    """The two-by-two tables of pairs of codes as they may be shown: (n_pairs, 4), rows of nan where withheld.

    both, one, other: (n_pairs,) real patients of `n` with both codes, and with each. Columns: both, one alone, other
    alone, neither. A table of which one cell is small is withheld whole, for its margins tell the cell: so is any odds
    ratio or correlation, which is to be worked out from what is returned and from nothing finer.
    """
    a, b, c = (np.asarray(x, dtype=np.float64) for x in (both, one, other))
    cells = displayed_counts(np.stack([a, b - a, c - a, n - b - c + a], axis=-1))
    return np.where(np.isnan(cells).any(axis=-1, keepdims=True), np.nan, cells)


def displayed_histogram(share: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Shares of `n` real patients by a number (0, 1, ...) as they may be shown: (k,), the last of them and all above.

    share: (at least k,). The tail is put together from the largest number that enough patients have or exceed; a small
    cell before it is nan. Empty where n is small.
    """
    above = np.cumsum(np.asarray(share, dtype=np.float64)[::-1])[::-1]
    enough = np.flatnonzero(~np.isnan(displayed_prevalence(above, n)))
    if not len(enough):
        return np.empty(0)
    last = int(enough[-1])
    return displayed_prevalence(np.append(share[:last], above[last]), n)


def published(risks: Iterable[Risk]) -> tuple[Risk, ...]:
    """Risks as they may leave: without those of a group of few patients, and without small counts in the notes.

    A group is small where it, or a group that the note counts (such as the non-members beside it), has 1 to 10
    patients. What a gate judged stays: the decision rests on it.
    """
    kept = (risk for risk in risks if risk.verdict or not _small_group(risk))
    return tuple(replace(risk, note=_COUNT.sub(_without_small_count, risk.note)) for risk in kept)


_COUNT = re.compile(r"\b(\d[\d,]*) of (\d[\d,]*)")


def published_scores(scores: Iterable[Score]) -> tuple[Score, ...]:
    """Scores as they may leave: the ceiling withheld, and the skill with it, where it counts few real patients.

    A score of so many per 10,000 gives the count away where n is known; other ceilings are no counts. With one stratum
    go all of the same name: the whole less the others would tell it.
    """
    found = tuple(scores)
    counted = (score for score in found if score.name in COUNTED)
    withheld = {score.name for score in counted if _few(score.ceiling * score.n / PER)}
    return tuple(replace(score, ceiling=math.nan) if score.name in withheld else score for score in found)


def _few(patients: float) -> bool:
    return 0 < round(patients) < SMALL_CELL


def _small_group(risk: Risk) -> bool:
    groups = [risk.n, *(_number(match[2]) for match in _COUNT.finditer(risk.note))]
    return any(0 < group < SMALL_CELL for group in groups)


def _without_small_count(match: re.Match[str]) -> str:
    few = 0 < _number(match[1]) < SMALL_CELL
    return f"fewer than {SMALL_CELL} of {match[2]}" if few else match[0]


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def significant(value: float, digits: int = 3) -> float:
    """`value` rounded to `places(value, digits)`; nan and infinities as they are."""
    if value == 0 or not math.isfinite(value) or abs(value) >= 10**15:
        return float(value)
    return round(float(value), places(value, digits))


def places(value: float, digits: int = 3) -> int:
    """Decimal places that leave `digits` significant figures of a finite value other than 0; negative for tens.

    Between 0.99 and 1 it is the distance from 1 that keeps one figure less: correlations of .9991 and .9998 differ.
    """
    size = abs(value)
    gap = 1 - size
    if 0 < gap < 0.01:
        return min(digits - 2 - math.floor(math.log10(gap)), 12)
    return digits - 1 - math.floor(math.log10(size))


def json_number(value: float | None, digits: int = 3) -> float | str | None:
    """A rounded number that strict JSON can hold: nan is null, infinities are the strings "inf" and "-inf"."""
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return significant(value, digits)
