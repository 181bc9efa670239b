import math

from privacy.budget import Budget
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian, SampledGaussian
from privacy.statement import statement

BUDGET = Budget(epsilon=2.0, delta=1e-6)
NOISY = Entry(query="marginals", mechanism=Gaussian(noise_multiplier=5.0), sensitivity=1.0)
STEPS = SampledGaussian(noise_multiplier=2.0, sampling_probability=0.01, steps=300)
TRAINED = Entry(query="critic", mechanism=STEPS, sensitivity=1.0)


def test_no_look_and_an_unprotected_look_carry_no_guarantee() -> None:
    assert "no look" in statement(Ledger())
    open_ledger = Ledger()
    open_ledger.look("autoencoder")
    assert "no differential privacy guarantee: 1 of 1 looks" in statement(open_ledger)


def test_looks_for_the_report_do_not_void_the_claim_but_are_named() -> None:
    ledger = Ledger([NOISY], BUDGET)
    ledger.look("the figures of the risk report", covers="report")
    assert "differentially private with epsilon" in statement(ledger)
    assert "Not covered: the figures of the report" in statement(ledger)


def test_the_statement_has_all_that_a_claim_needs() -> None:
    text = statement(Ledger([NOISY, TRAINED], BUDGET))
    for word in (
        "one patient, all encounters",
        "add or remove",
        "delta 1e-06",
        "privacy loss distributions",
        "Poisson",
    ):
        assert word in text
    assert "300 steps" in text


def test_epsilon_is_rounded_up_never_down() -> None:
    ledger = Ledger([NOISY], BUDGET)
    told = float(statement(ledger).split("epsilon ")[1].split(" ")[0])
    assert ledger.epsilon <= told < ledger.epsilon + 1e-3


def test_the_odds_are_those_of_randomised_response() -> None:
    # (ln 3, 0)-private: a coin that tells the truth three times in four, so 75 % of guesses are right; delta is tiny
    noise = Gaussian(noise_multiplier=4.2246788)  # epsilon 1 at delta 1e-6 (Balle and Wang)
    text = statement(Ledger([Entry(query="q", mechanism=noise, sensitivity=1.0)], BUDGET))
    assert f"{100 * math.e / (1 + math.e):.1f} % of cases" in text
