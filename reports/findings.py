"""How many attacks found more than chance explains: said plainly, for a PASS says only that it is below a threshold."""

from collections.abc import Sequence
from typing import NamedTuple

from privacy.risk import Risk

ALPHA = 0.05


class Findings(NamedTuple):
    """found: attacks with a p value below .05 after Holm's correction. tried: attacks with a p value."""

    found: int
    tried: int


def findings(risks: Sequence[Risk]) -> Findings:
    """Count attacks by the smallest corrected p value of their figures."""
    smallest: dict[str, float] = {}
    for risk in risks:
        if risk.p_adjusted is not None:
            smallest[risk.attack] = min(risk.p_adjusted, smallest.get(risk.attack, 1.0))
    return Findings(sum(p < ALPHA for p in smallest.values()), len(smallest))


def finding_words(counted: Findings) -> str:
    """One sentence; a release may pass its gates and leak a little all the same."""
    if not counted.tried:
        return "No attack was tested against chance."
    if not counted.found:
        return f"None of {counted.tried} attacks found more than chance explains."
    return (
        f"{counted.found} of {counted.tried} attacks found more than chance explains (p below {ALPHA:g}, corrected); "
        "the gates say how much is too much."
    )
