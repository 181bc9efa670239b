import pytest

from privacy.budget import Budget
from privacy.hazards import hazards
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian, SampledGaussian

BUDGET = Budget(epsilon=2.0, delta=1e-6)
NOISY = Entry(query="marginals", mechanism=Gaussian(noise_multiplier=5.0), sensitivity=1.0)
STEPS = SampledGaussian(noise_multiplier=2.0, sampling_probability=0.01, steps=300)
TRAINED = Entry(query="critic", mechanism=STEPS, sensitivity=1.0)


def test_without_a_claim_there_are_none() -> None:
    open_ledger = Ledger()
    open_ledger.look("autoencoder")
    assert hazards(open_ledger) == hazards(Ledger()) == ()


@pytest.mark.parametrize(("entries", "sampling"), [([NOISY], "not applicable"), ([TRAINED], "handled")])
def test_hazards_say_how_they_stand(entries: list[Entry], sampling: str) -> None:
    found = {hazard.name: hazard for hazard in hazards(Ledger(entries, BUDGET))}
    assert found["Sampling"].standing == sampling
    assert found["Floating point"].standing == "declared"
    assert {hazard.standing for hazard in found.values()} <= {"handled", "declared", "not applicable"}
    assert all(hazard.words for hazard in found.values())
