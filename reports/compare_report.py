"""Releases side by side: what was asked for, what each scored, what each gave away; as rows of text, and as a page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from privacy.policy import Decision
from privacy.risk import Risk
from reports.figures.frontier import FRONTIER_COLUMNS, frontier
from reports.numbers import decimals, fixed, shown, spread
from reports.page import environment
from reports.stories import ATTACKS, metric_words
from reports.wording import score_words
from synthehr.evaluation import Evaluation
from synthehr.fidelity.score import Score

# scores that tell most in few panels, over all codes
HEADLINES = ("dwp_spearman", "dwpred_auroc_retention", "correlation_r_200", "detection_auroc_boosted")
OTHER_COHORT = (
    "These releases were NOT made from the same cohort: other patients, codes or splits. No figure here may be read "
    "beside another."
)
INTERVALS = (
    "A difference counts as beyond the intervals where the two 95 % intervals do not touch, which is a cautious test: "
    "both were measured on the same held-out patients. The intervals do not hold what another training, with another "
    "seed, would have moved."
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One release of several. label: unique, never a path. cohort: hash of what it was trained on.

    config: what was asked for, by landing and key, as text. evaluation, decision: None where it was not evaluated.
    epsilon: of its ledger, infinite without a guarantee, None where there is no ledger; delta: of its budget.
    """

    label: str
    cohort: str
    config: Mapping[str, str]
    evaluation: Evaluation | None = None
    decision: Decision | None = None
    epsilon: float | None = None
    delta: float | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table. key: its short name, where it has one; cells: text, one a candidate.

    further: what stands beside the cells (floor, ceiling, threshold). beyond: who is beyond the intervals of the first,
    and how. whole: of a score, over all codes and not of a stratum; headline: one of the few that tell most.
    """

    label: str
    cells: tuple[str, ...]
    key: str = ""
    further: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    whole: bool = True
    headline: bool = False


def same_cohort(candidates: Sequence[Candidate]) -> bool:
    """Whether figures of these may be read side by side."""
    return len({candidate.cohort for candidate in candidates}) == 1


def differences(candidates: Sequence[Candidate]) -> list[Row]:
    """What differs in config; a landing that a candidate has not says nothing of it."""
    keys = sorted({key for candidate in candidates for key in candidate.config})
    rows = []
    for key in keys:
        landing = key.split(":")[0]
        known = [any(k.split(":")[0] == landing for k in candidate.config) for candidate in candidates]
        cells = tuple(
            candidate.config.get(key, "not said" if has else "")
            for candidate, has in zip(candidates, known, strict=True)
        )
        if len({cell for cell, has in zip(cells, known, strict=True) if has}) > 1:
            rows.append(Row(label=key, cells=cells))
    return rows


def score_rows(candidates: Sequence[Candidate]) -> list[Row]:
    """Each score with its intervals, floor and ceiling, and who is beyond the intervals of the first that has it."""
    found = [_scores(candidate) for candidate in candidates]
    comparable, rows = same_cohort(candidates), []
    for key in dict.fromkeys(key for scores in found for key in scores):
        scores = [by_key.get(key) for by_key in found]
        places = max((decimals(s.low, s.high) or 0 for s in scores if s is not None), default=0) or None
        beyond = beyond_intervals(candidates, scores) if comparable else {}
        rows.append(
            Row(
                label=score_words(*key),
                key=key[0],
                cells=tuple("" if s is None else f"{fixed(s.value, places)} {spread(s.low, s.high)}" for s in scores),
                further=tuple(
                    _range([getattr(s, end) for s in scores if s is not None], places) for end in ("floor", "ceiling")
                ),
                beyond=tuple(f"{label} {word}" for label, word in beyond.items()),
                whole=key[1] == "all",
                headline=key[1] == "all" and key[0] in HEADLINES,
            )
        )
    return rows


def beyond_intervals(candidates: Sequence[Candidate], scores: Sequence[Score | None]) -> dict[str, str]:
    """Of each whose interval does not touch that of the first: better, worse, or other where neither can be said."""
    there = [(candidate.label, score) for candidate, score in zip(candidates, scores, strict=True) if score is not None]
    if not there:
        return {}
    first, found = there[0][1], {}
    for label, score in there[1:]:
        if score.high < first.low or score.low > first.high:
            gain = _loss(first) - _loss(score)
            found[label] = "better" if gain > 0 else "worse" if gain < 0 else "other"
    return found


def _loss(score: Score) -> float:
    """How bad a value is: smaller is better."""
    if score.better == "ceiling":
        return abs(score.value - score.ceiling)
    return score.value if score.better == "lower" else -score.value


def _scores(candidate: Candidate) -> dict[tuple[str, str], Score]:
    return {} if candidate.evaluation is None else {(s.name, s.stratum): s for s in candidate.evaluation.scores}


def _range(values: Sequence[float], places: int | None) -> str:
    """One number where all agree as shown, else the least and the most."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return "n/a"
    least, most = fixed(min(known), places), fixed(max(known), places)
    return least if least == most else f"{least} to {most}"


def risk_rows(candidates: Sequence[Candidate]) -> list[Row]:
    """Each judged figure with its verdicts, in the order of the policy; then the verdict of the whole, and epsilon."""
    found = [_judged(candidate) for candidate in candidates]
    rows = []
    for key in dict.fromkeys(key for risks in found for key in risks):
        risks = [by_key.get(key) for by_key in found]
        one = next(risk for risk in risks if risk is not None)
        demand = f"p of {one.alpha:g} or more" if one.alpha is not None else f"below {one.threshold:g}"
        title = ATTACKS[key[0]].title if key[0] in ATTACKS else key[0].replace("_", " ")
        rows.append(
            Row(
                label=f"{title}: {metric_words(key[1])}",
                key=" ".join(key),
                cells=tuple("" if r is None else _risk_cell(r) for r in risks),
                verdicts=tuple("" if r is None else r.verdict or "" for r in risks),
                further=(demand,),
            )
        )
    verdicts = tuple("" if c.decision is None else c.decision.verdict for c in candidates)
    rows.append(Row(label="All gates", cells=("",) * len(candidates), verdicts=verdicts, further=("",)))
    return rows


def _risk_cell(risk: Risk) -> str:
    return f"{fixed(risk.value, decimals(risk.low, risk.high))} {spread(risk.low, risk.high)}"


def _judged(candidate: Candidate) -> dict[tuple[str, str], Risk]:
    risks = () if candidate.decision is None else candidate.decision.risks
    return {(risk.attack, risk.metric): risk for risk in risks if risk.verdict is not None}


def epsilon_words(candidate: Candidate) -> str:
    """The epsilon of a ledger for a reader."""
    if candidate.epsilon is None:
        return "no ledger"
    if math.isinf(candidate.epsilon):
        return "none: not differentially private"
    return f"{shown(candidate.epsilon)} at delta {candidate.delta:g}"


def frontier_rows(candidates: Sequence[Candidate]) -> pd.DataFrame:
    """`FRONTIER_COLUMNS` of the evaluated releases; empty unless they are of one cohort and of two epsilons or more."""
    measured = [c for c in candidates if c.evaluation is not None and c.epsilon is not None and c.epsilon > 0]
    rows: list[dict[str, Any]] = []
    if same_cohort(candidates) and len({candidate.epsilon for candidate in measured}) > 1:
        for name in HEADLINES:
            for candidate in measured:
                score = _scores(candidate).get((name, "all"))
                if score is not None:
                    numbers = {key: getattr(score, key) for key in ("value", "low", "high", "floor", "ceiling")}
                    words = score_words(name, "all")
                    rows.append({"label": candidate.label, "epsilon": candidate.epsilon, "score": words, **numbers})
    return pd.DataFrame(rows, columns=FRONTIER_COLUMNS)


def render_compare(candidates: Sequence[Candidate], *, policy: str, notes: Sequence[str] = ()) -> str:
    """The page, self-contained: no script, no file beside it, no path. policy: by which all were judged."""
    scores, rows = score_rows(candidates), frontier_rows(candidates)
    return (
        environment()
        .get_template("compare.html.j2")
        .render(
            labels=[candidate.label for candidate in candidates],
            epsilons=[epsilon_words(candidate) for candidate in candidates],
            same_cohort=same_cohort(candidates),
            other_cohort=OTHER_COHORT,
            intervals=INTERVALS,
            notes=list(notes),
            policy=policy,
            differences=differences(candidates),
            scores=[row for row in scores if row.whole],
            strata=[row for row in scores if not row.whole],
            risks=risk_rows(candidates),
            frontier=frontier(rows) if len(rows) else "",
        )
    )
