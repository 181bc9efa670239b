"""What may be studied with a cohort: a verdict a kind of study, by rules on the intervals of its scores.

The limits are house defaults: no authority has set any. Each is on the whole interval and not on the value, so that a
figure of few patients cannot say yes by chance.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reports.numbers import decimals, fixed, spread, whole
from reports.study_rules import Answer, Kind, Rule, beyond_sampling, skill_interval
from synthehr.fidelity.score import Score


@dataclass(frozen=True, kw_only=True)
class Study:
    """A kind of study and what answers for it.

    title: what is studied. score, stratum: the figure. measured: the figure in words. beyond: judge and show it as
    `beyond_sampling`. shown: how a value of it is turned for the reader. unit: what stands behind it. advice: what to
    do where the answer is not yes.
    """

    title: str
    score: str
    rule: Rule
    measured: str
    stratum: str = "all"
    beyond: bool = False
    shown: Callable[[float], float] = float
    unit: str = ""
    advice: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One line of the table of verdicts, all text; empty where there is no figure."""

    title: str
    answer: Answer
    measured: str
    why: str
    rule: str = ""
    value: str = ""
    interval: str = ""
    floor: str = ""
    ceiling: str = ""
    n: str = ""


def _tenfolds(x: float) -> float:
    return float(10.0**x)


def _points(x: float) -> float:
    return 100 * x


_SIGNS: Mapping[Kind, str] = {
    "at most": "≤\N{NO-BREAK SPACE}",
    "at least": "≥\N{NO-BREAK SPACE}",
    "way to the ceiling": "skill ≥\N{NO-BREAK SPACE}",
}
_SKILL = Rule(kind="way to the ceiling", yes=0.8, care=0.5)
_RATIO = Rule(kind="at most", yes=math.log10(1.1), care=math.log10(1.25))
_KEPT = Rule(kind="at least", yes=0.9, care=0.7)
_RARE = "Confirm every figure of such a code on real data."
_STRATA = {">=5%": "5 % or more", "1-5%": "1 to 5 %", "0.1-1%": "0.1 to 1 %", "<0.1%": "fewer than 0.1 %"}

STUDIES: tuple[Study, ...] = (
    *(
        Study(
            title=f"Rates of codes that {words} of patients have",
            score="dwp_log10_ratio",
            stratum=stratum,
            rule=_RATIO,
            measured="factor by which a rate is off beyond sampling, on average",
            beyond=True,
            shown=_tenfolds,
            advice=_RARE if stratum == "<0.1%" else "",
        )
        for stratum, words in _STRATA.items()
    ),
    Study(
        title="Rates of codes within a sex, age or race",
        score="subgroup_rmse_worst",
        rule=_SKILL,
        measured="error of the rates beyond sampling, in the group that is worst",
        shown=_points,
        unit="points",
    ),
    Study(
        title="Which codes come together",
        score="correlation_r_200",
        rule=_SKILL,
        measured="agreement of the correlations of the 200 commonest codes",
    ),
    Study(
        title="How strongly codes are associated (odds ratios)",
        score="effect_log_or_difference",
        rule=Rule(kind="at most", yes=math.log(1.1), care=math.log(1.25)),
        measured="factor by which an odds ratio of common codes is off beyond sampling, on average",
        beyond=True,
        shown=math.exp,
    ),
    Study(
        title="Tests and intervals of odds ratios",
        score="effect_coverage",
        rule=Rule(kind="at least", yes=0.75, care=0.6),
        measured="odds ratios that lie within the real 95 % interval (0.83 is as good as real)",
    ),
    Study(
        title="Models that predict a code from the others",
        score="dwpred_auroc_retention",
        rule=_KEPT,
        measured="share of the real AUROC above chance that is kept on real patients (DWPred)",
    ),
    Study(
        title="Models of a declared outcome",
        score="downstream_auroc_retention",
        rule=_KEPT,
        measured="the same for the outcomes: trained on synthetic, tested on real patients (TSTR)",
    ),
    Study(
        title="Codes per patient (utilisation, multimorbidity)",
        score="codes_per_patient_ks",
        rule=Rule(kind="at most", yes=0.05, care=0.1),
        measured="largest gap between the two distributions (Kolmogorov-Smirnov)",
    ),
    Study(
        title="Groups of like patients (clusters, phenotypes)",
        score="log_cluster",
        rule=_SKILL,
        measured="how evenly real and synthetic patients share 20 clusters (log-cluster)",
    ),
    Study(
        title="Conditions that one sex or age alone can have",
        score="knowledge_violations",
        rule=Rule(kind="at most", yes=20.0, care=100.0),
        measured="patients per 10,000 with a code that their sex or age rules out, by rules of common codes",
        advice="Filter such patients out first.",
    ),
    Study(
        title="Rare codes: whether a code occurs at all",
        score="code_coverage",
        rule=Rule(kind="at least", yes=0.95, care=0.85, best="with care"),
        measured="share of the real codes that occur",
        advice=_RARE,
    ),
)

NEVER: tuple[Verdict, ...] = (
    Verdict(
        title="How often a patient has one code (visits, repeats)",
        answer="not measured",
        measured="",
        why="Every figure here is on whether a patient has a code; the counts beside them were not compared.",
    ),
    Verdict(
        title="Anything with time: order, duration, survival, trends",
        answer="no",
        measured="",
        why="The cohort has no times. No score can change that.",
    ),
    Verdict(
        title="Anything about one patient",
        answer="no",
        measured="",
        why="No row is a person. The cohort is right on average or not at all.",
    ),
)


def verdicts(scores: Iterable[Score]) -> tuple[Verdict, ...]:
    """The verdict of every kind of study, those that no score can change last.

    scores: as they may be shown (`synthehr.release.disclosure.published_scores`).
    """
    found = {(score.name, score.stratum): score for score in scores}
    return (*(_verdict(study, found) for study in STUDIES), *NEVER)


def _verdict(study: Study, found: Mapping[tuple[str, str], Score]) -> Verdict:
    score = found.get((study.score, study.stratum))
    rule = _rule_words(study)
    if score is None:
        why = "This evaluation has no such figure."
        return Verdict(title=study.title, answer="not measured", measured=study.measured, why=why, rule=rule)
    score = beyond_sampling(score) if study.beyond else score
    answer = study.rule.answer(score)
    low, high, value, floor, ceiling = (
        study.shown(x) for x in (score.low, score.high, score.value, score.floor, score.ceiling)
    )
    places = decimals(low, high)
    return Verdict(
        title=study.title,
        answer=answer,
        measured=study.measured,
        why=_why(study, score, answer),
        rule=rule,
        value=f"{fixed(value, places)} {study.unit}".strip(),
        interval=spread(low, high),
        floor=fixed(floor, places),
        ceiling=fixed(ceiling, places),
        n=f"{whole(score.n)} {score.unit}",
    )


def _rule_words(study: Study) -> str:
    rule = study.rule
    skill = rule.kind == "way to the ceiling"
    yes, care = (f"{x if skill else study.shown(x):.4g}" for x in (rule.yes, rule.care))
    words = _SIGNS[rule.kind]
    return f"with care: {words}{care}" if rule.best != "yes" else f"yes: {words}{yes}; with care: {words}{care}"


def _why(study: Study, score: Score, answer: Answer) -> str:
    """Why the answer is what it is, and what to do about it."""
    skill = _skill_words(score) if study.rule.kind == "way to the ceiling" else ""
    if answer == "not measured":
        return "Floor and ceiling cannot be told apart with so many patients, or there is no interval."
    if answer == "yes":
        return skill.strip()  # the rule beside it says the rest
    return f"{_short_of(study.rule, score, answer)}{skill} {study.advice}".strip()


def _skill_words(score: Score) -> str:
    low, high = skill_interval(score)
    return f" Skill: {fixed(score.skill, decimals(low, high))} {spread(low, high)}."


def _short_of(rule: Rule, score: Score, answer: Answer) -> str:
    limit = rule.yes if answer == "with care" and rule.best == "yes" else rule.care
    if answer == "with care" and rule.best != "yes":
        return "The whole interval is within the limit; no such figure is sure enough for more."
    name = "yes" if limit == rule.yes else "care"
    on_score = rule.kind != "way to the ceiling" and not math.isnan(score.ceiling)
    if on_score and not rule.within(score.ceiling, limit):
        return f"Fresh real patients are beyond the limit for {name} as well: so few patients cannot show it."
    if rule.within(rule.best_end(score), limit):
        return f"The interval reaches beyond the limit for {name}: more patients may tell."
    return f"The whole interval is beyond the limit for {name}."
