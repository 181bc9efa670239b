"""The policy gate: what may be released, decided from the measured risks and the ledger alone.

A gate is one metric of one attack with a threshold that says where it comes from. Its verdict is PASS, FAIL or
INCONCLUSIVE (`privacy.risk.judge`). What was not measured never passes. The policy itself is a TOML file
(`privacy.policy_file`).
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from privacy.audit.claim import ClaimAudit
from privacy.ledger import Ledger
from privacy.policy_file import Gate, Policy
from privacy.risk import Risk, Verdict, judge, n_to_decide
from privacy.statement import statement

AUDITED = "audit of the privacy claim"  # how its outcome begins


class GateRefused(Exception):
    """The policy gate did not let a cohort out; the message says which gate and by how much."""

    exit_code = 4


@dataclass(frozen=True)
class Decision:
    """What the gate decided, and why.

    policy: its name. verdict: the worst over all gates. released: whether a bundle may be written. risks: all that were
    measured, those with a gate judged. reasons: a sentence for each gate, the worst first, then the override. override:
    the reason that somebody gave to release in spite of the verdict, or None.
    """

    policy: str
    verdict: Verdict
    released: bool
    risks: tuple[Risk, ...]
    reasons: tuple[str, ...]
    override: str | None

    def refusal(self) -> str:
        """What to tell who asked for the release: the gates that did not pass, and what can be done."""
        lines = [reason for reason in self.reasons if not reason.startswith("PASS")]
        remedy = "Train with less memorisation, or with more patients held out; or record why with --override."
        if any(line.startswith(f"FAIL: {AUDITED}") for line in lines):
            remedy = "Find what is broken in the training or in its accounts; until then make no claim."
        return "\n".join([f"The policy {self.policy} refuses this release.", *lines, remedy])


def decide(
    risks: Iterable[Risk],
    ledger: Ledger,
    policy: Policy,
    *,
    audit: ClaimAudit | None = None,
    override: str | None = None,
) -> Decision:
    """Judge every gate of `policy`; pure: the same risks, ledger, policy and audit give the same decision.

    A privacy claim that an audit refuted fails under every policy, and no override releases it: the bundle would go on
    to make the claim.

    Released if all gates PASS; if none FAILs and the policy allows INCONCLUSIVE; or if an override gives its reason.

    Raises:
        GateRefused: an override without a reason.
        ValueError: the same metric of the same attack twice: which of the two was judged could not be told.
    """
    if override is not None and not override.strip():
        raise GateRefused("An override needs a reason: it is recorded in the bundle and in the report.")
    measured = list(risks)
    places = {(risk.attack, risk.metric): place for place, risk in enumerate(measured)}
    if len(places) < len(measured):
        raise ValueError("A metric of an attack was given twice; every risk must be measured once.")
    outcomes: list[tuple[Verdict, str]] = []
    for gate in policy.gates:
        place = places.get((gate.attack, gate.metric))
        if place is None:
            outcomes.append(("INCONCLUSIVE", _not_measured(gate, measured)))
            continue
        risk = measured[place]
        verdict = _judged(gate, risk)
        measured[place] = replace(
            risk, threshold=gate.threshold, alpha=gate.alpha, verdict=verdict, provenance=gate.provenance
        )
        outcomes.append((verdict, _sentence(gate, measured[place], verdict)))
    if policy.epsilon_max is not None:
        outcomes.append(_spent(ledger, policy.epsilon_max))
    if audit is not None and audit.verdict == "FAIL":
        outcomes.append(("FAIL", f"{AUDITED}: {audit.words} No override releases it."))
        override = None
    elif audit is not None:
        outcomes.append(("PASS", f"{AUDITED}: {audit.words}"))
    return _conclude(outcomes, measured, policy, override)


def _judged(gate: Gate, risk: Risk) -> Verdict:
    if risk.n < 1 or (gate.alpha is not None and risk.p is None):
        return "INCONCLUSIVE"
    if gate.alpha is not None and risk.p is not None:
        return "FAIL" if risk.p < gate.alpha else "PASS"
    return judge(risk.low, risk.high, gate.threshold or 0.0)


def _conclude(
    outcomes: list[tuple[Verdict, str]], risks: Sequence[Risk], policy: Policy, override: str | None
) -> Decision:
    worst_first: tuple[Verdict, ...] = ("FAIL", "INCONCLUSIVE", "PASS")
    outcomes = sorted(outcomes, key=lambda outcome: worst_first.index(outcome[0]))
    verdict = outcomes[0][0]
    released = verdict == "PASS" or (verdict == "INCONCLUSIVE" and policy.inconclusive == "allow")
    reasons = [f"{result}: {sentence}" for result, sentence in outcomes]
    if override is not None:
        needed = "although the policy refuses it" if not released else "which was not needed"
        reasons.append(f"OVERRIDE: released by override, {needed}. Reason given: {override.strip()}")
    return Decision(
        policy=policy.name,
        verdict=verdict,
        released=released or override is not None,
        risks=tuple(risks),
        reasons=tuple(reasons),
        override=None if override is None else override.strip(),
    )


def _sentence(gate: Gate, risk: Risk, verdict: Verdict) -> str:
    found = (
        f"{gate.attack} {gate.metric} is {risk.value:.4g} (95 % interval {risk.low:.4g} to {risk.high:.4g}, "
        f"n = {risk.n:,}; control {risk.control:.4g}), {_demand(gate)}"
    )
    if gate.threshold is None:
        return _p_sentence(found, gate, risk, verdict)
    if verdict == "PASS":
        return f"{found}: the upper limit is {gate.threshold - risk.high:.3g} below it."
    if verdict == "FAIL":
        over = f"{risk.value - gate.threshold:.3g} over it, {risk.low - gate.threshold:.3g} at the least"
        return f"{found}: {over}. {gate.why}"
    if risk.n < 1:
        return f"{found}: no member was attacked, so nothing is known."
    if risk.nonmembers_needed is not None:
        return f"{found}: too few non-members to tell; it takes {risk.nonmembers_needed:,}."
    n = n_to_decide(risk, gate.threshold)
    if n is None:
        return f"{found}: the interval contains it, and the value gives no n at which it would not."
    times = f"{n / risk.n:.2g} times the non-members"
    return f"{found}: the interval contains it; it would take about {n:,} members and {times}."


def _not_measured(gate: Gate, risks: Sequence[Risk]) -> str:
    names = [f"{risk.attack} {risk.metric}" for risk in risks]
    near = difflib.get_close_matches(f"{gate.attack} {gate.metric}", names, n=1)
    hint = f" The nearest that was is {near[0]}." if near else ""
    return f"{gate.attack} {gate.metric} was not measured, {_demand(gate)}.{hint}"


def _demand(gate: Gate) -> str:
    wanted = f"threshold {gate.threshold:.4g}" if gate.threshold is not None else f"p of {gate.alpha:.4g} or more"
    return f"{wanted} ({gate.provenance})"


def _p_sentence(found: str, gate: Gate, risk: Risk, verdict: Verdict) -> str:
    if risk.p is None or verdict == "INCONCLUSIVE":
        return f"{found}: it has no p value, so nothing is known."
    named = f" {risk.note}" if risk.note else ""
    return f"{found}: p = {risk.p:.2g}.{named}{'' if verdict == 'PASS' else ' ' + gate.why}"


def _spent(ledger: Ledger, epsilon_max: float) -> tuple[Verdict, str]:
    demand = f"the policy demands differential privacy with epsilon of at most {epsilon_max:g}"
    if not ledger.released:
        return "FAIL", f"{demand}; the ledger is empty, so nothing is known of what was spent."
    if ledger.epsilon <= epsilon_max:
        return "PASS", f"{demand}; the ledger adds up to {ledger.epsilon:.4g}."
    return "FAIL", f"{demand}; the ledger adds up to {ledger.epsilon:.4g}. {statement(ledger)}"
