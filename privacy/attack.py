"""What an attack is: prepared once on what the attacker holds, then tried on one release after another.

An attack on the release proves nothing alone. The same attack is tried on fresh real patients (the control: nothing to
find), on a copy of the training data (the ceiling: everything to find) and on the comparators, and all stand in one
table. So an attack knows neither which release it was given nor what the others gave.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.risk import Estimate


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One figure that one attack found on one release.

    attack, knowledge, metric, n, note: as in `Risk`. estimate: value with its 95 % interval. p: how often a release
    that holds nothing of its members would give a figure at least as large, in [0, 1]; at most one figure of an attack
    has it, the one that decides whether the attack found anything (Holm's correction runs over attacks). detectable:
    the smallest value that would be told from no leak at this n in 80 % of releases, or None where that is not known.
    nonmembers_needed: set where there were too few non-members to say anything; the interval is then [0, 1].
    """

    attack: str
    knowledge: str
    metric: str
    estimate: Estimate
    n: int
    note: str = ""
    p: float | None = None
    detectable: float | None = None
    nonmembers_needed: int | None = None


# release (n, n_codes), CSR of uint8 0 and 1 -> what was found. Deterministic: a prepared attack holds its own seed.
Attack = Callable[[sparse.csr_matrix], list[Finding]]

# release -> one number for each target, (n_targets,), higher speaks for membership. A membership attack is a scorer: a
# factory (targets, reference, seed) -> Scorer that is never told which targets are members.
Scorer = Callable[[sparse.csr_matrix], NDArray[np.float64]]
