"""The risk report: one page that a privacy officer can read, print and sign; it opens offline and calls nowhere."""

import math
from collections.abc import Mapping
from typing import Any

from privacy.audit.claim import NO_PROOF
from privacy.hazards import hazards
from privacy.statement import statement
from reports.claim import audit_rows, cost_rows, without_budget
from reports.figures.roc import roc
from reports.figures.scatter import dwp, dwpred
from reports.figures.skill import skills
from reports.numbers import fixed, percent, shown, whole
from reports.page import environment
from reports.stories import attack_words
from reports.tables import comparator_table, key_risks, look_rows, release_table, risk_row, score_rows, worst_codes
from reports.view import ReportView
from reports.wording import GLOSSARY, score_words
from synthehr.release.disclosure import ROUND_TO, SMALL_CELL, displayed_prevalence, published, published_scores


def render_html(view: ReportView) -> str:
    """The report as one self-contained HTML document; the same view gives the same bytes.

    Holds no figure of a single patient. Real prevalences are rounded, and withheld below 11 patients.
    """
    template = environment().get_template("risk_report.html.j2")
    return template.render(
        view=view,
        outcome=outcome(view),
        whole=whole,
        percent=percent,
        small_cell=SMALL_CELL,
        round_to=ROUND_TO,
        glossary=GLOSSARY,
        looks=look_rows(view.ledger),
        **_privacy(view),
        **_risk(view),
        **_fidelity(view),
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


def _risk(view: ReportView) -> dict[str, Any]:
    by_attack: dict[str, list[Any]] = {}
    for risk in published(view.decision.risks):
        by_attack.setdefault(risk.attack, []).append(risk)
    curves = view.evaluation.roc
    attacks = []
    for number, (name, risks) in enumerate(by_attack.items(), 1):
        words = attack_words(name)
        drawn = bool((curves["attack"] == name).any())
        attacks.append(
            {
                "title": words.title,
                "story": words.story,
                "knowledge": risks[0].knowledge,
                "rows": [risk_row(risk) for risk in key_risks(risks)],
                "all": [risk_row(risk) for risk in risks],
                "judged": any(risk.verdict for risk in risks),
                "figure": roc(name, curves, number=number, title=words.title) if drawn else None,
            }
        )
    gates = [
        {"title": attack_words(risk.attack).title, "row": risk_row(risk)}
        for risk in view.decision.risks
        if risk.verdict
    ]
    names, lines = release_table(published(view.decision.risks))
    releases = [line | {"title": attack_words(str(line["attack"])).title} for line in lines]
    withheld = len(view.decision.risks) - sum(len(risks) for risks in by_attack.values())
    return {
        "attacks": attacks,
        "gates": gates,
        "rowless": _rowless(view),
        "n_risks_withheld": withheld,
        "release_names": names,
        "releases": releases,
    }


def _rowless(view: ReportView) -> list[dict[str, str]]:
    """Gates that no measured figure stands behind (never measured, or of the ledger): verdict and reason."""
    judged = tuple(f"{risk.verdict}: {risk.attack} {risk.metric} is " for risk in view.decision.risks if risk.verdict)
    rest = [reason for reason in view.decision.reasons if not reason.startswith((*judged, "OVERRIDE"))]
    return [dict(zip(("verdict", "reason"), reason.split(": ", 1), strict=True)) for reason in rest]


def _fidelity(view: ReportView) -> dict[str, Any]:
    found = view.evaluation
    scores = published_scores(found.scores)
    whole_cohort = [score for score in scores if score.stratum == "all"]
    on_scale = [score for score in whole_cohort if math.isfinite(score.skill)]
    names, comparators = comparator_table(whole_cohort, found.comparators)
    shown_codes = ~_isnan(displayed_prevalence(found.codes["prevalence_real"].to_numpy(dtype=float), view.n_test))
    return {
        "scores": score_rows(whole_cohort),
        "strata_scores": score_rows([score for score in scores if score.stratum != "all"]),
        "n_off_scale": len(whole_cohort) - len(on_scale),
        "skill_figure": skills(on_scale, [score_words(s.name, s.stratum) for s in on_scale]) if on_scale else None,
        "comparator_names": names,
        "comparators": comparators,
        "dwp_figure": dwp(found.codes, n_test=view.n_test, n_synthetic=view.n_compared),
        "dwpred_figure": dwpred(found.codes, n_test=view.n_test),
        "worst": worst_codes(found.codes, view.n_test),
        "n_withheld": int((~shown_codes).sum()),
        "epsilon": shown(view.ledger.epsilon),
    }


def _isnan(values: Any) -> Any:
    return values != values
