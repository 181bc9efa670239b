"""The bundle: what a researcher receives, and what the steward keeps. Written only when the policy gate lets it out.

`public/` can be passed on by itself; `steward/` has the figures in full and stays in the house.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from privacy.ledger import Ledger
from privacy.policy import Decision, GateRefused
from privacy.policy_file import Policy
from privacy.statement import statement
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import check_landing, land, source_hash
from synthehr.progress import Progress, silent
from synthehr.release.checksums import write_checksums
from synthehr.release.public import measured
from synthehr.release.public_half import write_public_half
from synthehr.release.signature import fingerprint, sign
from synthehr.release.stamp import stamp
from synthehr.release.steward_half import write_steward_half

WARNING = "Synthetic data: no row is a real patient. Not for decisions about any person."
PUBLIC, STEWARD = "public", "steward"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a bundle is made from, and what it says of itself.

    synthetic, evaluation: landings. events: of the source, whose own schema the cohort is also given in, or None where
    they do not stand there. fitness: landing of query fitness cards, or None. pages: of each half (`public`,
    `steward`), file name -> content. name, source: of the cohort and of the real data, in words. n_test: real patients
    behind a real prevalence. decided, expires: ISO dates. key: signs the checksums of both halves.
    """

    synthetic: Path
    evaluation: Path
    decision: Decision
    policy: Policy
    ledger: Ledger
    name: str
    source: str
    decided: str = ""
    expires: str = ""
    n_test: int = 1
    pages: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    events: Path | None = None
    fitness: Path | None = None
    key: Ed25519PrivateKey | None = field(default=None, repr=False)

    @property
    def config(self) -> dict[str, Any]:
        """What the manifest of the bundle says of the request; what it was made from stands beside it."""
        return {
            "name": self.name,
            "policy": self.decision.policy,
            "verdict": self.decision.verdict,
            "override": self.decision.override,
            **self.term,
            "signed_by": None if self.key is None else fingerprint(self.key.public_key()),
        }

    @property
    def term(self) -> dict[str, str]:
        """ISO dates of the decision and of its end."""
        return {"decided": self.decided, "expires": self.expires}

    @property
    def made_from(self) -> dict[str, str]:
        """Landing -> manifest hash."""
        parts = {"synthetic": self.synthetic, "evaluation": self.evaluation, "fitness": self.fitness}
        return {name: source_hash(path) for name, path in parts.items() if path is not None}

    def about(self) -> dict[str, str]:
        """The rows of the table `_about` of the database, those of `stamp` first."""
        generator = str(check_landing(self.synthetic, "synthetic").config.get("model", "not stated"))
        return {
            **stamp(self.synthetic),
            "name": self.name,
            "warning": WARNING,
            "generator": generator,
            "policy": self.decision.policy,
            "verdict": self.decision.verdict,
            "override": self.decision.override or "none",
            "expires": self.expires,
            "differential_privacy": statement(self.ledger),
        }


def write_bundle(out: Path, request: Request, *, progress: Progress = silent) -> None:
    """Write a `bundle` landing at `out` from a synthetic cohort, its evaluation and the decision upon it.

    Holds no real patient's id or value, no path of this machine and no time but the dates of the decision. Same
    inputs, same bytes, but for `cohort.duckdb` (see `synthehr.release.database`) and the files that hold its hash.

    Raises:
        GateRefused: the decision does not release; the message has each gate and by how much. Nothing is written.
        IncompleteLanding: a landing is absent or altered, or the evaluation is of another cohort or not the one judged.
        BadRequest: a page holds a path of this machine. BadData: the cohort is not what a synthetic landing promises.
    """
    decision = request.decision
    if not decision.released or (decision.verdict == "FAIL" and not decision.override):
        raise GateRefused(decision.refusal())
    check_landing(request.synthetic, "synthetic")
    found = _checked_evaluation(request)
    with land(out, kind="bundle", config=request.config, made_from=request.made_from) as folder:
        halves = [folder / PUBLIC, folder / STEWARD]
        for half in halves:
            half.mkdir()
            for name, content in request.pages.get(half.name, {}).items():
                (half / name).write_bytes(content)
        write_public_half(halves[0], request, found, progress)
        write_steward_half(halves[1], request, found)
        places = (out, request.synthetic, request.evaluation, request.events, request.fitness)
        _refuse_paths(folder, tuple(place for place in places if place is not None))
        for half in halves:
            write_checksums(half)
            if request.key is not None:
                sign(half, request.key)


def _checked_evaluation(request: Request) -> Evaluation:
    """The evaluation, if it is of this synthetic cohort and if it is what was judged."""
    manifest = check_landing(request.evaluation, "evaluation")
    if manifest.made_from.get("synthetic") != source_hash(request.synthetic):
        raise IncompleteLanding(
            f"{request.evaluation} is not the evaluation of {request.synthetic}: its manifest names another cohort. "
            "Evaluate this one."
        )
    found = Evaluation.read(request.evaluation)
    if measured(request.decision.risks) != measured(found.risks):
        raise IncompleteLanding(
            f"The decision was made on other risks than those of {request.evaluation}: decide again."
        )
    return found


def _refuse_paths(folder: Path, inputs: tuple[Path, ...]) -> None:
    """Refuse a bundle in which a file names where it was built."""
    places = {path.absolute().parent for path in (*inputs, folder)} | {Path.cwd()}
    traces = [str(place).encode() for place in places if len(place.parts) > 2]  # "/data" alone is a word, not a trace
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and f.stat().st_size):
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = any(content.find(trace) >= 0 for trace in traces)
        if found:
            raise BadRequest(
                f"{file.relative_to(folder).as_posix()} holds a path of this machine; paths do not leave the house. "
                "Use names for the source, purpose and cohort."
            )
