"""The ten questions that an officer asks of a release, each with a short answer and where the long one stands."""

from collections.abc import Sequence
from dataclasses import dataclass

from privacy.risk import Risk
from reports.findings import finding_words
from reports.numbers import Grain, clipped, fixed, p_value, whole
from reports.stories import attack_words
from reports.tables import capped, count_words, margin
from reports.together import recipients_words, together_words
from reports.view import ReportView

VULNERABLE, SUBGROUP = "membership_kernel_vulnerable", "membership_subgroup"
EXPOSED = (VULNERABLE, SUBGROUP)


@dataclass(frozen=True)
class Asked:
    """A question, its answer in a sentence or two, and the anchor of its section."""

    question: str
    answer: str
    anchor: str


def ten_questions(view: ReportView, grain: Grain) -> list[Asked]:
    """In the order in which they are asked."""
    risks, n = view.decision.risks, view.n_patients
    gates = [risk for risk in risks if risk.verdict]
    known, *more = together_words(view, grain)
    return [
        Asked("Who made it, and who decides?", _who(view), "decision"),
        Asked(
            "From whom?",
            f"{whole(n['train'])} patients of {clipped(view.source, 60)}; {whole(n['holdout'])} others were held back "
            "to measure by.",
            "lineage",
        ),
        Asked("How safe, and against whom?", _safe(gates, view), "attacks"),
        Asked("How sure is that?", _sure(gates, view, grain), "attacks"),
        Asked("What is not covered?", "Attackers who hold the generator, or what nobody has tried yet.", "limits"),
        Asked("What if it is combined with the last release?", " ".join(more) or known, "earlier"),
        Asked("Who else got it?", clipped(recipients_words(view.earlier), 120), "earlier"),
        Asked("Which patients are most exposed?", exposed_words(risks, grain), "exposed"),
        Asked("What would change the verdict?", change_words(gates, grain), "gates"),
        Asked(
            "Until when does it hold?",
            f"No new copies after {view.expires} without a new decision; sooner, if these patients are released again.",
            "declared",
        ),
    ]


def _who(view: ReportView) -> str:
    by = f"Made by the generator {view.generator}; judged on {view.decided} by the policy {view.decision.policy}"
    return f"{by}; decided by those who sign here."


def _safe(gates: Sequence[Risk], view: ReportView) -> str:
    passed = sum(risk.verdict == "PASS" for risk in gates)
    held = max((risk.knowledge for risk in gates), key=len, default="")
    against = f" The best informed attacker has {held}." if held else ""
    return f"{passed} of {len(view.policy.gates)} gates pass.{against}"


def _sure(gates: Sequence[Risk], view: ReportView, grain: Grain) -> str:
    told = [risk for risk in gates if risk.detectable is not None and risk.metric == "tpr_at_fpr_0.01"]
    words = finding_words(view.found)
    if not told:
        return words
    risk = max(told, key=lambda one: one.high)
    seen, chance = (fixed(value, capped(risk, grain)) for value in (risk.detectable, risk.control))
    return f"{words} A membership rate of {seen} would have shown in four releases of five (control {chance})."


def exposed_words(risks: Sequence[Risk], grain: Grain) -> str:
    """Those unlike any other and those with a rare code: counts and verdicts, never who."""
    found = {risk.attack: risk for risk in risks if risk.attack in EXPOSED}
    words = []
    if VULNERABLE in found:
        one = found[VULNERABLE]
        low, high = (fixed(end, capped(one, grain)) for end in (one.low, one.high))
        words.append(f"Of the {count_words(one.n)} least like any other, AUC {low} to {high} (0.5 is chance).")
    if SUBGROUP in found:
        one = found[SUBGROUP]
        p = "" if one.p is None else f", p {p_value(one.p)}"
        words.append(f"Carriers of the worst code: {one.verdict or 'not judged'}{p}.")
    return " ".join(words) or "Those least like any other, and carriers of rare codes; not told apart in this copy."


def change_words(gates: Sequence[Risk], grain: Grain) -> str:
    """What stands in the way of a PASS or, where all pass, the gate that is nearest to another verdict."""
    doubtful = [risk for risk in gates if risk.verdict != "PASS"]
    if doubtful:
        first = min(doubtful, key=lambda risk: risk.verdict != "FAIL")
        rest = len(doubtful) - 1
        others = f" ({rest} more {'does' if rest == 1 else 'do'} not pass)" if rest else ""
        return f"{attack_words(first.attack).label}{others}: {margin(first, grain)}."
    near = [risk for risk in gates if risk.threshold is not None]
    if not near:
        return "A stronger attack, or fewer patients to measure by."
    nearest = min(near, key=lambda risk: (risk.threshold or 0.0) - risk.high)
    return f"Nearest to its threshold is {attack_words(nearest.attack).label}: {margin(nearest, grain)}."
