"""The report's section on a privacy claim: what an audit could refute of it, and what it cost in utility."""

import math
from collections.abc import Sequence

import pandas as pd

from privacy.audit.claim import ClaimAudit
from privacy.hazards import hazards
from privacy.ledger import Ledger
from privacy.statement import NO_GUARANTEE, meaning, rounded_up
from reports.numbers import decimals, fixed, spread, whole
from reports.wording import score_words
from synthehr.fidelity.score import Score

HEADLINE = (
    "dwp_pearson",
    "dwp_spearman",
    "codes_per_patient_mean_difference",
    "codes_per_patient_ks",
    "dwpred_auroc_retention",
    "correlation_r_200",
    "detection_auroc_boosted",
    "knowledge_violations",
    "subgroup_rmse",
)
PRIVATE, NEAREST = "private_", "copula"


def claim_in_short(ledger: Ledger, audit: ClaimAudit | None) -> str:
    """What may be claimed, in one or two sentences; the whole statement is `privacy.statement`."""
    if not hazards(ledger) or ledger.budget is None:
        return f"{NO_GUARANTEE}. What protects patients is what the attacks measured."
    tried = "Not audited." if audit is None else f"Audited: {audit.verdict.lower()}."
    return f"epsilon {rounded_up(ledger.epsilon)}, delta {ledger.budget.delta:g}. {meaning(ledger)} {tried}"


def audit_rows(audit: ClaimAudit) -> list[dict[str, str]]:
    """One line an attacker: what he sees, how many of his guesses were right, and what that proves."""
    return [
        {
            "attacker": attacker,
            "knowledge": one.knowledge,
            "right": f"{whole(one.right)} of {whole(one.guesses)}",
            "canaries": whole(one.m),
            "lower": fixed(one.lower, 2),
            "claim": fixed(one.claim, 2),
            "verdict": one.verdict,
        }
        for attacker, one in (("Sees all answers", audit.white), ("Sees synthetic patients", audit.black))
    ]


def without_budget(generator: str, comparators: pd.DataFrame) -> str | None:
    """The comparator that tells what the budget cost: the same generator without one, or else the plain copula."""
    measured = set(comparators["generator"])
    return next((name for name in (generator.removeprefix(PRIVATE), NEAREST) if name in measured), None)


def cost_rows(scores: Sequence[Score], comparators: pd.DataFrame, plain: str) -> list[dict[str, str]]:
    """One line a headline score: this cohort, the generator `plain` without a budget, floor, ceiling, and the cost.

    The cost is the difference of the two by the way from floor to ceiling, 0 for none and below it where the noise did
    no harm; "n/a" where floor and ceiling are too close to tell.
    """
    values = comparators[comparators["generator"] == plain].set_index(["name", "stratum"])["value"]
    by_name = {score.name: score for score in scores if score.stratum == "all"}
    rows = []
    for name in HEADLINE:
        score = by_name.get(name)
        if score is None or (name, "all") not in values.index:
            continue
        other, places = float(values[name, "all"]), decimals(score.low, score.high)
        rows.append(
            {
                "label": score_words(name, "all"),
                "own": fixed(score.value, places),
                "interval": spread(score.low, score.high),
                "plain": fixed(other, places),
                "floor": fixed(score.floor, places),
                "ceiling": fixed(score.ceiling, places),
                "cost": _cost(score, other),
                "n": f"{whole(score.n)} {score.unit}",
            }
        )
    return rows


def _cost(score: Score, plain: float) -> str:
    lost = (score.value - plain) / (score.floor - score.ceiling) if math.isfinite(score.skill) else math.nan
    return "n/a" if math.isnan(lost) else fixed(lost, 2)
