"""Verify: everything that a bundle says of itself, computed anew from what stands in it, by whoever holds it.

Nothing but the folder is needed; with the steward's half the decision itself is made again.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from privacy.audit.claim import ClaimAudit
from privacy.ledger import BrokenLedger, Ledger
from privacy.policy import GateRefused, decide
from privacy.policy_file import Policy
from privacy.risk import Risk
from privacy.statement import statement
from synthehr.errors import BadData, IncompleteLanding, SynthehrError
from synthehr.events.engine import literal
from synthehr.landing import MANIFEST, altered, file_hash, read_manifest
from synthehr.release.checksums import SIGNATURE, changed_files
from synthehr.release.contents import same_contents
from synthehr.release.signature import fingerprint, is_signed_by, read_public_key

WORSE = ("FAIL", "INCONCLUSIVE", "PASS")


@dataclass(frozen=True)
class Check:
    """One thing that was computed anew. holds: False where it is not as the bundle says, None if it was not asked."""

    name: str
    holds: bool | None
    words: str


def verify_bundle(folder: Path, *, public_key: Path | None = None) -> tuple[Check, ...]:
    """Every check of a bundle, of its public half alone, or of either half.

    public_key: of who signs; without it a signature is only said to be there.

    Raises:
        IncompleteLanding: there is no bundle. BadRequest: the public key cannot be read.
    """
    halves = _halves(folder)
    key = None if public_key is None else read_public_key(public_key)
    found: list[Check] = []
    if (folder / MANIFEST).is_file():
        found.append(_asked("manifest", partial(_manifest, folder)))
    for name, half in halves.items():
        found.append(_asked(f"checksums, {name}", partial(_checksums, half)))
        signed = (half / SIGNATURE).is_file()
        if key is not None:
            found.append(_asked(f"signature, {name}", partial(_signature, half, key)))
        elif signed:
            found.append(Check(f"signature, {name}", None, "there is one; give --public-key to check it"))
    if "public" in halves:
        found += _public_checks(halves["public"], halves.get("steward"))
    return tuple(found)


def _halves(folder: Path) -> dict[str, Path]:
    inside = {name: folder / name for name in ("public", "steward") if (folder / name).is_dir()}
    if inside:
        return inside
    if (folder / "cohort.duckdb").is_file():
        return {"public": folder}
    raise IncompleteLanding(
        f"Expected a bundle at {folder}: a folder with public/ and steward/, or the public half by itself. Run "
        "`synthehr release`, or name the folder that holds them."
    )


def _public_checks(public: Path, steward: Path | None) -> Iterator[Check]:
    yield _asked("contents", lambda: same_contents(public))
    yield _asked("stamps", lambda: _stamped(public))
    yield _asked("croissant", lambda: _croissant(public))
    yield _asked("ledger", lambda: _ledger(public))
    yield _asked("queries", lambda: _queries(public))
    if steward is None:
        yield _asked("verdict", lambda: _verdict(public))
        yield Check("decision", None, "it is made anew where the steward's half is at hand")
    else:
        yield _asked("decision", lambda: _decision(public, steward))


def _asked(name: str, check: Callable[[], str]) -> Check:
    """The words of a check that holds; an error is one that does not, with the error's words."""
    try:
        return Check(name, True, check())
    except (SynthehrError, BrokenLedger, GateRefused) as error:
        return Check(name, False, str(error))
    except (OSError, ValueError, KeyError, TypeError, duckdb.Error) as error:
        return Check(name, False, f"it cannot be read ({type(error).__name__}): the file is missing or was changed")


def _manifest(folder: Path) -> str:
    """The files are those that were written, and what the manifest says is what the signed files say."""
    if changed := altered(folder):
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise BadData(f"{', '.join(changed[:5])}{more} changed, went missing or came since it was written")
    said = read_manifest(folder, "bundle").config
    decision = json.loads((folder / "public" / "decision.json").read_text(encoding="utf-8"))
    with duckdb.connect(str(folder / "public" / "cohort.duckdb"), read_only=True) as connection:
        name = connection.execute("SELECT value FROM _about WHERE key = 'name'").fetchall()
    true = {key: decision[key] for key in ("policy", "verdict", "override", "decided", "expires")} | {
        "name": name[0][0]
    }
    wrong = [key for key, value in true.items() if said.get(key) != value]
    if wrong:
        raise BadData(f"it says another {', '.join(wrong)} than the decision and the database")
    return "no file changed since it was written, and it says what the decision says"


def _checksums(half: Path) -> str:
    found = changed_files(half)
    if found:
        told = [f"{kind} {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}" for kind, names in found.items()]
        raise BadData(f"since it was written: {'; '.join(told)}. Do not sign or use it")
    return "every file as listed"


def _signature(half: Path, key: Ed25519PublicKey) -> str:
    if not (half / SIGNATURE).is_file():
        raise BadData("there is none")
    if not is_signed_by(half, key):
        raise BadData(f"it is NOT of the key {fingerprint(key)[:16]} that was given, or the list changed since")
    return f"of the key {fingerprint(key)[:16]}"


def _stamped(public: Path) -> str:
    files = sorted(public.rglob("*.parquet"))
    bare = [
        file.relative_to(public).as_posix()
        for file in files
        if (pq.read_schema(file).metadata or {}).get(b"synthetic") != b"true"
    ]
    if bare:
        raise BadData(f"{', '.join(bare[:5])} is not marked as synthetic in its metadata")
    return f"all {len(files)} Parquet files are marked as synthetic"


def _croissant(public: Path) -> str:
    document = json.loads((public / "croissant.json").read_text(encoding="utf-8"))
    files = {item["contentUrl"]: item["sha256"] for item in document["distribution"] if "sha256" in item}
    wrong = [name for name, digest in files.items() if file_hash(public / name) != digest]
    if wrong or not files:
        raise BadData(f"croissant.json has another hash for {', '.join(wrong[:5]) or 'no file at all'}")
    return f"the hashes of {len(files)} files are theirs"


def _ledger(public: Path) -> str:
    ledger = Ledger.read(public / "ledger.json")  # checks the chain
    claim = statement(ledger)
    with duckdb.connect(str(public / "cohort.duckdb"), read_only=True) as connection:
        said = connection.execute("SELECT value FROM _about WHERE key = 'differential_privacy'").fetchall()
    if said != [(claim,)]:
        raise BadData("the ledger's claim is not the one in the database's table _about")
    if ledger.budget is None:
        return "chain whole; no differential privacy is claimed"
    epsilon, prv = ledger.checked()
    return f"chain whole; epsilon {epsilon:.4g} by one accountant, {prv:.4g} by another"


def _queries(public: Path) -> str:
    files = sorted((public / "queries").glob("*.sql"))
    with duckdb.connect(str(public / "cohort.duckdb"), read_only=True) as connection:
        connection.execute(f"SET file_search_path = {literal(str(public))}")  # some read the Parquet files beside it
        for file in files:
            connection.execute(file.read_text(encoding="utf-8")).fetchall()
    return f"{len(files)} example queries run"


def _verdict(public: Path) -> str:
    said = json.loads((public / "decision.json").read_text(encoding="utf-8"))
    verdicts = [gate["verdict"] for gate in said["gates"]] + [reason.split(":")[0] for reason in said["reasons"]]
    worst = next((word for word in WORSE if word in verdicts), None)
    if worst != said["verdict"]:
        raise BadData(f"the gates give {worst}, decision.json says {said['verdict']}")
    return f"{worst} is the worst of {len(verdicts)} gates"


def _decision(public: Path, steward: Path) -> str:
    policy = Policy(**json.loads((steward / "policy.json").read_text(encoding="utf-8")))
    risks = [_risk(row) for row in json.loads((steward / "risk.json").read_text(encoding="utf-8"))]
    audit = public / "audit.json"
    again = decide(
        risks,
        Ledger.read(public / "ledger.json"),
        policy,
        audit=ClaimAudit.of_json(json.loads(audit.read_text(encoding="utf-8"))) if audit.is_file() else None,
        override=json.loads((steward / "decision.json").read_text(encoding="utf-8"))["override"],
    )
    for half in (public, steward):
        said = json.loads((half / "decision.json").read_text(encoding="utf-8"))
        if (said["verdict"], said["released"]) != (again.verdict, again.released):
            raise BadData(f"made anew it is {again.verdict}, {half.name}/decision.json says {said['verdict']}")
    return f"{policy.name} gives {again.verdict} again, on {len(risks)} figures"


def _risk(row: dict[str, object]) -> Risk:
    """A risk of the steward's risk.json; strict JSON holds null for nan and strings for infinities."""
    fields = dict(row) | {key: _number(row[key]) for key in ("value", "low", "high", "control")}
    judged = {"threshold": None, "alpha": None, "verdict": None, "provenance": ""}
    return Risk(**(fields | judged))  # type: ignore[arg-type]


def _number(value: object) -> float:
    return float("nan") if value is None else float(value)  # type: ignore[arg-type]
