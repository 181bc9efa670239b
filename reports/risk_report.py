"""The risk report: a first page that a privacy officer can read and sign, and all that stands behind it.

There are two copies. The steward's has every figure; the public one is rendered from what `public_view` lets through.
Both open offline, call nowhere, and hold no figure of a single patient.
"""

from collections.abc import Mapping
from typing import Any, Literal

from privacy.audit.claim import NO_PROOF
from privacy.hazards import hazards
from privacy.risk import Risk
from privacy.statement import statement
from reports.claim import audit_rows, cost_rows, without_budget
from reports.figures.gates import gates, on_scale
from reports.figures.roc import roc
from reports.findings import finding_words
from reports.numbers import COARSE, FINE, Grain, clipped, fixed, shown, whole
from reports.page import environment
from reports.page_one import combined, declared, measured
from reports.public_view import public_view, rowless
from reports.questions import ten_questions
from reports.stories import GROUPS, attack_words, group_of
from reports.tables import gate_rows, key_risks, look_rows, release_table, risk_row
from reports.together import recipients_words, together_words
from reports.view import ReportView
from reports.wording import GLOSSARY
from synthehr.release.disclosure import SMALL_CELL, published, published_scores

Copy = Literal["public", "steward"]
FIRST_GATES = 11  # that page one has room for
FIDELITY: Mapping[str, str] = {"public": "fidelity.html", "steward": "../public/fidelity.html"}


def render_html(view: ReportView, copy: Copy = "steward") -> str:
    """The report as one self-contained HTML document; the same view and copy give the same bytes.

    Holds no figure of a single patient; figures of groups of 1 to 10 are withheld. The public copy depends on nothing
    but `public_view(view)`.
    """
    public = copy == "public"
    known, grain = (public_view(view), COARSE) if public else (view, FINE)
    template = environment().get_template("risk_report.html.j2")
    return template.render(
        view=known,
        public=public,
        fidelity=FIDELITY[copy] if known.decision.released else None,
        outcome=outcome(known),
        whole=whole,
        clipped=clipped,
        small_cell=SMALL_CELL,
        glossary=GLOSSARY,
        looks=look_rows(known.ledger),
        epsilon=shown(known.ledger.epsilon),
        **_first(known, grain),
        **_gates(known, grain),
        **_privacy(known),
        **_attacks(known, grain),
    )


def outcome(view: ReportView) -> Mapping[str, str]:
    """The decision in words. Keys: `mark` (PASS, FAIL, INCONCLUSIVE or OVERRIDE) and `words`."""
    decision = view.decision
    if not decision.released:
        return {"mark": decision.verdict, "words": "Not released: the policy gate refuses this cohort."}
    if decision.override and decision.verdict != "PASS":
        words = f"Released by override, although the verdict is {decision.verdict}. The reason is given below."
        return {"mark": "OVERRIDE", "words": words}
    if decision.verdict == "INCONCLUSIVE":
        return {"mark": "INCONCLUSIVE", "words": "May be released: no gate fails, and the policy allows doubt in some."}
    return {"mark": decision.verdict, "words": "May be released: every gate of the policy passes."}


def _first(view: ReportView, grain: Grain) -> dict[str, Any]:
    return {
        "columns": {
            "Measured": measured(view.decision.risks, grain),
            "Declared": declared(view),
            "Combined": combined(view, grain),
        },
        "questions": ten_questions(view, grain),
        "together": together_words(view, grain),
        "recipients": recipients_words(view.earlier),
        "finding": finding_words(view.found),
    }


def _gates(view: ReportView, grain: Grain) -> dict[str, Any]:
    risks = published(view.decision.risks)
    rows = gate_rows([risk for risk in risks if risk.verdict], view.policy, grain)
    reasons = rowless(view.decision.risks, view.decision.reasons)
    others = [{"verdict": reason.split(": ")[0], "reason": _sentence(reason.split(": ", 1)[1])} for reason in reasons]
    placed = on_scale(risks)
    room = max(FIRST_GATES - len(others), 1)
    return {
        "gates": rows,
        "first_gates": rows[:room],
        "n_more_gates": len(rows[room:]),
        "rowless": others,
        "gates_figure": gates(placed, [attack_words(risk.attack).label for risk in placed]) if placed else None,
        "n_off_scale": len(rows) - len(placed),
    }


def _sentence(words: str) -> str:
    """With a capital, but for what begins with a name."""
    return words if "_" in words.split()[0] else words[:1].upper() + words[1:]


def _privacy(view: ReportView) -> dict[str, Any]:
    found = view.evaluation
    plain = without_budget(view.generator, found.comparators)
    return {
        "claim": statement(view.ledger),
        "hazards": hazards(view.ledger),
        "audit": found.audit,
        "no_proof": NO_PROOF,
        "correct_gaussian": fixed(found.audit.correct_gaussian, 2) if found.audit else "",
        "most": fixed(found.audit.most, 2) if found.audit else "",
        "audit_rows": audit_rows(found.audit) if found.audit else [],
        "plain": plain,
        "cost_rows": cost_rows(published_scores(found.scores), found.comparators, plain) if plain else [],
    }


def _attacks(view: ReportView, grain: Grain) -> dict[str, Any]:
    by_attack: dict[str, list[Risk]] = {}
    for risk in published(view.decision.risks):
        by_attack.setdefault(risk.attack, []).append(risk)
    told = [_attack(view, name, risks, number, grain) for number, (name, risks) in enumerate(by_attack.items(), 1)]
    groups = [
        {"anchor": anchor, "title": title, "attacks": [one for one in told if group_of(one["name"]) == anchor]}
        for anchor, (title, _) in GROUPS.items()
    ]
    names, lines = release_table(published(view.decision.risks))
    return {
        "groups": [group for group in groups if group["attacks"] or group["anchor"] == "exposed"],
        "n_risks_withheld": len(view.decision.risks) - sum(len(risks) for risks in by_attack.values()),
        "release_names": names,
        "releases": [line | {"title": attack_words(str(line["attack"])).title} for line in lines],
    }


def _attack(view: ReportView, name: str, risks: list[Risk], number: int, grain: Grain) -> dict[str, Any]:
    words, curves = attack_words(name), view.evaluation.roc
    return {
        "name": name,
        "title": words.title,
        "story": words.story,
        "knowledge": key_risks(risks)[0].knowledge,
        "rows": [risk_row(risk, grain) for risk in key_risks(risks)],
        "all": [risk_row(risk, grain) for risk in risks],
        "judged": any(risk.verdict for risk in risks),
        "figure": roc(name, curves, number=number, title=words.title) if (curves["attack"] == name).any() else None,
    }
