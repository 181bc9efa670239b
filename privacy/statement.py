"""What may be claimed of a release, in plain sentences."""

import math

from privacy.ledger import ADJACENCY, UNIT, Ledger
from privacy.mechanisms import SampledGaussian

NO_GUARANTEE = "This release carries no differential privacy guarantee"
NOT_COVERED = (
    "Not covered: the figures of the report, which were computed on real patients without noise; settings that "
    "somebody chose after looking at these patients; what the release tells of people in general, in the extract or "
    "not; that the noise is of floating-point numbers; whoever can time or watch the machine while it works."
)


def statement(ledger: Ledger) -> str:
    """What may be claimed; an empty ledger proves nothing and says so."""
    released = ledger.released
    if not released:
        return f"{NO_GUARANTEE}: no look at patients' data was recorded."
    bare = sum(entry.mechanism is None for entry in released)
    if bare or ledger.budget is None:
        return (
            f"{NO_GUARANTEE}: {bare} of {len(released)} looks at patients' data were made without a mechanism. What "
            "protects patients is what the attacks measured."
        )
    told = rounded_up(ledger.epsilon)
    return (
        f"The generator and all synthetic patients are differentially private with epsilon {told} and "
        f"delta {ledger.budget.delta:g}. Unit: {UNIT}; adjacency: {ADJACENCY}. {_looks(ledger)} Accountant: privacy "
        f"loss distributions of dp-accounting, checked against the privacy random variables of Opacus. "
        f"{meaning(ledger)} {NOT_COVERED}"
    )


def rounded_up(value: float) -> str:
    """To three decimals, never below the value."""
    return f"{math.ceil(value * 1000 - 1e-6) / 1000:.3f}"


def _looks(ledger: Ledger) -> str:
    sampled = [e.mechanism for e in ledger.released if isinstance(e.mechanism, SampledGaussian)]
    steps = sum(mechanism.steps for mechanism in sampled)
    training = f", {steps:,} steps of training on Poisson-sampled batches among them" if sampled else ""
    return f"All {len(ledger.released)} looks at patients' data were made with Gaussian noise{training}."


def meaning(ledger: Ledger) -> str:
    """What the epsilon means for one patient: the most by which a guess can be better than a coin (Kairouz 2015)."""
    budget = ledger.budget
    assert budget is not None  # statement asked before
    right = 1 - (1 - budget.delta) / (1 + math.exp(ledger.epsilon))
    return (
        f"Whoever knows all other patients and guesses from the release whether one was among them, with even odds "
        f"before, is right in at most {100 * right:.1f} % of cases."
    )
