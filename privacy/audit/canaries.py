"""Canaries: which are in, by a secret coin; what scores say of them; and what that proves against a claim.

How many canaries are guessed must not be chosen by looking at which guesses came out right, or the best of many choices
would refute what is true. Here a few choices are fixed in advance, each is tested at its part of the 5 % (Bonferroni),
and the largest bound is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from privacy.audit.bound import lower_bound
from privacy.mechanisms import Floats
from privacy.noise import NoiseSource

Verdict = Literal["FAIL", "NOT REFUTED"]
Choice = tuple[int, int]  # how many of the highest scores are guessed in, and of the lowest out; on the rest none is
SIGNIFICANCE = 0.05
LEAST_CANARIES = 8
REPEATS = 21


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What one run proved of a claim.

    claim: the epsilon that the ledger tells, at delta. lower: epsilon is at least that, with 95 % confidence. m:
    canaries, each in or out by a coin. guesses, right: of the choice that gave the bound. knowledge: what the guesser
    saw.
    """

    claim: float
    delta: float
    lower: float
    m: int
    guesses: int
    right: int
    knowledge: str

    @property
    def verdict(self) -> Verdict:
        """FAIL if the bound exceeds the claim. No audit proves one: the rest is not refuted, by this attacker."""
        return "FAIL" if self.lower > self.claim else "NOT REFUTED"

    def as_json(self) -> dict[str, Any]:
        """All fields and the verdict; an infinite claim is the string "inf"."""
        claim = "inf" if np.isinf(self.claim) else self.claim
        return asdict(self) | {"claim": claim, "verdict": self.verdict}

    @staticmethod
    def of_json(found: Mapping[str, Any]) -> "Audit":
        """Read back what `as_json` gave."""
        fields = {name: value for name, value in found.items() if name != "verdict"}
        return Audit(**fields | {"claim": float(found["claim"])})


def coins(m: int, source: NoiseSource) -> NDArray[np.bool_]:
    """(m,) which canaries are in: a fair coin each, from a key of which the mechanism and the guesser know nothing.

    Raises:
        ValueError: fewer canaries than can prove anything, or coins that were drawn before.
    """
    if m < LEAST_CANARIES:
        raise ValueError(f"An audit needs {LEAST_CANARIES} canaries at the least. Got {m} instead.")
    return np.asarray(source.stream("which canaries are in").uniform(m) < 0.5)


def choices(m: int) -> tuple[Choice, ...]:
    """The choices fixed in advance: all, the clearest quarter, the third and the eighth that seem most to be in.

    Where a canary is in a batch by chance only, a low score says little and a high one much.
    """
    return ((m, m), (m // 8, m // 8), (m // 3, 0), (m // 8, 0))


def audited(
    scores: Floats,
    coin: NDArray[np.bool_],
    *,
    claim: float,
    delta: float,
    knowledge: str,
    fixed: Sequence[Choice] | None = None,
) -> Audit:
    """Guess from scores, count what is right, and tell the largest epsilon that is refuted at 95 % confidence.

    scores: (m,), or (attacks, m) of several attacks: larger where a canary seems to be in; worked out without the coin.
    coin: (m,) which canaries were in. fixed: choices (see `choices`), made in advance.

    Raises:
        ValueError: scores that are not a number, or shapes or choices that do not fit the canaries.
    """
    attacks, m = np.atleast_2d(scores), len(coin)
    fixed = choices(m) if fixed is None else fixed
    if attacks.shape[1] != m or m < LEAST_CANARIES or np.isnan(attacks).any():
        raise ValueError(f"Needed: a score for each of the {m} canaries, {LEAST_CANARIES} or more, and no nan.")
    significance = SIGNIFICANCE / (len(attacks) * len(fixed))
    found = []
    for attack in attacks:
        for top, bottom in fixed:
            guesses, right = min(top + bottom, m), right_guesses(attack, coin, top, bottom)
            lower = lower_bound(m=m, guesses=guesses, right=right, delta=delta, significance=significance)
            found.append((lower, guesses, right))
    lower, guesses, right = max(found, key=lambda one: one[0])
    return Audit(claim=claim, delta=delta, lower=lower, m=m, guesses=guesses, right=right, knowledge=knowledge)


def right_guesses(scores: Floats, coin: NDArray[np.bool_], top: int, bottom: int) -> int:
    """How many are right if the `top` highest scores are guessed in and the `bottom` lowest out; ties by position.

    (m, m) stands for a guess at each, in above a cut and out below it: see `cut`.

    Raises:
        ValueError: more guesses than canaries.
    """
    m = len(coin)
    if (top, bottom) == (m, m):
        return int(((scores > cut(scores)) == coin).sum())
    if not (top >= 0 <= bottom and top + bottom <= m):
        raise ValueError(f"From 0 to {m} canaries can be guessed. Got {top} and {bottom} instead.")
    order = np.argsort(-scores, kind="stable")  # the position of a canary knows nothing of its coin
    return int(coin[order[:top]].sum() + (~coin[order[m - bottom :]]).sum())


def cut(scores: Floats) -> float:
    """Where scores part best into two groups: the variance between the groups is largest (Otsu 1979).

    So many are in as the coin made, and not half of them: where all is seen, no guess is wrong.
    """
    finite = scores[np.isfinite(scores)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 0.0)
    ascending = np.sort(np.clip(scores, 2 * low - high - 1, 2 * high - low + 1))
    k = np.arange(1, len(ascending))
    below = np.cumsum(ascending)[:-1]
    means = below / k - (ascending.sum() - below) / (len(ascending) - k)
    best = int(np.argmax(k * (len(ascending) - k) * np.square(means)))
    return float((ascending[best] + ascending[best + 1]) / 2)


def gaussian_power(m: int, *, noise_multiplier: float, delta: float) -> float:
    """The bound that a correct Gaussian mechanism gives in half of all audits, if all of its answer shows the canaries.

    Far below the epsilon of the mechanism: its worst case is a rare event, and m canaries see common ones.
    """
    rng = np.random.default_rng(0)
    coin = rng.random((REPEATS, m)) < 0.5
    scores = coin - 0.5 + noise_multiplier * rng.standard_normal(coin.shape)
    found = [
        audited(one, drawn, claim=np.inf, delta=delta, knowledge="").lower
        for one, drawn in zip(scores, coin, strict=True)
    ]
    return float(np.median(found))


def most_provable(m: int, *, delta: float) -> float:
    """The bound if all guesses are right: no claim above it can fail in an audit of m canaries."""
    return lower_bound(m=m, guesses=m, right=m, delta=delta, significance=SIGNIFICANCE / len(choices(m)))
