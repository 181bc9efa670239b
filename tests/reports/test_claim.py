import math
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from privacy.audit.canaries import Audit
from privacy.audit.claim import ClaimAudit
from privacy.budget import Budget
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian
from reports.claim import audit_rows, cost_rows, without_budget
from reports.risk_report import render_html
from reports.view import ReportView
from synthehr.evaluation import COMPARATOR_COLUMNS
from synthehr.fidelity.score import Score

MakeView = Callable[..., ReportView]


def audit(lower: float) -> ClaimAudit:
    white = Audit(claim=3.0, delta=1e-6, lower=lower, m=1_000, guesses=250, right=140, knowledge="all answers")
    black = replace(white, lower=0.02, guesses=1_000, right=511, knowledge="20,000 synthetic patients")
    return ClaimAudit(
        model="private_copula", white=white, black=black, correct_gaussian=0.76, most=5.42, note="Of note."
    )


def score(name: str, value: float, floor: float = 0.0, ceiling: float = 1.0) -> Score:
    return Score(
        name=name,
        value=value,
        low=value - 0.01,
        high=value + 0.01,
        floor=floor,
        ceiling=ceiling,
        n=116,
        unit="codes",
        better="higher",
    )


def comparators(**values: float) -> pd.DataFrame:
    rows = [(generator, "dwpred_auroc_retention", "all", value) for generator, value in values.items()]
    return pd.DataFrame(rows, columns=COMPARATOR_COLUMNS)


def private_ledger() -> Ledger:
    ledger = Ledger(budget=Budget(epsilon=3.0, delta=1e-6))
    ledger.spend(Entry(query="counts", mechanism=Gaussian(noise_multiplier=5.0), sensitivity=1.0))
    return ledger


def test_an_audit_has_a_line_for_each_attacker() -> None:
    white, black = audit(0.41).white, audit(0.41).black
    rows = audit_rows(audit(0.41))
    assert [row["lower"] for row in rows] == ["0.41", "0.02"]
    assert [row["right"] for row in rows] == ["140 of 250", "511 of 1,000"]
    assert [row["knowledge"] for row in rows] == [white.knowledge, black.knowledge]


def test_the_cost_is_the_way_lost_between_floor_and_ceiling() -> None:
    # .75 without a budget, .60 with one, from a floor of .10 to a ceiling of .90: .15 of .80 lost
    rows = cost_rows([score("dwpred_auroc_retention", 0.6, 0.1, 0.9)], comparators(copula=0.75), "copula")
    assert [(row["own"], row["plain"], row["cost"]) for row in rows] == [("0.600", "0.750", "0.19")]
    better = cost_rows([score("dwpred_auroc_retention", 0.8, 0.1, 0.9)], comparators(copula=0.72), "copula")
    assert better[0]["cost"] == "\N{MINUS SIGN}0.10"


def test_a_score_whose_floor_and_ceiling_cannot_be_told_apart_has_no_cost() -> None:
    close = score("dwpred_auroc_retention", 0.6, 0.6, 0.601)
    assert math.isnan(close.skill)
    assert cost_rows([close], comparators(copula=0.75), "copula")[0]["cost"] == "n/a"


def test_scores_that_were_not_measured_without_a_budget_are_left_out() -> None:
    assert cost_rows([score("dwp_spearman", 0.9)], comparators(copula=0.75), "copula") == []


@pytest.mark.parametrize(
    ("generator", "measured", "plain"),
    [
        ("private_copula", ("copula", "independent"), "copula"),
        ("private_independent", ("copula", "independent"), "independent"),
        ("private_transformer", ("copula", "independent"), "copula"),
        ("private_copula", ("independent",), None),
    ],
)
def test_the_same_generator_without_a_budget_tells_the_cost_or_the_copula(
    generator: str, measured: tuple[str, ...], plain: str | None
) -> None:
    assert without_budget(generator, comparators(**dict.fromkeys(measured, 0.5))) == plain


def test_the_report_of_a_claim_shows_its_audit_and_its_cost(make_view: MakeView) -> None:
    plain = make_view(ledger=private_ledger(), generator="private_copula")
    page = render_html(plain)
    assert "Not audited." in page
    assert "Audit of the claim" not in page
    found = replace(plain.evaluation, audit=audit(0.41))
    page = render_html(make_view(ledger=private_ledger(), generator="private_copula", evaluation=found))
    for words in (
        "Audit of the claim",
        "NOT REFUTED",
        "140 of 250",
        "No audit proves a claim",
        "gives a bound of 0.76",
        "prove 5.42 at the most",
        "Audited: not refuted",
        "NIST SP 800-226",
    ):
        assert words in page


def test_a_report_without_a_claim_has_no_such_section(text: str) -> None:
    assert "Differential privacy: the claim" not in text
    assert "audited" not in text
