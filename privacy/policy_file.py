"""The policy file: what an officer demands of a release and what the steward declares, as TOML that both can read.

The shipped ones are in `privacy/policies/`. `privacy.policy` judges by them.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from privacy.sensitive_codes import sensitive_columns

SHIPPED = Path(__file__).parent / "policies"
DEFAULT = "public_release"


class BadPolicy(ValueError):
    """A policy that is not one; the message names the file, the key and the nearest known one (exit 2)."""

    exit_code = 2


class Gate(BaseModel):
    """One condition of a release: `metric` of `attack` must lie surely below `threshold`, or not be found at all.

    alpha, in place of a threshold: the gate fails where the p value of the figure is below it, and else passes. It is
    for figures that are the worst of many, which no fixed value fits. provenance: where the threshold comes from,
    and who chose it where that is nobody else. why: one sentence for the officer who signs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    attack: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    threshold: float | None = Field(default=None, gt=0, lt=1)
    alpha: float | None = Field(default=None, gt=0, lt=1)
    provenance: str = Field(min_length=1)
    why: str = Field(min_length=1)

    @model_validator(mode="after")
    def _one_condition(self) -> "Gate":
        if (self.threshold is None) == (self.alpha is None):
            raise ValueError("a gate needs a threshold or an alpha, and not both")
        return self


class Policy(BaseModel):
    """What a release must fulfil.

    inconclusive: whether a release is refused or allowed where no gate fails and one is INCONCLUSIVE. epsilon_max: the
    most that the whole ledger may have spent, or None where no differential privacy is demanded.

    What the steward declares of attackers and patients: sensitive: topics of `privacy.sensitive_codes`, or codes.
    quasi_identifiers: exclusive groups by which a patient can be looked up elsewhere. prior: share of training patients
    among those whom an attacker asks about. population: how many people the extract was drawn from, None where unknown.
    recipients, controls: who gets the release and what binds them, in words; the report carries them. valid_months:
    after how many months the decision is to be made anew, because attacks and what else is public move on.
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
    valid_months: int = Field(default=24, ge=1, le=120)

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
