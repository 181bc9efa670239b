"""What guesses about canaries prove: an epsilon that a mechanism cannot keep, from one run of it.

m records, the canaries, are each in or out by a fair coin, and the mechanism runs once. Whoever sees its answers
guesses the coins, or abstains. Under differential privacy hardly more guesses are right than if each were so with
probability e^epsilon / (1 + e^epsilon), however they depend on each other (Steinke, Nasr and Jagielski 2023, "Privacy
auditing with one (1) training run", arXiv 2305.08846).
"""

import numpy as np
from scipy import special

BISECTIONS = 40
MOST_EPSILON = 200.0


def p_value(*, m: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """How likely so many right guesses are at the most, if the mechanism is (epsilon, delta)-private; in [0, 1].

    m: canaries. guesses: how many coins were guessed, a number fixed in advance. right: how many rightly. The mechanism
    is private for adding and removing one canary.

    Theorem 5.2 of the paper, for guesses of in, out or neither. With W binomial of `guesses` trials of probability
    e^epsilon / (1 + e^epsilon), P[as many right] <= P[W >= right] + 2 m delta alpha, and alpha is the largest of
    P[right - i <= W < right] / i over i = 1 to m: delta can turn i guesses right, with probability m delta / i at most.

    Raises:
        ValueError: not 0 <= right <= guesses <= m, delta outside [0, 1], or a negative epsilon.
    """
    if not 0 <= right <= guesses <= m:
        raise ValueError(f"Needed: 0 <= right <= guesses <= m. Got {right}, {guesses} and {m} instead.")
    if not (0 <= delta <= 1 and epsilon >= 0):
        raise ValueError(f"epsilon must be at least 0 and delta in [0, 1]. Got {epsilon} and {delta} instead.")
    k = np.arange(right + 1)
    # P[W >= k] as an incomplete beta function: scipy.stats has it, and takes a second to import
    tail = special.betainc(np.maximum(k, 1), guesses - k + 1, special.expit(epsilon))
    tail[0] = 1.0
    # beyond i = right the probability stays and i grows
    alpha = np.max((tail[-2::-1] - tail[-1]) / np.arange(1, right + 1), initial=0.0)
    return float(min(1.0, tail[-1] + 2 * m * delta * alpha))


def lower_bound(*, m: int, guesses: int, right: int, delta: float, significance: float = 0.05) -> float:
    """The largest epsilon that is refuted at `significance`; 0 where none is. See `p_value`.

    With probability 1 - significance at least, a mechanism that is (epsilon, delta)-private gets a bound of at most
    epsilon. The mechanism may be far worse than the bound: it counts what one attacker saw.

    Raises:
        ValueError: significance outside (0, 1), or what `p_value` refuses.
    """
    if not 0 < significance < 1:
        raise ValueError(f"The significance must be in (0, 1). Got {significance} instead.")

    def refuted(epsilon: float) -> bool:
        return p_value(m=m, guesses=guesses, right=right, epsilon=epsilon, delta=delta) < significance

    if not refuted(0.0):
        return 0.0
    low, high = 0.0, 1.0
    while high < MOST_EPSILON and refuted(high):
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if refuted(middle) else (low, middle)
    return low
