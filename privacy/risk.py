"""One figure of disclosure risk, with its interval, its control and the verdict of a gate."""

import math
from dataclasses import dataclass
from typing import Literal

from scipy import stats

Verdict = Literal["PASS", "FAIL", "INCONCLUSIVE"]


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What one attack measured.

    attack: its name. knowledge: what the attacker holds. metric: what was measured, such as `tpr_at_fpr_0.01`.
    value with its 95 % interval [low, high]. control: the same figure where there is nothing to find (non-members, or
    fresh real patients in the synthetic's place). n: number of members attacked. ceiling: the same figure when the
    release is a copy of the training data, or None where it was not measured. verdict, threshold and provenance are
    filled by the policy gate.
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
    threshold: float | None = None
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
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(stats.beta.ppf(1 - tail, successes + 1, n - successes))
    return low, high


def judge(low: float, high: float, threshold: float) -> Verdict:
    """PASS if the upper limit is below the threshold, FAIL if the lower is above it, else INCONCLUSIVE.

    A limit that is not a number never passes.
    """
    if math.isnan(low) or math.isnan(high):
        return "INCONCLUSIVE"
    if high < threshold:
        return "PASS"
    return "FAIL" if low > threshold else "INCONCLUSIVE"
