"""What the attacks and the steward's declarations mean together: patients found, and claims that would be right.

An evaluation has both figures too, at the prior that it was told. They are worked out anew from the rate that they come
from (`privacy.membership.measure`), for the prior that counts is the one that the policy of this release declares.
"""

from collections.abc import Sequence

from privacy.risk import Risk
from reports.numbers import Grain, fixed, hundred, hundred_places, whole
from synthehr.release.disclosure import significant

RATE, WRONGLY_CLAIMED = "tpr_at_fpr_0.01", 0.01
NO_RATE = "no membership attack was measured at 1 % of others wrongly claimed, or none that this copy may show."


def sharpest(risks: Sequence[Risk]) -> Risk | None:
    """The membership attack whose interval reaches highest at 1 % false positives, of those judged or else of all."""
    rates = [risk for risk in risks if risk.metric == RATE and risk.attack.startswith("membership_")]
    return max(rates, key=lambda risk: (risk.verdict is not None, risk.high), default=None)


def precision(rate: float, prior: float) -> float:
    """Share of claims that are right: `rate` of members claimed, 1 % of others, and `prior` the share of members."""
    claimed = prior * rate + (1 - prior) * WRONGLY_CLAIMED
    return prior * rate / claimed


def exposed(rate: float, n_members: int) -> float:
    """Members found beyond those that chance finds."""
    return max(0.0, rate - WRONGLY_CLAIMED) * n_members


def exposure_words(risks: Sequence[Risk], *, prior: float, n_members: int, grain: Grain) -> list[str]:
    """Claims that would be right and patients that would be found, a sentence each; or one that says why not."""
    risk = sharpest(risks)
    if risk is None:
        return [NO_RATE]
    if risk.nonmembers_needed:
        needed = whole(risk.nonmembers_needed)
        return [f"too few patients were held out to say what a claim would be worth: it takes {needed}."]
    ends = (risk.value, risk.low, risk.high)
    worth, low_worth, high_worth = (precision(rate, prior) for rate in ends)
    right = hundred(worth, low_worth, high_worth, grain)
    found = [exposed(rate, n_members) for rate in ends]
    value, low, high = (fixed(significant(one, 2 if grain.hundred == 0 else 3), 0) for one in found)
    return [
        f"of 100 claims of membership, {right} would be right; {100 * prior:g} without the release.",
        f"of {whole(n_members)} members, {value} ({low} to {high}) would be found beyond chance.",
    ]


def of_hundred(risk: Risk, grain: Grain) -> str:
    """Control and ceiling beside a figure of a hundred, in words."""
    places = hundred_places(risk.low, risk.high, grain)
    words = f"{fixed(100 * risk.control, places)} where nothing leaks"
    return words if risk.ceiling is None else f"{words}, {fixed(100 * risk.ceiling, places)} in a copy of the data"
