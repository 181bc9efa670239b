import copy
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.audit.canaries import Audit
from privacy.audit.claim import ClaimAudit
from privacy.budget import Budget
from privacy.ledger import Entry, Ledger
from privacy.mechanisms import Gaussian
from privacy.policy import GateRefused, decide
from privacy.policy_file import SHIPPED, BadPolicy, Gate, Policy, load_policy
from privacy.risk import Risk

BUDGET = Budget(epsilon=1.0, delta=1e-6)
NOISY = Entry(query="marginals", mechanism=Gaussian(noise_multiplier=5.0), sensitivity=1.0)  # epsilon of about 0.83
SPENT = Ledger([NOISY], BUDGET)
TOML = """
name = "site"
purpose = "test"
inconclusive = "refuse"

[[gates]]
attack = "membership_neighbours"
metric = "auc"
threshold = 0.55
provenance = "house default"
why = "Because."
"""


def risk(value: float = 0.01, low: float = 0.0, high: float = 0.02, metric: str = "tpr", n: int = 1_000) -> Risk:
    return Risk(attack="membership", knowledge="k", metric=metric, value=value, low=low, high=high, control=0.01, n=n)


def policy(
    inconclusive: str = "refuse", epsilon_max: float | None = None, metrics: tuple[str, ...] = ("tpr",)
) -> Policy:
    gates = [
        {"attack": "membership", "metric": m, "threshold": 0.03, "provenance": "house default", "why": "Because."}
        for m in metrics
    ]
    return Policy(name="p", purpose="test", inconclusive=inconclusive, gates=gates, epsilon_max=epsilon_max)


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["public_release", "controlled_access", "internal_test"])
def test_shipped_policies_give_a_provenance_and_a_reason_for_every_threshold(name: str) -> None:
    shipped = load_policy(name)
    assert shipped.name == name
    assert all(len(gate.why) > 30 and gate.provenance for gate in shipped.gates)


def test_the_default_refuses_what_was_not_shown_and_is_stricter_than_the_internal_one() -> None:
    default, internal = load_policy(), load_policy("internal_test")
    assert (default.name, default.inconclusive, internal.inconclusive) == ("public_release", "refuse", "allow")
    strict = {(gate.attack, gate.metric): gate.threshold for gate in default.gates}
    assert all(strict[gate.attack, gate.metric] < gate.threshold for gate in internal.gates)
    regulators = [gate for gate in default.gates if "EMA" in gate.provenance]
    assert {gate.threshold for gate in regulators} == {0.09}
    between = {(gate.attack, gate.metric): gate for gate in load_policy("controlled_access").gates}
    for gate in between.values():
        counterpart = next(g for g in default.gates if (g.attack, g.metric) == (gate.attack, gate.metric))
        assert (gate.threshold or 0) > (counterpart.threshold or -1)
        assert (gate.alpha or 0) <= (counterpart.alpha or 0)


def test_pass_releases() -> None:
    decision = decide([risk(), risk(metric="ungated", high=0.9)], Ledger(), policy())
    assert (decision.verdict, decision.released, decision.policy, decision.override) == ("PASS", True, "p", None)
    judged, ungated = decision.risks
    assert (judged.threshold, judged.verdict, judged.provenance) == (0.03, "PASS", "house default")
    assert (ungated.threshold, ungated.verdict) == (None, None)


def test_fail_says_gate_value_interval_threshold_and_by_how_much() -> None:
    decision = decide([risk(0.08, 0.05, 0.11)], Ledger(), policy())
    assert (decision.verdict, decision.released) == ("FAIL", False)
    (reason,) = decision.reasons
    for part in ("FAIL: membership tpr is 0.08", "0.05 to 0.11", "n = 1,000", "threshold 0.03", "house default"):
        assert part in reason
    assert "0.05 over it, 0.02 at the least" in reason
    assert reason in decision.refusal()


def test_inconclusive_says_the_n_it_would_take_and_the_policy_decides() -> None:
    # upper half-width 0.015 must shrink to 0.005 or less: 9 times 1,000 patients and a little by rounding
    uncertain = [risk(0.025, 0.015, 0.0399)]
    refused, allowed = decide(uncertain, Ledger(), policy()), decide(uncertain, Ledger(), policy("allow"))
    assert refused.verdict == allowed.verdict == "INCONCLUSIVE"
    assert (refused.released, allowed.released) == (False, True)
    assert "about 8,881 members and 8.9 times the non-members" in refused.reasons[0]
    assert refused.reasons == allowed.reasons


def test_too_few_nonmembers_are_named_as_what_is_missing() -> None:
    blind = Risk(**{**vars(risk(0.001, 0.0, 1.0)), "nonmembers_needed": 5_000})
    assert "it takes 5,000" in decide([blind], Ledger(), policy()).reasons[0]


def test_a_gate_that_was_not_measured_never_passes() -> None:
    decision = decide([risk(metric="tpr_at_1")], Ledger(), policy())
    assert (decision.verdict, decision.released) == ("INCONCLUSIVE", False)
    assert "membership tpr was not measured" in decision.reasons[0]
    assert "The nearest that was is membership tpr_at_1" in decision.reasons[0]
    assert decide([], Ledger(), policy()).verdict == "INCONCLUSIVE"
    nobody = decide([risk(n=0)], Ledger(), policy())
    assert nobody.verdict == "INCONCLUSIVE"
    assert "no member was attacked" in nobody.reasons[0]


def test_the_worst_gate_decides_and_is_named_first() -> None:
    risks = [risk(metric="good"), risk(0.025, 0.015, 0.04, metric="unsure"), risk(0.08, 0.05, 0.11, metric="bad")]
    decision = decide(risks, Ledger(), policy("allow", metrics=("good", "unsure", "bad")))
    assert decision.verdict == "FAIL"
    assert [reason.split(":")[0] for reason in decision.reasons] == ["FAIL", "INCONCLUSIVE", "PASS"]


@pytest.mark.parametrize("ledger", [Ledger([NOISY, Entry(query="q")], BUDGET), Ledger()])
def test_demanded_differential_privacy_is_not_had_by_an_open_or_empty_ledger(ledger: Ledger) -> None:
    decision = decide([risk()], ledger, policy(epsilon_max=3.0))
    assert (decision.verdict, decision.released) == ("FAIL", False)
    assert "epsilon of at most 3" in decision.reasons[0]
    assert decide([risk()], SPENT, policy(epsilon_max=3.0)).released
    assert not decide([risk()], SPENT, policy(epsilon_max=0.5)).released
    assert decide([risk()], ledger, policy()).released  # the control: not demanded, not judged


def test_an_override_releases_and_is_recorded_with_the_verdict_it_overrode() -> None:
    decision = decide([risk(0.08, 0.05, 0.11)], Ledger(), policy(), override=" data use agreement 17 ")
    assert (decision.verdict, decision.released, decision.override) == ("FAIL", True, "data use agreement 17")
    assert "although the policy refuses it. Reason given: data use agreement 17" in decision.reasons[-1]


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_override_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(GateRefused, match="needs a reason") as refused:
        decide([risk()], Ledger(), policy(), override=reason)
    assert refused.value.exit_code == 4


def test_a_metric_measured_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="given twice"):
        decide([risk(), risk(0.08, 0.05, 0.11)], Ledger(), policy())


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.booleans())
def test_nothing_is_released_unless_its_upper_limit_is_below_the_threshold(limits: list[float], reverse: bool) -> None:
    low, value, high = sorted(limits)
    risks = [risk(value, low, high)]
    before = copy.deepcopy(risks)
    decision = decide(risks, Ledger(), policy())
    assert decision.released == (high < 0.03)
    assert (risks, decide(risks, Ledger(), policy())) == (before, decision)  # pure


def test_a_site_policy_is_read_by_path(tmp_path: Path) -> None:
    site = load_policy(written(tmp_path, TOML))
    assert (site.name, site.epsilon_max) == ("site", None)
    assert site.gates == (
        Gate(attack="membership_neighbours", metric="auc", threshold=0.55, provenance="house default", why="Because."),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TOML.replace("inconclusive", "inconclusiv"), "unknown key inconclusiv. Did you mean 'inconclusive'"),
        (TOML.replace("threshold", "treshold"), r"unknown key gates\[1\].treshold. Did you mean 'threshold'"),
        (TOML.replace("[[gates]]", "[[gate]]"), "unknown key gate. Did you mean 'gates'"),
        (TOML.replace("0.55", "55"), "gates.0.threshold.*less than 1. Got 55"),
        (TOML.replace("0.55", "nan"), "gates.0.threshold"),
        (TOML.replace('"refuse"', '"maybe"'), "'refuse' or 'allow'. Got 'maybe'"),
        (TOML.replace('why = "Because."', ""), "gates.0.why: Field required"),
        (TOML + "epsilon = 3\n", r"unknown key gates\[1\].epsilon"),
        ("epsilon_max = inf\n" + TOML, "epsilon_max"),
        (TOML.partition("[[gates]]")[0], "gates: Field required"),
        (TOML + TOML[TOML.index("[[gates]]") :], "membership_neighbours auc has two gates"),
        ("name = ", "not a TOML file"),
    ],
)
def test_a_policy_that_would_not_do_what_it_says_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(BadPolicy, match=message) as refused:
        load_policy(file)
    assert str(file) in str(refused.value)
    assert refused.value.exit_code == 2


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadPolicy, match="one of controlled_access, internal_test, public_release"):
        load_policy("public_relase")


def subgroup(p: float | None) -> Risk:
    return replace(risk(0.7, 0.5, 0.9, "worst_auc"), attack="membership_subgroup", p=p)


@pytest.mark.parametrize(("p", "verdict"), [(0.0005, "FAIL"), (0.2, "PASS"), (0.01, "PASS"), (None, "INCONCLUSIVE")])
def test_a_gate_by_p_fails_what_chance_does_not_explain(p: float | None, verdict: str) -> None:
    gate = Gate(attack="membership_subgroup", metric="worst_auc", alpha=0.01, provenance="house default", why="Why.")
    policy = Policy(name="p", purpose="test", inconclusive="refuse", gates=(gate,))
    decision = decide([subgroup(p)], Ledger(), policy)
    assert decision.verdict == verdict
    assert decision.risks[0].alpha == 0.01
    assert ("Why." in decision.reasons[0]) == (verdict == "FAIL")


@pytest.mark.parametrize("both", [{}, {"alpha": 0.01, "threshold": 0.1}])
def test_a_gate_has_one_condition(both: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a threshold or an alpha, and not both"):
        Gate(attack="a", metric="m", provenance="p", why="w", **both)


def test_what_is_no_topic_is_refused(tmp_path: Path) -> None:
    text = (SHIPPED / "public_release.toml").read_text(encoding="utf-8").replace('"hiv"', '"hvi"')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadPolicy, match="'hvi' is no topic"):
        load_policy(tmp_path / "mine.toml")


def test_a_refuted_claim_fails_under_every_policy_and_one_that_stands_passes() -> None:
    bound = Audit(claim=1.0, delta=1e-6, lower=1.2, m=1_000, guesses=1_000, right=800, knowledge="all answers")
    refuted = ClaimAudit(model="m", white=bound, black=bound, correct_gaussian=0.3, most=5.4, note="")
    stands = replace(refuted, white=replace(bound, lower=0.3), black=replace(bound, lower=0.1))
    verdicts = [decide([risk()], SPENT, policy(), audit=audit).verdict for audit in (None, stands, refuted)]
    assert verdicts == ["PASS", "PASS", "FAIL"]
    decision = decide([risk()], SPENT, policy("allow"), audit=refuted)
    assert not decision.released
    assert "the claim is false" in decision.refusal()
    overridden = decide([risk()], SPENT, policy(), audit=refuted, override="we trust it")
    assert (overridden.released, overridden.override) == (False, None)
    assert "No override" in overridden.refusal()
    assert "--override" not in overridden.refusal()
    assert decide([risk(value=0.9, low=0.8, high=1.0)], SPENT, policy(), audit=stands, override="x").released
