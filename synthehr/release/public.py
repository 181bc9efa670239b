"""The public copies of what was measured and decided: rounded, strict JSON, nothing per record and none per code."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from privacy.policy import Decision
from privacy.risk import Risk
from synthehr.fidelity.score import Score
from synthehr.release.coarse import coarse
from synthehr.release.disclosure import json_number, published, published_scores

JUDGEMENT = ("threshold", "alpha", "verdict", "provenance")
FULL = 9  # significant digits of a figure, for the steward


def full_risks(risks: Iterable[Risk]) -> list[dict[str, Any]]:
    """Each risk as it was measured and judged, without figures of groups of few patients; for the steward."""
    return [_as_json(risk, lambda value: json_number(value, FULL)) for risk in published(risks)]


def public_risks(risks: Iterable[Risk]) -> list[dict[str, Any]]:
    """The figures that a gate judged, as coarse as the public report has them (`synthehr.release.coarse`).

    What no gate rests on stays with the steward, and so do notes, which name codes: a report that can be queried is an
    oracle (`synthehr.release.disclosure`).
    """
    return [_as_json(coarse(risk), json_number) for risk in published(risks) if risk.verdict]


def measured(risks: Iterable[Risk]) -> list[dict[str, Any]]:
    """Risks without what a gate added, to tell whether two lists are of one measurement."""
    return [
        {key: value for key, value in _as_json(risk, json_number).items() if key not in JUDGEMENT} for risk in risks
    ]


def _as_json(risk: Risk, number: Callable[[float | None], Any]) -> dict[str, Any]:
    figures = ("value", "low", "high", "control", "ceiling")
    return {
        "attack": risk.attack,
        "knowledge": risk.knowledge,
        "metric": risk.metric,
        **{key: number(getattr(risk, key)) for key in figures},
        "others": {name: number(value) for name, value in risk.others.items()},
        **{key: number(getattr(risk, key)) for key in ("p", "p_adjusted", "detectable")},
        "n": risk.n,
        "nonmembers_needed": risk.nonmembers_needed,
        "threshold": risk.threshold,
        "alpha": risk.alpha,
        "verdict": risk.verdict,
        "provenance": risk.provenance,
        "note": risk.note,
    }


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


def full_decision(decision: Decision, term: Mapping[str, str]) -> dict[str, Any]:
    """The policy's name, its verdict, what was decided, why in full sentences, and the override if there was one.

    term: name -> ISO date, of the decision and of its end.
    """
    return _outcome(decision, term) | {"reasons": list(decision.reasons)}


def public_decision(decision: Decision, term: Mapping[str, str]) -> dict[str, Any]:
    """The same at verdict level: each gate's verdict and coarse figures, no sentence that names a code."""
    gates = public_risks(decision.risks)
    judged = {f"{gate['attack']} {gate['metric']}" for gate in gates}
    rest = [reason for reason in decision.reasons if not any(f": {name} is " in reason for name in judged)]
    return _outcome(decision, term) | {"reasons": rest, "gates": gates}


def _outcome(decision: Decision, term: Mapping[str, str]) -> dict[str, Any]:
    return {
        "policy": decision.policy,
        "verdict": decision.verdict,
        "released": decision.released,
        "override": decision.override,
        **term,
    }


def to_json(document: Any) -> str:
    """Strict JSON (no NaN), one space of indent, a newline at the end."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
