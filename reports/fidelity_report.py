"""The fidelity report: one page that tells a researcher what may be studied with the cohort, and on what that rests."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from privacy.statement import statement
from reports.fidelity_words import GLOSSARY, MARKS
from reports.figures.effects import displayed_effects, odds_ratios
from reports.figures.heat import correlations
from reports.figures.lengths import codes_per_patient
from reports.figures.scatter import dwp, dwpred
from reports.figures.skill import skills
from reports.figures.strata import prevalence_ratios
from reports.figures.subgroups import subgroup_errors
from reports.figures.training import training_curves
from reports.numbers import whole
from reports.page import environment
from reports.study import Verdict, verdicts
from reports.tables import comparator_table, score_rows, worst_codes
from reports.view import ReportView
from reports.wording import score_words
from synthehr.fidelity.score import Score
from synthehr.release.disclosure import ROUND_TO, SMALL_CELL, displayed_prevalence, published_scores
from synthehr.release.fitness.card import public_cards


def render_html(view: ReportView) -> str:
    """The report as one self-contained HTML document without a script; the same view gives the same bytes.

    Holds no figure of a single patient. Counts of real patients are rounded, whatever is worked out of them is worked
    out of the rounded ones, and it is withheld where one of them is below 11.
    """
    scores = published_scores(view.evaluation.scores)
    template = environment().get_template("fidelity_report.html.j2")
    return template.render(
        view=view,
        whole=whole,
        small_cell=SMALL_CELL,
        round_to=ROUND_TO,
        claim=statement(view.ledger) if view.ledger.budget is not None else None,
        marks=MARKS,
        glossary=GLOSSARY,
        **_verdicts(verdicts(scores)),
        **_scores(view, scores),
        figures=_figures(view),
        worst=worst_codes(view.evaluation.codes, view.n_test),
        cards=public_cards(view.cards),
        **_withheld(view),
    )


def _verdicts(found: Sequence[Verdict]) -> dict[str, Any]:
    by_answer = {answer: [verdict.title for verdict in found if verdict.answer == answer] for answer in MARKS}
    return {"verdicts": found, "by_answer": by_answer}


def _scores(view: ReportView, scores: Sequence[Score]) -> dict[str, Any]:
    whole_cohort = [score for score in scores if score.stratum == "all"]
    on_scale = [score for score in whole_cohort if math.isfinite(score.skill)]
    names, comparators = comparator_table(whole_cohort, view.evaluation.comparators)
    return {
        "scores": score_rows(whole_cohort),
        "strata_scores": score_rows([score for score in scores if score.stratum != "all"]),
        "n_off_scale": len(whole_cohort) - len(on_scale),
        "skill_figure": skills(on_scale, [score_words(s.name, s.stratum) for s in on_scale]) if on_scale else None,
        "comparator_names": names,
        "comparators": comparators,
    }


def _figures(view: ReportView) -> dict[str, str | None]:
    """Each figure by its name; None where what it shows was not measured."""
    found, n_test, n_compared = view.evaluation, view.n_test, view.n_compared
    history = view.history
    return {
        "dwp": dwp(found.codes, n_test=n_test, n_synthetic=n_compared),
        "ratios": prevalence_ratios(found.codes, n_test=n_test, n_compared=n_compared),
        "dwpred": dwpred(found.codes, n_test=n_test),
        "lengths": codes_per_patient(found.codes_per_patient, n_test=n_test, n_compared=n_compared)
        if len(found.codes_per_patient)
        else None,
        "heat": correlations(found.correlations, n_test=n_test) if len(found.correlations) else None,
        "effects": odds_ratios(found.effects, n_test=n_test) if len(found.effects) else None,
        "subgroups": subgroup_errors(found.subgroups) if len(found.subgroups) else None,
        "training": training_curves(history) if history is not None and len(history) else None,
    }


def _withheld(view: ReportView) -> dict[str, int]:
    found = view.evaluation
    shown = displayed_prevalence(found.codes["prevalence_real"].to_numpy(dtype=np.float64), view.n_test)
    pairs = len(found.effects) - len(displayed_effects(found.effects, view.n_test)) if len(found.effects) else 0
    return {"n_withheld": int(np.isnan(shown).sum()), "n_pairs_withheld": pairs}
