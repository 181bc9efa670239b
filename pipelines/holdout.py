"""The holdout, cut into the parts that an evaluation needs."""

from dataclasses import dataclass

import numpy as np

from synthehr.cohort.matrix import CodeMatrix

SPLITTING = 1  # purpose of the seed, beside those of pipelines.evaluate


@dataclass(frozen=True)
class Holdout:
    """The holdout, cut once: nobody in it was seen in training, and no part serves two purposes.

    test: the real side of fidelity, and the non-members that attacks are tried on. fresh: the other half, real patients
    in the synthetic's place (the ceiling of fidelity). reference and control: its halves, the attacker's sample of
    the population and the real patients in the synthetic's place (the control of an attack).
    """

    test: CodeMatrix
    fresh: CodeMatrix
    reference: CodeMatrix
    control: CodeMatrix


def split_holdout(holdout: CodeMatrix, *, seed: int) -> Holdout:
    """Cut the holdout in halves, and the second half in halves again, at random."""
    order = np.random.default_rng([seed, SPLITTING]).permutation(len(holdout))
    half = len(order) // 2
    quarter = half + (len(order) - half) // 2
    return Holdout(
        test=holdout.rows(order[:half]),
        fresh=holdout.rows(order[half:]),
        reference=holdout.rows(order[half:quarter]),
        control=holdout.rows(order[quarter:]),
    )
