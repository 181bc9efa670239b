"""What may be claimed of a release, in plain sentences, and how it stands to the hazards that NIST names.

NIST SP 800-226 (2025, doi 10.6028/NIST.SP.800-226) lists what makes a claim of differential privacy hollow: each of its
hazards is handled here, declared, or does not apply, and the table says which.
"""

import math
from dataclasses import dataclass
from typing import Literal

from privacy.ledger import ADJACENCY, UNIT, Ledger
from privacy.mechanisms import SampledGaussian

Standing = Literal["handled", "declared", "not applicable"]
NO_GUARANTEE = "This release carries no differential privacy guarantee"
NOT_COVERED = (
    "Not covered: the figures of the report, which were computed on real patients without noise; settings that "
    "somebody chose after looking at these patients; what the release tells of people in general, in the extract or "
    "not; that the noise is of floating-point numbers; whoever can time or watch the machine while it works."
)


@dataclass(frozen=True)
class Hazard:
    """One hazard of NIST SP 800-226. standing: how it stands here; words: why."""

    name: str
    standing: Standing
    words: str


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
    return (
        f"The generator and all synthetic patients are differentially private with epsilon {_up(ledger.epsilon)} and "
        f"delta {ledger.budget.delta:g}. Unit: {UNIT}; adjacency: {ADJACENCY}. {_looks(ledger)} Accountant: privacy "
        f"loss distributions of dp-accounting, checked against the privacy random variables of Opacus. "
        f"{_meaning(ledger)} {NOT_COVERED}"
    )


def _up(value: float) -> str:
    """To three decimals, never below the value."""
    return f"{math.ceil(value * 1000 - 1e-6) / 1000:.3f}"


def _looks(ledger: Ledger) -> str:
    sampled = [e.mechanism for e in ledger.released if isinstance(e.mechanism, SampledGaussian)]
    steps = sum(mechanism.steps for mechanism in sampled)
    training = f", {steps:,} steps of training on Poisson-sampled batches among them" if sampled else ""
    return f"All {len(ledger.released)} looks at patients' data were made with Gaussian noise{training}."


def _meaning(ledger: Ledger) -> str:
    """What the epsilon means for one patient: the most by which a guess can be better than a coin (Kairouz 2015)."""
    budget = ledger.budget
    assert budget is not None  # statement asked before
    right = 1 - (1 - budget.delta) / (1 + math.exp(ledger.epsilon))
    return (
        f"Whoever knows all other patients and guesses from the release whether one was among them, with even odds "
        f"before, is right in at most {100 * right:.1f} % of cases."
    )


def hazards(ledger: Ledger) -> tuple[Hazard, ...]:
    """The hazards of NIST SP 800-226 and how they stand for this ledger; empty where no guarantee is claimed."""
    if ledger.budget is None or math.isinf(ledger.epsilon) or not ledger.released:
        return ()
    trained = any(isinstance(e.mechanism, SampledGaussian) for e in ledger.released)
    sampling: Standing = "handled" if trained else "not applicable"
    return (
        Hazard("Unit of privacy", "handled", f"{UNIT}: not one encounter, of which a patient may have many."),
        Hazard(
            "Value of epsilon",
            "declared",
            f"epsilon {_up(ledger.epsilon)}, delta {ledger.budget.delta:g}; what it means is in the statement.",
        ),
        Hazard(
            "Neighbouring data sets", "handled", f"{ADJACENCY}; the number of patients is itself only told with noise."
        ),
        Hazard(
            "Sensitivity",
            "handled",
            "Records are scaled to a norm before they are summed; a test compares by brute force.",
        ),
        Hazard(
            "Composition",
            "handled",
            "Every look is in the ledger, chained by hashes; `synthehr ledger verify` adds them up anew.",
        ),
        Hazard(
            "Sampling",
            sampling,
            "Poisson sampling with a configured probability, a fresh batch each step."
            if trained
            else "No look was made on a sample.",
        ),
        Hazard(
            "Vocabulary and domain",
            "handled",
            "The list of codes is public, or was chosen by a threshold that the ledger has.",
        ),
        Hazard(
            "Preprocessing",
            "declared",
            "Each patient's row is that patient's alone if no two share an encounter; extracts are refused whole.",
        ),
        Hazard(
            "Hyper-parameters",
            "declared",
            "Defaults were chosen on open data; choices that a steward makes after looking are not covered.",
        ),
        Hazard(
            "Randomness",
            "handled",
            "ChaCha20 under a 256-bit key from the operating system, overwritten when the run ends; no seed gives it.",
        ),
        Hazard(
            "Floating point",
            "declared",
            "Noise and sums are double-precision numbers: the proof is that of the real line.",
        ),
        Hazard(
            "Timing and side channels", "declared", "Not protected: run it where nobody else can watch the machine."
        ),
        Hazard("Trust", "declared", "The central model: whoever runs this sees the records."),
        Hazard(
            "Repeated releases",
            "declared",
            "Epsilons of several releases of the same patients add up: `synthehr ledger verify A B`.",
        ),
        Hazard(
            "Evaluation on real data",
            "declared",
            "The report's figures carry no noise; they are rounded, and small cells withheld.",
        ),
        Hazard(
            "Utility and bias",
            "declared",
            "Rare codes carry most of the noise; the report measures fidelity by stratum and subgroup.",
        ),
    )
