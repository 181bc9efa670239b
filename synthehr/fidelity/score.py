"""One figure of fidelity: never a bare float."""

from dataclasses import dataclass
from typing import Literal


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
    better: Literal["higher", "lower", "ceiling"]
    stratum: str = "all"
    note: str = ""

    @property
    def skill(self) -> float:
        """(floor - value) / (floor - ceiling): 0 is the independent sampler, 1 fresh real patients; nan if they tie."""
        gap = self.floor - self.ceiling
        return (self.floor - self.value) / gap if gap else float("nan")
