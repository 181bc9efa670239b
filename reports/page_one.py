"""The first page of the risk report: what was measured, what was declared, and what both mean together."""

from collections.abc import Sequence
from dataclasses import dataclass

from privacy.risk import Risk
from reports.claim import claim_in_short
from reports.exposure import exposure_words, of_hundred
from reports.numbers import FINE, Grain, clipped, hundred, whole
from reports.tables import count_words
from reports.together import together_words
from reports.view import ReportView

LONGEST = 110  # characters of a declaration on page one; the whole of it stands below


@dataclass(frozen=True)
class Told:
    """One line of a column: what it is about, and what is to be said of it."""

    title: str
    words: str


@dataclass(frozen=True)
class Question:
    """What an attack is asked on page one. attack: begins so; words: one sentence on `of` a hundred, with {value}."""

    title: str
    attack: str
    metric: str
    words: str


ASKED = (
    Question(
        "Membership",
        "membership_",
        "tpr_at_fpr_0.01",
        "of 100 members, an attacker who wrongly claims 1 of 100 others finds {value}",
    ),
    Question(
        "Attributes",
        "attribute_disclosure",
        "sensitivity_gain",
        "of 100 unknown codes, {value} more are guessed of members than of others",
    ),
    Question(
        "Sensitive codes",
        "sensitive_codes",
        "recall_gain",
        "of 100 sensitive codes, {value} more are read of members than of others",
    ),
    Question(
        "Copies",
        "exact_duplicates",
        "identical_excess_distinctive_records",
        "of 100 unmistakable records, {value} more of members' than of others' are in the release",
    ),
    Question(
        "Singling out",
        "singling_out",
        "isolation_gain",
        "of 100 combinations of codes, {value} more fit exactly one member than exactly one other",
    ),
    Question(
        "Linkability",
        "linkability",
        "link_gain",
        "of 100 members, {value} more than of others have two files linked by the release",
    ),
)


def measured(risks: Sequence[Risk], grain: Grain) -> list[Told]:
    """One line a question: value, interval, control, ceiling and n; of several attacks, the one that reaches highest.

    What a gate judged goes before what none did.
    """
    return [Told(asked.title, _answer(asked, risks, grain)) for asked in ASKED]


def _answer(asked: Question, risks: Sequence[Risk], grain: Grain) -> str:
    found = [risk for risk in risks if risk.metric == asked.metric and risk.attack.startswith(asked.attack)]
    if not found:
        return "not measured." if grain == FINE else "no gate of the policy judges it, so this copy has no figure."
    risk = max(found, key=lambda one: (one.verdict is not None, one.high))
    if risk.nonmembers_needed:
        return f"too few patients to tell; it takes {whole(risk.nonmembers_needed)} who were never used."
    words = asked.words.format(value=hundred(risk.value, risk.low, risk.high, grain))
    return f"{words}; {of_hundred(risk, grain)}. n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{count_words(risk.n)}."


def declared(view: ReportView) -> list[Told]:
    """What the steward says of attackers, patients and recipients, in the policy."""
    policy = view.policy
    listed = [name.replace("_", " ") for name in policy.sensitive]
    known = ", ".join(policy.quasi_identifiers) or "nothing declared"
    return [
        Told("Use", clipped(policy.purpose, LONGEST)),
        Told("Recipients", clipped(policy.recipients, LONGEST)),
        Told("Controls", clipped(policy.controls, LONGEST)),
        Told("Prior", f"{100 * policy.prior:g} of 100 people whom an attacker asks about are members."),
        Told("Population", "not declared" if policy.population is None else f"{whole(policy.population)} people"),
        Told("Sensitive", clipped(", ".join(listed) or "nothing declared", LONGEST)),
        Told("Known of a patient", clipped(known, LONGEST)),
        Told("Holds for", f"{policy.valid_months} months, until {view.expires}"),
    ]


def combined(view: ReportView, grain: Grain) -> list[Told]:
    """What both mean together: claims that would be right, patients found, other releases, and what is proved."""
    n_members, prior = view.n_patients["train"], view.policy.prior
    found = exposure_words(view.decision.risks, prior=prior, n_members=n_members, grain=grain)
    titles = ("At the declared prior", "Patients exposed")
    return [
        *(Told(title, words) for title, words in zip(titles, found, strict=False)),
        Told("With other releases", " ".join(together_words(view, grain))),
        Told("Differential privacy", claim_in_short(view.ledger, view.evaluation.audit)),
    ]
