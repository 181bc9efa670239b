"""The policy gate: what may be released, decided from the measured risks and the ledger alone.

A gate is one metric of one attack with a threshold that says where it comes from. Its verdict is PASS, FAIL or
INCONCLUSIVE (`privacy.risk.judge`). What was not measured never passes. A policy is a TOML file that an officer can
read; the shipped ones are in `privacy/policies/`.
"""

import difflib
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from privacy.ledger import Ledger
from privacy.risk import Risk, Verdict, judge, n_to_decide
from privacy.sensitive_codes import sensitive_columns

SHIPPED = Path(__file__).parent / "policies"
DEFAULT = "public_release"


class BadPolicy(ValueError):
    """A policy that is not one; the message names the file, the key and the nearest known one (exit 2)."""

    exit_code = 2


class GateRefused(Exception):
    """The policy gate did not let a cohort out; the message says which gate and by how much."""

    exit_code = 4


class Gate(BaseModel):
    """One condition of a release: `metric` of `attack` must lie surely below `threshold`.

    provenance: where the threshold comes from, "house default" where from nowhere else. why: one sentence for the
    officer who signs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attack: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    threshold: float = Field(gt=0, lt=1)
    provenance: str = Field(min_length=1)
    why: str = Field(min_length=1)


class Policy(BaseModel):
    """What a release must fulfil.

    inconclusive: whether a release is refused or allowed where no gate fails and one is INCONCLUSIVE. epsilon_max: the
    most that the whole ledger may have spent, or None where no differential privacy is demanded.

    What the steward declares of attackers and patients: sensitive: topics of `privacy.sensitive_codes`, or codes.
    quasi_identifiers: exclusive groups by which a patient can be looked up elsewhere. prior: share of training patients
    among those whom an attacker asks about. population: how many people the extract was drawn from, None where unknown.
    recipients, controls: who gets the release and what binds them, in words; the report carries them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    purpose: str = Field(min_length=1)
    inconclusive: Literal["refuse", "allow"]
    gates: tuple[Gate, ...] = Field(min_length=1)
    epsilon_max: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    sensitive: tuple[str, ...] = ()
    quasi_identifiers: tuple[str, ...] = ()
    prior: float = Field(default=0.1, gt=0, lt=1)
    population: int | None = Field(default=None, ge=1)
    recipients: str = "not declared"
    controls: str = "not declared"

    @field_validator("sensitive")
    @classmethod
    def _known_topics(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        sensitive_columns([], names)  # raises ValueError for what is no topic
        return names

    @field_validator("gates")
    @classmethod
    def _each_once(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        for place, gate in enumerate(gates):
            if any((gate.attack, gate.metric) == (other.attack, other.metric) for other in gates[:place]):
                raise ValueError(f"{gate.attack} {gate.metric} has two gates; keep the one that is meant")
        return gates


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
        return "\n".join([f"The policy {self.policy} refuses this release.", *lines, remedy])


def load_policy(name_or_path: str | Path = DEFAULT) -> Policy:
    """Read a shipped policy by name, or any policy by path.

    Raises:
        BadPolicy: no such policy, no TOML, or a key that is missing, unknown or out of range.
    """
    path = Path(name_or_path)
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.toml"))}
    path = shipped.get(str(name_or_path), path)
    if not path.is_file():
        known = ", ".join(shipped)
        raise BadPolicy(f"No policy {str(name_or_path)!r}: give the path of a TOML file, or one of {known}.")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadPolicy(f"{path} is not a TOML file: {error}.") from error
    _refuse_unknown_keys(path, document)
    try:
        return Policy(**document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "policy"
        came = "" if first["type"] in ("missing", "value_error") else f" Got {first['input']!r} instead."
        raise BadPolicy(f"{path}: {where}: {first['msg']}.{came}") from error


def _refuse_unknown_keys(path: Path, document: dict[str, Any]) -> None:
    # an unread key is a condition that somebody believes is enforced
    gates = document.get("gates", [])
    tables: list[tuple[str, dict[str, Any], type[BaseModel]]] = [("", document, Policy)]
    if isinstance(gates, list):
        tables += [(f"gates[{i}].", gate, Gate) for i, gate in enumerate(gates, 1) if isinstance(gate, dict)]
    for where, table, model in tables:
        for key in table:
            if key not in model.model_fields:
                known = sorted(model.model_fields)
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
                raise BadPolicy(f"{path}: unknown key {where}{key}. Did you mean {near!r}? Known: {', '.join(known)}.")


def decide(risks: Iterable[Risk], ledger: Ledger, policy: Policy, *, override: str | None = None) -> Decision:
    """Judge every gate of `policy`; pure: the same risks, ledger and policy give the same decision.

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
        verdict = judge(risk.low, risk.high, gate.threshold) if risk.n > 0 else "INCONCLUSIVE"
        measured[place] = replace(risk, threshold=gate.threshold, verdict=verdict, provenance=gate.provenance)
        outcomes.append((verdict, _sentence(gate, measured[place], verdict)))
    if policy.epsilon_max is not None:
        outcomes.append(_spent(ledger, policy.epsilon_max))
    return _conclude(outcomes, measured, policy, override)


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
        f"n = {risk.n:,}; control {risk.control:.4g}), threshold {gate.threshold:.4g} ({gate.provenance})"
    )
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
    return f"{gate.attack} {gate.metric} was not measured, threshold {gate.threshold:.4g} ({gate.provenance}).{hint}"


def _spent(ledger: Ledger, epsilon_max: float) -> tuple[Verdict, str]:
    demand = f"the policy demands differential privacy with epsilon of at most {epsilon_max:g}"
    if not ledger.entries:
        return "FAIL", f"{demand}; the ledger is empty, so nothing is known of what was spent."
    if ledger.epsilon <= epsilon_max:
        return "PASS", f"{demand}; the ledger adds up to {ledger.epsilon:.4g}."
    return "FAIL", f"{demand}; the ledger adds up to {ledger.epsilon:.4g}. {ledger.statement()}"
