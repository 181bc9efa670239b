"""The rows of the report's tables: every figure rounded, every real figure of few patients withheld."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from privacy.ledger import Ledger
from privacy.mechanisms import SampledGaussian
from privacy.policy_file import Policy
from privacy.risk import Risk, n_to_decide
from reports.numbers import FINE, Grain, decimals, fixed, p_value, percent, shown, spread, whole
from reports.stories import attack_words, metric_words
from reports.wording import score_words
from synthehr.evaluation import COMPARATOR_COLUMNS
from synthehr.fidelity.score import Score
from synthehr.release.disclosure import SMALL_CELL, displayed_prevalence, significant

WORST = 10


@dataclass(frozen=True, kw_only=True)
class RiskRow:
    """One line of a risk table, all text."""

    attack: str
    metric: str
    words: str
    knowledge: str
    value: str
    interval: str
    control: str
    ceiling: str
    n: str
    p: str
    detectable: str
    threshold: str
    verdict: str
    provenance: str
    note: str


def risk_row(risk: Risk, grain: Grain = FINE) -> RiskRow:
    """A risk as text; too few non-members to say anything reads as such, with the number it takes."""
    needed, places = risk.nonmembers_needed, capped(risk, grain)
    note = f"{risk.note} {whole(needed)} non-members would be needed to say anything." if needed else risk.note
    return RiskRow(
        attack=risk.attack,
        metric=risk.metric,
        words=metric_words(risk.metric),
        knowledge=risk.knowledge,
        value=fixed(risk.value, places),
        interval=f"[{fixed(risk.low, places)}, {fixed(risk.high, places)}]",
        control=fixed(risk.control, places),
        ceiling="" if risk.ceiling is None else fixed(risk.ceiling, places),
        n=count_words(risk.n),
        p="" if risk.p_adjusted is None else p_value(risk.p_adjusted),
        detectable="" if risk.detectable is None else fixed(risk.detectable, places),
        threshold=_condition(risk),
        verdict=risk.verdict or "",
        provenance=risk.provenance,
        note=note.strip(),
    )


def capped(risk: Risk, grain: Grain) -> int | None:
    """Decimal places of a risk: what its interval bears, and no more than the grain has; None where neither says."""
    places = decimals(risk.low, risk.high)
    return min(grain.share if places is None else places, grain.share) if grain != FINE else places


def count_words(n: int) -> str:
    """A number of real patients, which is not told where there are few."""
    return f"fewer than {SMALL_CELL}" if 0 < n < SMALL_CELL else whole(n)


def margin(risk: Risk, grain: Grain = FINE) -> str:
    """How far a judged figure is from another verdict, or what it would take to tell."""
    if risk.nonmembers_needed:
        return f"it takes {whole(risk.nonmembers_needed)} patients who were never used to tell"
    if risk.alpha is not None:
        return "no p value" if risk.p is None else f"p is {p_value(risk.p)}, and below {risk.alpha:g} it would fail"
    if risk.threshold is None:
        return ""
    finest = 3 if grain == FINE else grain.share
    if risk.verdict == "PASS":
        room = fixed(max(risk.threshold - risk.high, 0.0), finest)
        least = f"less than {10.0**-finest:g}" if float(room) == 0 else room
        return f"the upper limit is {least} below it"
    if risk.verdict == "FAIL":
        return f"the lower limit is {fixed(risk.low - risk.threshold, finest)} above it"
    n = n_to_decide(risk, risk.threshold) if risk.n and grain == FINE else None  # rounded ends tell no n
    return "the interval contains it" + (
        "" if n is None else f"; about {whole(int(significant(n, 2)))} members would tell"
    )


def _condition(risk: Risk) -> str:
    if risk.alpha is not None:
        return f"p {risk.alpha:g}"
    return "" if risk.threshold is None else f"{risk.threshold:g}"


def gate_rows(risks: Sequence[Risk], policy: Policy, grain: Grain = FINE) -> list[dict[str, Any]]:
    """One line a judged figure, the worst first: its row, its label, why the policy asks for it, and its margin."""
    why = {(gate.attack, gate.metric): gate.why for gate in policy.gates}
    worst_first = ("FAIL", "INCONCLUSIVE", "PASS")
    return [
        {
            "row": risk_row(risk, grain),
            **_judged_by(risk, grain),
            "label": attack_words(risk.attack).label,
            "title": attack_words(risk.attack).title,
            "why": why.get((risk.attack, risk.metric), ""),
            "margin": margin(risk, grain),
        }
        for risk in sorted(risks, key=lambda risk: worst_first.index(risk.verdict or "PASS"))
    ]


def _judged_by(risk: Risk, grain: Grain) -> dict[str, str]:
    """What a verdict rests on, and what stands beside it: an interval and its threshold, or a p value.

    weak: said of a figure for which a copy of the training data would hardly have shown.
    """
    row = risk_row(risk, grain)
    missed = risk.ceiling is not None and risk.detectable is not None and risk.detectable >= risk.ceiling
    weak = "Weak: a copy of the training data might pass it." if missed else ""
    if risk.alpha is None:
        return {"main": row.value, "aside": row.interval, "limit": row.threshold, "weak": weak}
    p = "none" if risk.p is None else p_value(risk.p)
    return {"main": f"p = {p}", "aside": f"of {row.value} {row.interval}", "limit": f"p {risk.alpha:g}", "weak": weak}


def release_table(risks: Sequence[Risk]) -> tuple[list[str], list[dict[str, object]]]:
    """Names of the releases that were attacked beside this one, and one line a figure that tells them apart.

    A line for every judged figure and for every one with a p value, where the comparators have it too.
    """
    names = list(dict.fromkeys(name for risk in risks for name in risk.others))
    rows: list[dict[str, object]] = []
    for risk in risks:
        if risk.others and (risk.verdict or risk.p is not None):
            places = decimals(risk.low, risk.high)
            others = [fixed(risk.others[name], places) if name in risk.others else "" for name in names]
            row = risk_row(risk)
            rows.append({"attack": risk.attack, "row": row, "others": others})
    return names, rows


def key_risks(risks: Sequence[Risk]) -> list[Risk]:
    """What an attack's section shows: every judged figure, else those with a p value, else the one furthest off.

    That is the one furthest above its control.
    """
    judged = [risk for risk in risks if risk.verdict] or [risk for risk in risks if risk.p is not None]
    return judged or [max(risks, key=lambda risk: np.nan_to_num(risk.value - risk.control, nan=-np.inf))]


def score_rows(scores: Sequence[Score]) -> list[dict[str, str]]:
    """One line a score: value, interval, floor, ceiling, skill, n."""
    return [_score_row(score) for score in scores]


def _score_row(score: Score) -> dict[str, str]:
    places = decimals(score.low, score.high)
    return {
        "label": score_words(score.name, score.stratum),
        "value": fixed(score.value, places),
        "interval": spread(score.low, score.high),
        "floor": fixed(score.floor, places),
        "ceiling": fixed(score.ceiling, places),
        "skill": shown(score.skill, 2),
        "n": f"{whole(score.n)} {score.unit}",
        "better": "as the ceiling" if score.better == "ceiling" else score.better,
        "note": score.note,
    }


def comparator_table(scores: Sequence[Score], comparators: pd.DataFrame) -> tuple[list[str], list[dict[str, object]]]:
    """Names of the comparators, and one line a score: its value for this cohort and for each of them."""
    names = [str(name) for name in dict.fromkeys(comparators["generator"]) if name not in ("synthetic", "holdout")]
    names += ["holdout"] if (comparators["generator"] == "holdout").any() else []
    known = {
        (str(generator), str(name), str(stratum)): float(value)
        for generator, name, stratum, value in comparators[COMPARATOR_COLUMNS].to_numpy(dtype=object)
    }
    rows: list[dict[str, object]] = []
    for score in scores:
        # the ceiling is the holdout's value, and is withheld where that counts few patients
        if math.isnan(score.ceiling) and ("holdout", score.name, score.stratum) in known:
            known["holdout", score.name, score.stratum] = math.nan
        others = [known.get((name, score.name, score.stratum)) for name in names]
        if any(other is not None for other in others):
            label = score_words(score.name, score.stratum)
            places = decimals(score.low, score.high)
            rows.append(
                {"label": label, "own": fixed(score.value, places), "others": [fixed(x, places) for x in others]}
            )
    return names, rows


def worst_codes(codes: pd.DataFrame, n_test: int) -> dict[str, list[dict[str, str]]]:
    """The ten codes furthest off by difference and by ratio, among those whose real prevalence may be shown.

    Keys: `difference` and `ratio`.
    """
    table = codes[["code", "description", "prevalence_synthetic"]].assign(
        real=displayed_prevalence(codes["prevalence_real"].to_numpy(dtype=np.float64), n_test)
    )
    table = table[table["real"].notna()]
    synthetic, real = table["prevalence_synthetic"], table["real"]
    with np.errstate(divide="ignore"):
        ratio = np.log(synthetic.to_numpy(dtype=np.float64) / real.to_numpy(dtype=np.float64))
    table = table.assign(difference=(synthetic - real).abs(), ratio=np.abs(ratio))
    return {
        key: [
            _code_row(row)
            for row in table.sort_values([key, "code"], ascending=[False, True]).head(WORST).to_dict("records")
        ]
        for key in ("difference", "ratio")
    }


def _code_row(row: Mapping[Hashable, Any]) -> dict[str, str]:
    real, synthetic = float(row["real"]), float(row["prevalence_synthetic"])
    return {
        "code": str(row["code"]),
        "description": str(row["description"]),
        "real": percent(real, 2),
        "synthetic": percent(synthetic, 2) if synthetic else "never",
        "ratio": shown(synthetic / real, 2) if synthetic else "0",
    }


def look_rows(ledger: Ledger) -> list[dict[str, str]]:
    """The looks of a ledger as rows: query, covers, mechanism, noise and sensitivity in words."""
    rows = []
    for entry in ledger.entries:
        mechanism = entry.mechanism
        words = "none" if mechanism is None else mechanism.kind
        if isinstance(mechanism, SampledGaussian):
            words += f", {mechanism.steps:,} steps at {mechanism.sampling_probability:.4g}"
        rows.append(
            {
                "query": entry.query,
                "covers": f"the {entry.covers}",
                "mechanism": words,
                "noise": "none" if mechanism is None else shown(mechanism.noise_multiplier),
                "sensitivity": "not bounded" if entry.sensitivity is None else shown(entry.sensitivity),
            }
        )
    return rows
