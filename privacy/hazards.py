"""How a release under a budget stands to the hazards that NIST names.

NIST SP 800-226 (2025, doi 10.6028/NIST.SP.800-226) lists what makes a claim of differential privacy hollow: each of its
hazards is handled here, declared, or does not apply, and the table says which.
"""

import math
from dataclasses import dataclass
from typing import Literal

from privacy.ledger import ADJACENCY, UNIT, Ledger
from privacy.mechanisms import SampledGaussian
from privacy.statement import rounded_up

Standing = Literal["handled", "declared", "not applicable"]


@dataclass(frozen=True)
class Hazard:
    """One hazard of NIST SP 800-226. standing: how it stands here; words: why."""

    name: str
    standing: Standing
    words: str


UNIT_OF_PRIVACY = Hazard("Unit of privacy", "handled", f"{UNIT}: not one encounter, of which a patient may have many.")
OF_ANY_RELEASE: tuple[tuple[str, Standing, str], ...] = (
    ("Neighbouring data sets", "handled", f"{ADJACENCY}; the number of patients is itself only told with noise."),
    ("Sensitivity", "handled", "What a patient adds is scaled to a norm before it is summed; tests take one away."),
    (
        "Composition",
        "handled",
        "Every look is in the ledger, chained by hashes; `synthehr ledger verify` adds them up.",
    ),
    ("Vocabulary and domain", "handled", "The list of codes is public, or was chosen by a threshold in the ledger."),
    (
        "Preprocessing",
        "declared",
        "Each patient's row is that patient's alone if no two share an encounter; extracts are refused whole.",
    ),
    (
        "Hyper-parameters",
        "declared",
        "Defaults were chosen on open data; choices that a steward makes after looking are not covered.",
    ),
    (
        "Randomness",
        "handled",
        "ChaCha20 under a 256-bit key from the operating system, overwritten when the run ends; no seed gives it.",
    ),
    ("Floating point", "declared", "Noise and sums are floating-point numbers: the proof is that of the real line."),
    ("Timing and side channels", "declared", "Not protected: run it where nobody else can watch the machine."),
    ("Trust", "declared", "The central model: whoever runs this sees the records."),
    ("Repeated releases", "declared", "Releases of the same patients add up: `synthehr ledger verify A B`."),
    ("Evaluation on real data", "declared", "The report's figures carry no noise; rounded, and small cells withheld."),
    ("Utility and bias", "declared", "Rare codes carry most of the noise; fidelity is told by stratum and subgroup."),
)


def hazards(ledger: Ledger) -> tuple[Hazard, ...]:
    """The hazards and how they stand for this ledger; empty where no guarantee is claimed."""
    if ledger.budget is None or math.isinf(ledger.epsilon) or not ledger.released:
        return ()
    told = f"epsilon {rounded_up(ledger.epsilon)}, delta {ledger.budget.delta:g}; what it means is in the statement."
    sampling = Hazard("Sampling", "not applicable", "No look was made on a sample.")
    if any(isinstance(entry.mechanism, SampledGaussian) for entry in ledger.released):
        how = "Poisson sampling with a configured probability, a fresh batch each step."
        sampling = Hazard("Sampling", "handled", how)
    rest = (Hazard(name, standing, words) for name, standing, words in OF_ANY_RELEASE)
    return (UNIT_OF_PRIVACY, Hazard("Value of epsilon", "declared", told), sampling, *rest)
