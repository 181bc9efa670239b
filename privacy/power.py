"""What could have been seen: the smallest leak that so many patients would have shown.

A figure at chance is good news only if a leak would have moved it. Detectable means: told from no leak at 95 %
confidence (two-sided) in 80 % of releases.
"""

import numpy as np
from scipy import special, stats

from privacy.risk import Estimate, clopper_pearson

POWER = 0.80
CONFIDENCE = 0.95
# a normal estimate reaches beyond z(.975) standard errors in 80 % of cases if its mean lies z(.8) beyond that
REACH = float(special.ndtri((1 + CONFIDENCE) / 2) + special.ndtri(POWER))


def detectable_auc(m: int, n: int) -> float:
    """Smallest AUC that m members and n non-members would show, in (0.5, 1]; the variance is that of no leak.

    Raises:
        ValueError: a side without patients.
    """
    _patients(m, n)
    return min(1.0, 0.5 + REACH * float(((m + n + 1) / (12 * m * n)) ** 0.5))


def detectable_share(chance: float, n: int) -> float:
    """Smallest share of n patients whose lower Clopper-Pearson limit clears `chance` in 80 % of samples, in (0, 1].

    For a TPR `chance` is the FPR at which it is read. 1 where even all n would not do.

    Raises:
        ValueError: chance outside [0, 1), or no patients.
    """
    _patients(n)
    if not 0 <= chance < 1:
        raise ValueError(f"chance must lie in [0, 1). Got {chance} instead.")
    least = next((x for x in _counts_from(chance, n) if clopper_pearson(x, n, CONFIDENCE)[0] > chance), None)
    if least is None:
        return 1.0
    # P(Binomial(n, t) >= least) = POWER, solved for t
    return float(special.betaincinv(least, n - least + 1, POWER))


def detectable_difference(no_leak: float, estimate: Estimate) -> float:
    """Smallest value that would be told from `no_leak`, taking the interval below the estimate as its precision."""
    half = estimate.value - estimate.low
    return no_leak + half * REACH / float(stats.norm.ppf((1 + CONFIDENCE) / 2))


def _counts_from(chance: float, n: int) -> range:
    # the lower limit of a count never exceeds its own share, so nothing below chance * n can clear it
    return range(max(1, int(np.floor(chance * n))), n + 1)


def _patients(*counts: int) -> None:
    if min(counts) < 1:
        raise ValueError(f"Power needs at least one patient a side. Got {counts} instead.")
