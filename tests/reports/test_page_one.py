from collections.abc import Callable
from dataclasses import replace

import pytest

from privacy.budget import Budget
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian
from privacy.risk import Risk
from reports.exposure import NO_RATE, exposed, exposure_words, precision, sharpest
from reports.numbers import COARSE, FINE, clipped, hundred
from reports.page_one import declared, measured
from reports.questions import change_words, exposed_words, ten_questions
from reports.together import recipients_words, together_words
from reports.view import ReportView
from synthehr.release.register import Release

MakeView, MakeRisk = Callable[..., ReportView], Callable[..., Risk]
RATE = "tpr_at_fpr_0.01"


def release(synthetic: str, epsilon: float | None, recipients: str = "A university") -> Release:
    return Release(
        name="autumn",
        cohort="c" * 64,
        synthetic=synthetic * 64,
        recipients=recipients,
        policy="trial",
        verdict="PASS",
        epsilon=epsilon,
        patients=1_000,
        decided="2025-01-01",
        expires="2027-01-01",
    )


def private_ledger() -> Ledger:
    ledger = Ledger(budget=Budget(epsilon=3.0, delta=1e-6))
    ledger.spend(Entry(query="counts", mechanism=Gaussian(noise_multiplier=5.0), sensitivity=1.0))
    return ledger


def test_a_claim_at_the_prior_is_right_as_bayes_says(make_risk: MakeRisk) -> None:
    # of 1,000 asked about 100 are members: 30 of them are claimed, and 9 of the 900 others
    assert precision(0.3, 0.1) == pytest.approx(30 / 39)
    assert exposed(0.3, 46_550) == pytest.approx(0.29 * 46_550)
    assert exposed(0.004, 46_550) == 0
    words = exposure_words([make_risk("membership_kernel", RATE, 0.3, 0.1)], prior=0.1, n_members=1_000, grain=FINE)
    # rates of .2 and .4: 20 of 29, 40 of 49
    assert words == [
        "of 100 claims of membership, 77 (69 to 82) would be right; 10 without the release.",
        "of 1,000 members, 290 (190 to 390) would be found beyond chance.",
    ]


def test_the_prior_is_that_of_the_policy_and_not_of_the_evaluation(make_risk: MakeRisk) -> None:
    other = make_risk("membership_kernel", "precision_at_prior", 0.9, 0.01)
    risks = [other, make_risk("membership_kernel", RATE, 0.01, 0.004)]
    assert "50 without" in exposure_words(risks, prior=0.5, n_members=9, grain=FINE)[0]
    assert exposure_words([other], prior=0.5, n_members=9, grain=FINE) == [NO_RATE]


def test_the_sharpest_attack_is_one_that_is_judged(make_risk: MakeRisk) -> None:
    judged = make_risk("membership_kernel", RATE, 0.02, 0.01, verdict="PASS")
    sharper = make_risk("membership_linear", RATE, 0.3, 0.01)
    assert sharpest([sharper, judged, make_risk("linkability", RATE, 0.9, 0.01)]) == judged
    assert sharpest([sharper]) == sharper
    assert sharpest([]) is None


def test_too_few_patients_give_no_figure(make_risk: MakeRisk) -> None:
    few = make_risk("membership_kernel", RATE, 0.5, 0.5, nonmembers_needed=500)
    assert exposure_words([few], prior=0.1, n_members=9, grain=FINE)[0].endswith("it takes 500.")
    assert "too few patients to tell" in measured([few], FINE)[0].words


def test_what_was_measured_is_told_of_a_hundred(make_risk: MakeRisk) -> None:
    told = measured([make_risk("membership_kernel", RATE, 0.012, 0.006, n=10_000)], FINE)
    assert told[0].words == (
        "of 100 members, an attacker who wrongly claims 1 of 100 others finds 1.2 (0.6 to 1.8); 1.0 where nothing "
        "leaks, 90.0 in a copy of the data. n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}10,000."
    )
    assert told[1].words == "not measured."
    assert hundred(0.01, 0.0, 0.02, COARSE) == "1.0 (0.0 to 2.0)"


def test_what_is_declared_is_told_and_clipped(make_view: MakeView) -> None:
    view = make_view()
    policy = view.policy.model_copy(update={"recipients": "hospitals " * 40, "population": 1_234_567, "prior": 0.02})
    told = {one.title: one.words for one in declared(replace(view, policy=policy))}
    assert told["Prior"].startswith("2 of 100")
    assert told["Population"] == "1,234,567 people"
    assert len(told["Recipients"]) <= 110
    assert told["Recipients"].endswith("…")
    assert clipped("as it is", 8) == "as it is"


def test_ten_questions_are_answered(make_view: MakeView) -> None:
    asked = ten_questions(make_view(), FINE)
    assert len(asked) == 10
    assert all(one.answer for one in asked)


def test_a_register_that_was_not_named_is_said(make_view: MakeView) -> None:
    assert "No register of releases was named" in together_words(make_view(), FINE)[0]
    assert together_words(make_view(earlier=()), FINE) == ["The register has no other release of these patients."]
    assert recipients_words(None).startswith("Not known")
    assert recipients_words((release("a", None), release("b", None))) == "2 times before: A university."


def test_epsilons_add_up_once_a_synthetic_cohort(make_view: MakeView) -> None:
    ledger = private_ledger()
    twice = (release("a", 1.5), release("a", 1.5, "A school"), release("b", 2.0))
    words = " ".join(together_words(make_view(ledger=ledger, earlier=twice), FINE))
    assert f"at most {ledger.epsilon + 3.5:.3f}"[:-1] in words
    bare = " ".join(together_words(make_view(ledger=ledger, earlier=(release("a", None),)), FINE))
    assert "1 of these 2 have no differential privacy, so together they have none" in bare


def test_the_last_release_that_was_attacked_is_told(make_view: MakeView, make_risk: MakeRisk) -> None:
    view = make_view()
    risks = (make_risk("membership_kernel", RATE, 0.012, 0.006, others={"previous_release": 0.034}),)
    words = together_words(replace(view, decision=replace(view.decision, risks=risks)), FINE)
    assert "on the last release alone finds 3.4 of 100" in words[-1]


def test_what_would_change_the_verdict(make_risk: MakeRisk) -> None:
    near = make_risk("linkability", "link_gain", 0.02, 0.01, threshold=0.05, verdict="PASS")
    far = make_risk("singling_out", "isolation_gain", 0.02, 0.01, threshold=0.09, verdict="PASS")
    assert change_words([far, near], FINE) == (
        "Nearest to its threshold is Linkability: the upper limit is 0.020 below it."
    )
    failed = make_risk("linkability", "link_gain", 0.2, 0.1, threshold=0.05, verdict="FAIL")
    doubtful = make_risk("singling_out", "isolation_gain", 0.08, 0.02, n=100, threshold=0.09, verdict="INCONCLUSIVE")
    assert change_words([doubtful, far, failed], FINE) == (
        "Linkability (1 more does not pass): the lower limit is 0.050 above it."
    )
    # the interval is .01 too wide on one side: twice as near takes four times as many
    assert change_words([doubtful], FINE).endswith("about 400 members would tell.")


def test_the_exposed_are_counted_and_not_named(make_risk: MakeRisk) -> None:
    unlike = make_risk("membership_kernel_vulnerable", "auc", 0.49, 0.08, n=102)
    worst = make_risk("membership_subgroup", "worst_auc", 0.7, 0.2, p=0.035, verdict="PASS", note="Worst: ICD9CM/590")
    assert exposed_words([unlike, worst], FINE) == (
        "Of the 102 least like any other, AUC 0.41 to 0.57 (0.5 is chance). Carriers of the worst code: PASS, p 0.04."
    )
    assert "not told apart" in exposed_words([], COARSE)
