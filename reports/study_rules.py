"""The rules by which a score says what may be studied: limits on its whole interval, and never on the value alone."""

import math
from dataclasses import dataclass, replace
from typing import Literal

from synthehr.fidelity.score import Score

Answer = Literal["yes", "with care", "undecided", "no", "not measured"]
Kind = Literal["at most", "at least", "way to the ceiling"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a score answers yes, with care or no.

    kind: "at most" and "at least" are limits on the score itself; "way to the ceiling" one on its skill, 0 for
    independent codes and 1 for fresh real patients. yes, care: the limits, in the units of the score (or of skill).
    best: no answer is better than this.
    """

    kind: Kind
    yes: float
    care: float
    best: Answer = "yes"

    def answer(self, score: Score) -> Answer:
        """Yes where the whole interval is within the limit for yes, with care within that for care.

        No where the whole interval is beyond the limit for care, undecided where that lies within it. Not measured
        where the interval is none, or where floor and ceiling lie too close to tell them apart.
        """
        worst = self.worst(score)
        if math.isnan(worst):
            return "not measured"
        if self.within(worst, self.yes) and self.best == "yes":
            return "yes"
        if self.within(worst, self.care):
            return "with care"
        return "undecided" if self.within(self.best_end(score), self.care) else "no"

    def best_end(self, score: Score) -> float:
        """The good end of the interval, of the score or of its skill."""
        if self.kind == "at most":
            return score.low
        return score.high if self.kind == "at least" else max(skill_interval(score))

    def worst(self, score: Score) -> float:
        """The bad end of the interval, of the score or of its skill; nan where there is none."""
        if math.isnan(score.low) or math.isnan(score.high):
            return math.nan
        if self.kind == "at most":
            return score.high
        return score.low if self.kind == "at least" else min(skill_interval(score))

    def within(self, value: float, limit: float) -> bool:
        """Whether a value is on the good side of a limit, or on it."""
        return value <= limit if self.kind == "at most" else value >= limit


def skill_interval(score: Score) -> tuple[float, float]:
    """Skill of the two ends of a score's interval, the lower first; nan where the score has no skill."""
    if math.isnan(score.skill):
        return math.nan, math.nan
    low, high = sorted((score.floor - end) / (score.floor - score.ceiling) for end in (score.low, score.high))
    return low, high


def beyond_sampling(score: Score) -> Score:
    """A mean distance without what sampling alone makes of it: sqrt(x^2 - ceiling^2), 0 where that is below 0.

    Two samples of real patients differ, by the ceiling; the generator's own error comes on top and, where both are
    about normal, squares add. The interval knows nothing of the sampling of the ceiling. nan without a ceiling.
    """

    def own(x: float) -> float:
        return x if math.isnan(x) else math.sqrt(max(x * x - score.ceiling * score.ceiling, 0.0))

    if math.isnan(score.ceiling):
        return replace(score, value=math.nan, low=math.nan, high=math.nan)
    value, low, high, floor = (own(x) for x in (score.value, score.low, score.high, score.floor))
    return replace(score, value=value, low=low, high=high, floor=floor, ceiling=0.0)
