"""The decision and the claim of a bundle, as its files tell them, for the home page."""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.viewing.folder import Half
from privacy.statement import rounded_up

DECIDED = {
    "PASS": "May be released: every gate of the policy passes.",
    "FAIL": "The policy gate refuses this cohort.",
    "INCONCLUSIVE": "May be released: no gate fails, and the policy allows doubt in some.",
    "OVERRIDE": "Released by override, although the verdict is {verdict}.",
}


def decision_of(half: Half) -> dict[str, Any] | None:
    """`mark`, `words`, `policy`, `override` and `reasons` of `decision.json`; None where it is no such file."""
    document = _json(half, "decision.json")
    verdict, override = document.get("verdict"), document.get("override")
    mark = "OVERRIDE" if override and verdict != "PASS" else verdict
    if mark not in DECIDED:
        return None
    reasons = [str(reason) for reason in document.get("reasons", [])]
    policy = str(document.get("policy", "not stated"))
    return {
        "mark": mark,
        "words": DECIDED[str(mark)].format(verdict=verdict),
        "policy": policy,
        "override": override,
        "reasons": reasons,
    }


def epsilon_of(half: Half) -> str:
    """What `ledger.json` says was spent, unverified (the ledger's page does that); empty where it is not there."""
    document = _json(half, "ledger.json")
    epsilon, budget = document.get("epsilon"), document.get("budget")
    if isinstance(epsilon, float) and isinstance(budget, Mapping):
        return f"epsilon {rounded_up(epsilon)}, delta {budget.get('delta'):g}"
    return "none claimed" if document else ""


def _json(half: Half, name: str) -> Mapping[str, Any]:
    try:
        document = json.loads(half.text(name))
    except ValueError:
        return {}
    return document if isinstance(document, Mapping) else {}
