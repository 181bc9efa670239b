"""What the public copy may not depend on; each time the steward's copy, which does, is the control."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from privacy.policy import decide
from privacy.policy_file import Gate
from privacy.risk import WITH_REFERENCE, Risk
from reports.public_view import public_view
from reports.risk_report import render_html
from reports.view import ReportView
from synthehr.release.coarse import STEP
from synthehr.release.register import Release

MakeView = Callable[..., ReportView]
MakeRisk = Callable[..., Risk]
WORST = "Worst of 215 codes: ICD9CM/282, against 61 non-members."
SUBGROUP = Gate(
    attack="membership_subgroup", metric="worst_auc", alpha=0.01, provenance="house default", why="Because."
)
OTHER = Release(
    name="autumn",
    cohort="c" * 64,
    synthetic="d" * 64,
    recipients="A hospital in the north",
    policy="trial",
    verdict="PASS",
    epsilon=None,
    patients=1_000,
    decided="2025-01-01",
    expires="2027-01-01",
)


@pytest.fixture(scope="module")
def rich_view(make_view: MakeView, make_risk: MakeRisk) -> Callable[..., ReportView]:
    """A view with an attack that names its worst code, an earlier release, and one change to it."""

    def build(change: Callable[[list[Risk]], list[Risk]] = list, note: str = WORST, **facts: Any) -> ReportView:
        plain = make_view()
        named = make_risk(
            "membership_subgroup", "worst_auc", 0.69, 0.18, knowledge=WITH_REFERENCE, n=57, p=0.2, note=note
        )
        risks = change([*plain.evaluation.risks, named])
        policy = plain.policy.model_copy(update={"gates": (*plain.policy.gates, SUBGROUP), "sensitive": ("hiv",)})
        found = replace(plain.evaluation, risks=tuple(risks))
        decision = decide(risks, plain.ledger, policy)
        return make_view(**({"policy": policy, "evaluation": found, "decision": decision, "earlier": (OTHER,)} | facts))

    return build


@pytest.fixture(scope="module")
def plain(rich_view: MakeView) -> tuple[str, str]:
    """Both copies of the view as it is."""
    return both(rich_view())


def both(view: ReportView) -> tuple[str, str]:
    return render_html(view, "public"), render_html(view)


def changed(attack: str, metric: str, **figures: Any) -> Callable[[list[Risk]], list[Risk]]:
    return lambda risks: [replace(r, **figures) if (r.attack, r.metric) == (attack, metric) else r for r in risks]


def test_the_public_copy_names_no_code(rich_view: MakeView, plain: tuple[str, str]) -> None:
    view, (public, steward) = rich_view(), plain
    assert [code for code in view.evaluation.codes["code"] if code in public] == []
    assert "ICD9CM/282" in steward
    assert "hiv" in public  # a topic that the policy declares


PRESENCE = ("presence_disclosure", "sensitivity_at_hamming_2")
HARMLESS: dict[str, Callable[[MakeView], ReportView]] = {
    "a figure that no gate judges": lambda build: build(changed(*PRESENCE, value=0.33, high=0.4, control=0.2, n=4_999)),
    "a figure left out": lambda build: build(lambda risks: [r for r in risks if r.attack != "presence_disclosure"]),
    "the worst code": lambda build: build(note="Worst of 214 codes: ICD9CM/250, against 9 non-members."),
    "one patient fewer to train on": lambda build: build(
        n_patients={"train": 3_999, "validation": 500, "holdout": 2_000}
    ),
    "one patient fewer attacked": lambda build: build(
        changed("membership_neighbours", "tpr_at_fpr_0.01", n=4_999, value=0.011 + 1 / 5_000, low=0.0072, high=0.0149)
    ),
    "another release of a recipient": lambda build: build(earlier=(replace(OTHER, recipients="Somebody else"),)),
    "hashes of real data": lambda build: build(hashes={"cohort": "0" * 64, "synthetic": "5" * 64}),
    "a curve": lambda build: build(
        evaluation=replace(build().evaluation, roc=build().evaluation.roc.assign(tpr=lambda t: t["tpr"] ** 0.5))
    ),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_the_public_copy_does_not_tell(
    change: Callable[[MakeView], ReportView], rich_view: MakeView, plain: tuple[str, str]
) -> None:
    after = both(change(rich_view))
    assert after[0] == plain[0]
    assert after[1] != plain[1]  # the control: the steward's copy tells


@pytest.mark.parametrize("small", [0, 2, 10, 60])
def test_nor_what_a_code_has(small: int, make_view: MakeView) -> None:
    assert render_html(make_view(small=small), "public") == render_html(make_view(), "public")


def test_the_public_copy_does_tell_a_leak(rich_view: MakeView, plain: tuple[str, str]) -> None:
    leak = changed("membership_neighbours", "tpr_at_fpr_0.01", value=0.3, low=0.29, high=0.31)
    assert render_html(rich_view(leak), "public") != plain[0]


def test_the_public_copy_has_no_curve_no_appendix_and_no_fine_interval(plain: tuple[str, str]) -> None:
    public, steward = plain
    for words in ("ROC curve", "all figures", "word for word", "A hospital in the north", "c" * 64):
        assert words not in public
        assert words in steward
    ends = [end for pair in re.findall(r"\[(−?[\d.]+), (−?[\d.]+)\]", public) for end in pair]
    assert len(ends) >= 6
    assert [end for end in ends if round(float(end.replace("−", "-")) / STEP, 6) % 1] == []  # on steps alone
    assert "[0.497, 0.513]" in steward
    assert "a copy with every figure is with the data steward" in public


def test_the_public_view_holds_what_was_judged_and_nothing_else(rich_view: MakeView) -> None:
    known = public_view(rich_view())
    assert {risk.metric for risk in known.decision.risks} == {"tpr_at_fpr_0.01", "auc", "worst_auc"}
    assert all(risk.note == "" and not risk.others for risk in known.decision.risks)
    assert len(known.evaluation.codes) == len(known.evaluation.roc) == len(known.evaluation.risks) == 0
    assert known.n_patients == {"train": 4_000, "validation": 500, "holdout": 2_000}
