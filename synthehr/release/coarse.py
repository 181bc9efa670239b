"""Figures of risk as anybody may see them: in steps of half a percent, intervals outward, counts to two figures."""

import math
from collections.abc import Callable
from dataclasses import replace

from privacy.risk import Risk
from synthehr.release.disclosure import ROUND_TO, SMALL_CELL, significant

STEP = 0.005  # of a share: half of the smallest threshold that is shipped


def coarse(risk: Risk) -> Risk:
    """A risk in steps of `STEP`, with an interval that holds the finer one; without its note and its comparators."""
    return replace(
        risk,
        value=_nearest(risk.value),
        low=_outward(risk.low, math.floor),
        high=_outward(risk.high, math.ceil),
        control=_nearest(risk.control),
        ceiling=None if risk.ceiling is None else _nearest(risk.ceiling),
        detectable=None if risk.detectable is None else _nearest(risk.detectable),
        others={},
        p=None if risk.p is None else significant(risk.p, 1),
        p_adjusted=None if risk.p_adjusted is None else significant(risk.p_adjusted, 1),
        n=coarse_count(risk.n),
        nonmembers_needed=None if risk.nonmembers_needed is None else coarse_count(risk.nonmembers_needed),
        note="",
    )


def coarse_count(n: int) -> int:
    """A number of patients to two significant figures and to the nearest 5; 1 stands for any number of 1 to 10."""
    if 0 < n < SMALL_CELL:
        return 1
    if n >= 100:
        return int(significant(n, 2))
    # 11 and 12 are told as 15: 10 would read as one that is withheld
    return max(ROUND_TO * round(n / ROUND_TO), ROUND_TO * math.ceil(SMALL_CELL / ROUND_TO)) if n else 0


def _nearest(value: float) -> float:
    return round(round(value / STEP) * STEP, 3) + 0.0 if math.isfinite(value) else value


def _outward(value: float, to: Callable[[float], int]) -> float:
    # a value that stands on a step stays there, whatever its last bit
    return _nearest(to(round(value / STEP, 6)) * STEP) if math.isfinite(value) else value
