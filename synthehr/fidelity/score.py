"""One figure of fidelity: never a bare float."""

import math
from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "ceiling"]
Unit = Literal["patients", "codes"]


@dataclass(frozen=True, kw_only=True)
class Score:
    """A measured figure with all that is needed to read it.

    value with its 95 % interval [low, high]; floor: the same figure for the independent sampler in the synthetic's
    place; ceiling: for fresh real patients (a half of the holdout) in its place; n: the number of units (patients or
    codes, see `unit`) behind the value; better: which direction is good, or "ceiling" where the ceiling's own value is.
    """

    name: str
    value: float
    low: float
    high: float
    floor: float
    ceiling: float
    n: int
    unit: str
    better: Better
    stratum: str = "all"
    note: str = ""

    @property
    def skill(self) -> float:
        """(floor - value) / (floor - ceiling): 0 is the independent sampler, 1 fresh real patients.

        nan where the two lie no further apart than half the interval, or the floor on the good side of the ceiling: the
        measure does not tell them apart, and a quotient of noise would say anything.
        """
        gap = self.floor - self.ceiling
        wrong_side = gap < 0 if self.better == "lower" else gap > 0 if self.better == "higher" else False
        if wrong_side or abs(gap) <= (self.high - self.low) / 2:
            return float("nan")
        return (self.floor - self.value) / gap


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What one candidate cohort measured, with its 95 % interval, before the floor and the ceiling stand beside it."""

    name: str
    value: float
    low: float
    high: float
    n: int
    unit: Unit
    better: Better
    stratum: str = "all"
    note: str = ""

    def score(self, *, floor: float, ceiling: float) -> Score:
        """The score of this estimate between the floor's and the ceiling's value of the same measure and stratum."""
        return Score(**vars(self), floor=floor, ceiling=ceiling)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is measured: a stable name, the good direction, and the range that no value can leave."""

    name: str
    better: Better
    lowest: float = -math.inf
    highest: float = math.inf

    def estimate(
        self, value: float, error: float, *, n: int, unit: Unit, stratum: str = "all", note: str = ""
    ) -> Estimate:
        """`value` +- 1.96 x `error` (one standard error), cut at the range.

        The interval says how far the value would move with other patients (or codes) in the same number. The bias that
        sampling gives to a distance is not taken out: value, floor and ceiling carry the same one.
        """
        return Estimate(
            name=self.name,
            value=float(value),
            low=float(max(value - 1.96 * error, self.lowest)),
            high=float(min(value + 1.96 * error, self.highest)),
            n=n,
            unit=unit,
            better=self.better,
            stratum=stratum,
            note=note,
        )
