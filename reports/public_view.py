"""What the public copy of a page may know: the rest is not withheld from a reader but never reaches the page.

A report that can be queried is an oracle (ReconSyn rebuilt 78 % of the rare records of a cohort from its metrics), and
a hash of real data tells whoever holds all records but one whether that one is in it. So nothing goes in but verdicts,
how many attacks found anything, and the figures that a gate rests on, in steps of half a percent. Rounding is no proof:
one patient in thousands can still tip a figure over the edge of a step. Only differential privacy excludes that.
"""

from collections.abc import Sequence
from dataclasses import replace

from privacy.risk import Risk
from reports.findings import findings
from reports.view import ReportView
from synthehr.evaluation import Evaluation
from synthehr.release.coarse import coarse, coarse_count
from synthehr.release.disclosure import published

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
        counted=findings(decision.risks),
    )


def rowless(risks: Sequence[Risk], reasons: Sequence[str]) -> tuple[str, ...]:
    """Reasons of gates that no measured figure stands behind: never measured, of the ledger, or of the audit."""
    judged = tuple(f"{risk.verdict}: {risk.attack} {risk.metric} is " for risk in risks if risk.verdict)
    return tuple(reason for reason in reasons if not reason.startswith((*judged, "OVERRIDE")))
