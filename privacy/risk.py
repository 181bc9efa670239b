"""One figure of disclosure risk, with its interval, its control and the verdict of a gate."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from scipy import special

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]

# The attacker's knowledge, least first. An attacker who also holds the generator is not among the attacks of this tier.
FILE_ONLY = "the synthetic file only"
WITH_REFERENCE = "the synthetic file, plus a reference sample of the same population"


class Estimate(NamedTuple):
    """A value and its two-sided interval [low, high]."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What one attack measured.

    attack: its name. knowledge: what the attacker holds. metric: what was measured, such as `tpr_at_fpr_0.01`.
    value with its 95 % interval [low, high]. control: the same figure where there is nothing to find (non-members, or
    fresh real patients in the synthetic's place). n: number of members attacked. ceiling: the same figure when the
    release is a copy of the training data, or None where it was not measured. others: the same figure for other
    releases of the same patients, by name. p: how often a release without a leak gives a figure this large; p_adjusted:
    the same after Holm's correction over all attacks. detectable: the smallest value that would have been told from no
    leak in 80 % of releases. nonmembers_needed: set where there were too few non-members to say anything; the interval
    is then [0, 1]. verdict, threshold or alpha, and provenance are filled by the policy gate.
    """

    attack: str
    knowledge: str
    metric: str
    value: float
    low: float
    high: float
    control: float
    n: int
    ceiling: float | None = None
    others: Mapping[str, float] = field(default_factory=dict)
    p: float | None = None
    p_adjusted: float | None = None
    detectable: float | None = None
    nonmembers_needed: int | None = None
    threshold: float | None = None
    alpha: float | None = None
    verdict: Verdict | None = None
    provenance: str = ""
    note: str = ""


def clopper_pearson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided binomial interval for a share of n trials (Clopper and Pearson 1934).

    Raises:
        ValueError: n < 1 or successes outside [0, n].
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"clopper_pearson needs 0 <= successes <= n and n >= 1. Got {successes} of {n} instead.")
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(special.betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def newcombe(a: int, n_a: int, b: int, n_b: int, confidence: float = 0.95) -> Estimate:
    """Difference a/n_a - b/n_b of two independent shares, in [-1, 1] (Newcombe 1998, method 10: from Wilson limits).

    Unlike the textbook interval it stays wide where a share is 0 or 1.

    Raises:
        ValueError: a group without patients, or more successes than patients.
    """
    for successes, n in ((a, n_a), (b, n_b)):
        if n < 1 or not 0 <= successes <= n:
            raise ValueError(f"newcombe needs 0 <= successes <= n and n >= 1. Got {successes} of {n} instead.")
    share_a, share_b = a / n_a, b / n_b
    low_a, high_a = _wilson(a, n_a, confidence)
    low_b, high_b = _wilson(b, n_b, confidence)
    down = math.hypot(share_a - low_a, high_b - share_b)
    up = math.hypot(high_a - share_a, share_b - low_b)
    return Estimate(share_a - share_b, share_a - share_b - down, share_a - share_b + up)


def _wilson(successes: int, n: int, confidence: float) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927)."""
    # scipy.stats has it, and costs every command 1.4 s to import
    z, p = float(special.ndtri((1 + confidence) / 2)), successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return centre - half, centre + half


def judge(low: float, high: float, threshold: float) -> Verdict:
    """PASS if the upper limit is below the threshold, FAIL if the lower is above it, else INCONCLUSIVE.

    A limit that is not a number never passes.
    """
    if math.isnan(low) or math.isnan(high):
        return "INCONCLUSIVE"
    if high < threshold:
        return "PASS"
    return "FAIL" if low > threshold else "INCONCLUSIVE"


def n_to_decide(risk: Risk, threshold: float) -> int | None:
    """About how many members it would take (non-members in the same proportion) for the interval to clear `threshold`.

    The interval is taken to narrow with the square root of n around the value that was found; None where that value is
    the threshold itself, or is not a number, so that no n would do.
    """
    gap = abs(threshold - risk.value)
    reach = risk.high - risk.value if risk.value < threshold else risk.value - risk.low
    if not (gap > 0 and math.isfinite(reach / gap)):
        return None
    return math.ceil(risk.n * max(1.0, reach / gap) ** 2)
