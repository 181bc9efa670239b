"""What a difference means for a reader: four verdicts, by rules that are stated. Thresholds are house defaults."""

import math
from collections.abc import Iterable

AS_REAL, WITH_CARE, NOT_FIT, TOO_FEW = "as good as real", "usable with care", "not fit", "too few patients to tell"
NOT_RUN = "not run"
VERDICTS = (AS_REAL, WITH_CARE, TOO_FEW, NOT_FIT, NOT_RUN)  # from good to bad: a query has the worst of its columns
# simulated with Poisson counts of 20 to 2,000: a perfect cohort is further off than this in 4 % of the queries of one
# row, 1 % of those of two, under 0.5 % of larger ones; one whose single count of 200 is 25 % too high, in 96 %
TIMES_REAL = 1.5
BEYOND_REAL = 0.10  # of the figures in all, beyond what samples differ by
LOOSE = 0.25  # where samples differ by more, agreement says nothing
ORDER_LOST = 0.3  # of the rank correlation that real patients have

MEANING = {
    AS_REAL: f"No further from real patients than {TIMES_REAL:g} times what samples differ by among themselves, be "
    "they of real or of synthetic patients.",
    WITH_CARE: f"At most {100 * BEYOND_REAL:.0f} points further off than samples among themselves, and in much the "
    "same order.",
    NOT_FIT: f"More than {100 * BEYOND_REAL:.0f} points further off than samples among themselves, or in another "
    "order: take no figure of this query from synthetic patients.",
    TOO_FEW: f"No row counts enough patients, or samples differ among themselves by more than {100 * LOOSE:.0f} %.",
    NOT_RUN: "It has no answer; the reason is given.",
}


def judged(*, off: float, control: float, spread: float, rank: float, control_rank: float) -> str:
    """The verdict on one column: off, rank of the synthetic against real patients, control of real against real.

    spread: of synthetic against synthetic. It tells as well what sampling does, and doubles the samples that tell it.
    nan: nothing to compare. See `MEANING` for the rules, in their order.
    """
    if math.isnan(off) or not math.isfinite(control):
        return TOO_FEW
    noise = max(control, spread) if math.isfinite(spread) else control
    if off <= TIMES_REAL * noise:
        return AS_REAL if noise <= LOOSE else TOO_FEW
    if off <= noise + BEYOND_REAL and not control_rank - rank > ORDER_LOST:  # a nan has no order to lose
        return WITH_CARE
    return NOT_FIT


def worst(verdicts: Iterable[str]) -> str:
    """The verdict on a query from those on its columns."""
    return max(verdicts, key=VERDICTS.index, default=TOO_FEW)
