"""The public copies of what was measured and decided: rounded, strict JSON, nothing per record and none per code."""

import json
from collections.abc import Iterable
from typing import Any

from privacy.policy import Decision
from privacy.risk import Risk
from synthehr.fidelity.score import Score
from synthehr.release.disclosure import json_number, published, published_scores


def public_risks(risks: Iterable[Risk]) -> list[dict[str, Any]]:
    """Each risk with interval, control, ceiling, comparators, p values, power and n; verdict where a gate judged it."""
    return [
        {
            "attack": risk.attack,
            "knowledge": risk.knowledge,
            "metric": risk.metric,
            **{key: json_number(getattr(risk, key)) for key in ("value", "low", "high", "control", "ceiling")},
            "others": {name: json_number(value) for name, value in risk.others.items()},
            **{key: json_number(getattr(risk, key)) for key in ("p", "p_adjusted", "detectable")},
            "n": risk.n,
            "nonmembers_needed": risk.nonmembers_needed,
            "threshold": risk.threshold,
            "alpha": risk.alpha,
            "verdict": risk.verdict,
            "provenance": risk.provenance,
            "note": risk.note,
        }
        for risk in risks
    ]


def public_scores(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """Each score with its interval, floor, ceiling, skill and n; no table of codes, no count of few real patients."""
    return [
        {
            "name": score.name,
            "stratum": score.stratum,
            **{key: json_number(getattr(score, key)) for key in ("value", "low", "high", "floor", "ceiling", "skill")},
            "n": score.n,
            "unit": score.unit,
            "better": score.better,
            "note": score.note,
        }
        for score in published_scores(scores)
    ]


def public_decision(decision: Decision) -> dict[str, Any]:
    """The policy's name, its verdict, what was decided, why, and the override if there was one."""
    return {
        "policy": decision.policy,
        "verdict": decision.verdict,
        "released": decision.released,
        "override": decision.override,
        "reasons": list(decision.reasons),
        "gates": [risk for risk in public_risks(published(decision.risks)) if risk["verdict"] is not None],
    }


def to_json(document: Any) -> str:
    """Strict JSON (no NaN), one space of indent, a newline at the end."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
