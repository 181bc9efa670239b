"""Attack: anybody's synthetic table, the table it was made from and one that its generator never saw.

No landing of ours is needed: the tables are files, and what their columns mean is read from their cells.
"""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from scipy import sparse

from pipelines import adversary
from pipelines.attack_table import headlines, markdown
from pipelines.recipe import nearest, validated
from privacy.assess import Assessment
from privacy.ledger import Ledger
from privacy.policy import Decision, GateRefused, decide
from privacy.policy_file import DEFAULT, Policy, load_policy
from privacy.tables.columns import Kind
from privacy.tables.tables import Sheets, Tables, code_tables, read_sheets
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.landing import land, source_hash, write_text
from synthehr.progress import Progress, silent

SPLITTING, SAMPLING = 1, 2  # purposes of the seed


class Columns(BaseModel):
    """Kinds of columns, from a file, where their cells do not tell: `[columns]`, then `postcode = "category"`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: dict[str, Kind]


@dataclass(frozen=True)
class Cut:
    """The holdout, cut once; positions of its records. nonmembers: attacked, as members are. reference: the attacker's
    sample of the population. fresh: real patients in the release's place, the control.
    """

    nonmembers: NDArray[np.int64]
    reference: NDArray[np.int64]
    fresh: NDArray[np.int64]


def cut_holdout(n: int, *, seed: int) -> Cut:
    """Cut n records in halves, and the second half in halves again, at random."""
    order = np.random.default_rng([seed, SPLITTING]).permutation(n)
    half = n // 2
    quarter = half + (n - half) // 2
    return Cut(nonmembers=order[:half], reference=order[half:quarter], fresh=order[quarter:])


def attack(
    train: Path,
    holdout: Path,
    synthetic: Path,
    out: Path,
    *,
    policy: str | None = None,
    columns: Path | None = None,
    quasi_identifiers: Sequence[str] = (),
    previous: Path | None = None,
    seed: int,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Put a synthetic table through the no-box tier of attacks and write the `attack` landing at `out`.

    train, holdout: real records, of patients whom the generator saw and of others; Parquet, CSV or a folder of Parquet
    shards, in one of the forms of `privacy.tables.sheet.read_sheet`. policy: must let the table through; without one
    the figures are judged by the default policy, and nothing is refused. columns: a TOML file with kinds of columns.
    quasi_identifiers: columns by which one can look a patient up elsewhere; absent, those of the policy that are there.
    previous: an earlier release, a table of the same columns, to stand beside this one.

    Raises:
        BadTable: a table that cannot be read or does not fit the others. BadRequest: `train` and `holdout` are one
            table, or a column that there is not. BadPolicy: no such policy. GateRefused: a given policy refuses; the
            landing is written all the same, for it says why.
    """
    rules = load_policy(policy or DEFAULT)
    declared = dict(read_columns(columns).columns) if columns else {}
    config = {
        "columns": declared,
        "declared": adversary.stated(rules),
        "policy": rules.name,
        "quasi_identifiers": list(quasi_identifiers),
        "seed": seed,
    }
    with land(out, kind="attack", config=config, made_from=_sources(train, holdout, synthetic, previous)) as folder:
        sheets = read_sheets(train, holdout, synthetic, declared, progress, previous=previous)
        rules = _with_quasi_identifiers(rules, quasi_identifiers, sheets)
        cut = cut_holdout(sheets.holdout.n, seed=seed)
        tables = code_tables(sheets, np.concatenate([cut.reference, cut.fresh]), both_sides=rules.quasi_identifiers)
        found = assessed(tables, cut, rules, seed=seed, progress=progress)
        decision = decide(found.risks, Ledger(), rules)
        result = _account(sheets, tables, decision, enforced=policy is not None)
        _write(folder, result, decision, found)
    if policy is not None and not decision.released:
        raise GateRefused(_refusal(decision, out))
    return {"attack": str(out), "seed": seed, **result}


def assessed(tables: Tables, cut: Cut, policy: Policy, *, seed: int, progress: Progress = silent) -> Assessment:
    """The attacks on the coded tables. Columns with one value a record are the exclusive groups that a policy names.

    Beside the release stand an independent sampler of the training table, and the earlier release where there is one.
    """
    group: list[str | None] = [None] * len(tables.codes)
    for positions in tables.groups:
        for position in positions:
            group[position] = tables.columns[position]
    vocabulary = Vocabulary(tables.codes, ("",) * len(tables.codes), tuple(group))

    def records(matrix: sparse.csr_matrix) -> CodeMatrix:
        return CodeMatrix(canonical(matrix), np.arange(matrix.shape[0], dtype=np.int64), vocabulary)

    train = records(tables.members)
    n = tables.synthetic.shape[0]
    others = {"independent": adversary.independent_records(train, n, seed=[seed, SAMPLING])}
    if tables.previous is not None:
        others[adversary.PREVIOUS] = records(tables.previous)
    return adversary.attack(
        train=train,
        nonmembers=records(tables.holdout[cut.nonmembers]),
        reference=records(tables.holdout[cut.reference]),
        fresh=records(tables.holdout[cut.fresh]),
        synthetic=records(tables.synthetic),
        comparators=others,
        policy=policy,
        seed=seed,
        progress=progress,
    )


def read_columns(path: Path) -> Columns:
    """The kinds that a TOML file declares.

    Raises:
        BadRequest: no such file, no TOML, no table `[columns]`, or a kind that there is not.
    """
    if not path.is_file():
        raise BadRequest(f"--columns {path}: there is no such file.")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise BadRequest(f'{path} is not TOML: expected [columns], then lines like postcode = "category".') from None
    return validated(Columns, document, str(path))


def _sources(train: Path, holdout: Path, synthetic: Path, previous: Path | None) -> dict[str, str]:
    given = {"train": train, "holdout": holdout, "synthetic": synthetic}
    given |= {} if previous is None else {"previous": previous}
    if missing := [f"--{name} {path}" for name, path in given.items() if not path.exists()]:
        # said here and not by the command line, whose boxes cut a path in two
        raise BadRequest(f"Nothing is there: {', '.join(missing)}. Name a table, or a folder of Parquet shards.")
    hashes = {name: source_hash(path) for name, path in given.items()}
    if hashes["train"] == hashes["holdout"]:
        raise BadRequest(f"--train {train} and --holdout {holdout} are one table: then nobody is a stranger.")
    return hashes


def _refusal(decision: Decision, out: Path) -> str:
    """What to tell who asked for a verdict; unlike a release, there is nothing here to override."""
    reasons = [reason for reason in decision.reasons if not reason.startswith("PASS")]
    return "\n".join([f"The policy {decision.policy} refuses this table.", *reasons, f"All figures: {out}"])


def _with_quasi_identifiers(policy: Policy, asked: Sequence[str], sheets: Sheets) -> Policy:
    for name in asked:
        if name not in sheets.kinds:
            raise BadRequest(f"--quasi-identifiers: the tables have no column {name!r}.{nearest(name, sheets.kinds)}")
        if sheets.kinds[name] == "codes":
            raise BadRequest(f"--quasi-identifiers: {name!r} holds many codes a record; name columns with one value.")
    return policy.model_copy(update={"quasi_identifiers": tuple(asked)}) if asked else policy


def _account(sheets: Sheets, tables: Tables, decision: Decision, *, enforced: bool) -> dict[str, Any]:
    previous = {"previous": sheets.previous.n} if sheets.previous else {}
    shown = ("attack", "metric", "value", "low", "high", "control", "ceiling", "n", "verdict")
    return {
        "policy": decision.policy,
        "enforced": enforced,
        "verdict": decision.verdict,
        "released": decision.released,
        "reasons": list(decision.reasons),
        "records": {"train": sheets.train.n, "holdout": sheets.holdout.n, "synthetic": sheets.synthetic.n} | previous,
        "columns": dict(sheets.kinds),
        "codes": len(tables.codes),
        "notes": list(tables.notes),
        "headlines": [{key: getattr(risk, key) for key in shown} for risk in headlines(decision.risks)],
    }


def _write(folder: Path, result: dict[str, Any], decision: Decision, found: Assessment) -> None:
    write_text(folder / "verdict.json", json.dumps(result, indent=1) + "\n")
    write_text(folder / "risk.json", json.dumps([asdict(risk) for risk in decision.risks], indent=1))
    write_text(folder / "risk.md", markdown(decision, result["records"], result["notes"]))
    found.roc.to_parquet(folder / "roc.parquet", index=False)
