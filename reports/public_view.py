"""What the public copy of a page may know: the rest is not withheld from a reader but never reaches the page.

A report that can be queried is an oracle (ReconSyn rebuilt 78 % of the rare records of a cohort from its metrics), and
a hash of real data tells whoever holds all records but one whether that one is in it. So nothing goes in but verdicts
and the figures that they rest on, to two digits. Rounding is no proof: one patient in thousands can still tip a figure
over the edge of a step. Only differential privacy excludes that.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from privacy.risk import Risk
from reports.view import ReportView
from synthehr.evaluation import Evaluation
from synthehr.release.disclosure import ROUND_TO, SMALL_CELL, published, significant

STEP = 0.01  # of a share
SHOWN_HASHES = ("synthetic",)  # of what is released anyway


def public_view(view: ReportView) -> ReportView:
    """The view without codes, curves, scores, queries, hashes of real data, notes, and figures that no gate judged."""
    found, decision = view.evaluation, view.decision
    return replace(
        view,
        evaluation=Evaluation(
            scores=(),
            risks=(),
            codes=found.codes.iloc[:0],
            roc=found.roc.iloc[:0],
            comparators=found.comparators.iloc[:0],
            audit=found.audit,
        ),
        decision=replace(
            decision,
            risks=tuple(coarse(risk) for risk in published(decision.risks) if risk.verdict),
            reasons=rowless(decision.risks, decision.reasons),
        ),
        n_patients={split: coarse_count(n) for split, n in view.n_patients.items()},
        hashes={name: view.hashes[name] for name in SHOWN_HASHES if name in view.hashes},
        earlier=None if view.earlier is None else tuple(replace(one, name="", recipients="") for one in view.earlier),
        history=None,
        cards=(),
    )


def rowless(risks: Sequence[Risk], reasons: Sequence[str]) -> tuple[str, ...]:
    """Reasons of gates that no measured figure stands behind: never measured, of the ledger, or of the audit."""
    judged = tuple(f"{risk.verdict}: {risk.attack} {risk.metric} is " for risk in risks if risk.verdict)
    return tuple(reason for reason in reasons if not reason.startswith((*judged, "OVERRIDE")))


def coarse(risk: Risk) -> Risk:
    """A risk to two decimals, with an interval that holds the finer one; without its note and its comparators."""
    return replace(
        risk,
        value=_nearest(risk.value),
        low=_outward(risk.low, math.floor),
        high=_outward(risk.high, math.ceil),
        control=_nearest(risk.control),
        ceiling=None if risk.ceiling is None else _nearest(risk.ceiling),
        detectable=None if risk.detectable is None else _nearest(risk.detectable),
        others={},
        p=None if risk.p is None else significant(risk.p, 1),
        p_adjusted=None if risk.p_adjusted is None else significant(risk.p_adjusted, 1),
        n=coarse_count(risk.n),
        nonmembers_needed=None if risk.nonmembers_needed is None else coarse_count(risk.nonmembers_needed),
        note="",
    )


def coarse_count(n: int) -> int:
    """A number of patients to two significant figures and to the nearest 5; 1 stands for any number of 1 to 10."""
    if 0 < n < SMALL_CELL:
        return 1
    if n >= 100:
        return int(significant(n, 2))
    # 11 and 12 are told as 15: 10 would read as one that is withheld
    return max(ROUND_TO * round(n / ROUND_TO), ROUND_TO * math.ceil(SMALL_CELL / ROUND_TO)) if n else 0


def _nearest(value: float) -> float:
    return round(value, 2) + 0.0 if math.isfinite(value) else value


def _outward(value: float, to: Callable[[float], int]) -> float:
    # a value that stands on a step stays there, whatever its last bit
    return _nearest(to(round(value / STEP, 6)) * STEP) if math.isfinite(value) else value
