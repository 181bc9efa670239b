"""Release: an evaluation is judged by a policy; a bundle is written only if the gate lets it through."""

import datetime
import hashlib
import logging
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from pipelines.adversary import stated
from pipelines.evaluate import check_lineage
from pipelines.pages import events_beside, gather, render, source_name
from pipelines.term import term
from privacy.ledger import Ledger
from privacy.policy import Decision, GateRefused, decide
from privacy.policy_file import DEFAULT, load_policy
from reports.risk_report import render_html
from synthehr.errors import IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import check_landing, is_current, read_manifest, source_hash
from synthehr.progress import Progress, silent
from synthehr.release.bundle import PUBLIC, STEWARD, Request, write_bundle
from synthehr.release.register import Release, enter, other_releases, read_register
from synthehr.release.signature import read_key
from synthehr.release.stamp import content_hash

log = logging.getLogger("synthehr")
PASSPHRASE = "SYNTHEHR_KEY_PASSPHRASE"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a steward adds to a release.

    decided: the date of the decision, None for today. register: file of all releases, read and added to. key: PEM of an
    Ed25519 key that signs the checksums; its passphrase, if any, is in the environment, SYNTHEHR_KEY_PASSPHRASE.
    fitness: landing of query fitness cards.
    """

    decided: datetime.date | None = None
    register: Path | None = None
    key: Path | None = None
    fitness: Path | None = None


def release(
    cohort: Path,
    synthetic: Path,
    evaluation: Path,
    out: Path,
    *,
    name: str,
    purpose: str = "",
    run: Path | None = None,
    policy: str = DEFAULT,
    override: str | None = None,
    terms: Terms | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Judge an evaluation by a policy and write the `bundle` landing at `out`.

    Where the gate refuses there is no bundle; the steward's report is written beside it as `<out>.refused.html`, for
    the officer. An override releases all the same and is recorded, with its reason, in the bundle.

    Raises:
        GateRefused: which gate failed and by how much. IncompleteLanding: a landing is absent or altered, or they do
            not belong together. BadRequest: no such policy, a key that is none, or a date that cannot be.
    """
    terms = terms or Terms()
    check_lineage(cohort, synthetic, run)
    _tell_other_policy(evaluation, policy)
    _check_measured(cohort, synthetic, evaluation, terms.fitness)
    request = _request(cohort, synthetic, evaluation, name, policy=policy, override=override, terms=terms)
    request = _dated(out, request, terms.decided)
    own = _entry(cohort, request)
    others = None if terms.register is None else other_releases(read_register(terms.register), own)
    view = gather(cohort, request, purpose=purpose, earlier=others, run=run)
    refused = out.parent / f"{out.name}.refused.html"
    if not view.decision.released:
        _refuse(refused, render_html(view).encode(), view.decision, out)
    request = replace(request, pages=render(view), n_test=view.n_test)
    if _is_this_release(out, request):
        log.info(f"{out.name}: complete and unchanged, skipped")
    else:
        write_bundle(out, request, progress=progress)
    if override is None:
        refused.unlink(missing_ok=True)  # of an earlier try; of what is released in spite of it, it stays
    if terms.register is not None:
        enter(terms.register, own)
    return {
        "bundle": str(out),
        "verdict": view.decision.verdict,
        "override": override,
        "report": str(out / STEWARD / "report.html"),
        "public": str(out / PUBLIC),
        "expires": view.expires,
    }


def _request(
    cohort: Path, synthetic: Path, evaluation: Path, name: str, *, policy: str, override: str | None, terms: Terms
) -> Request:
    """The decision, and a bundle of it, still without pages and dates."""
    found, asked = Evaluation.read(evaluation), load_policy(policy)
    ledger = Ledger.read(synthetic / "ledger.json")
    ledger.look("the figures of the risk report, on training and holdout patients", covers="report")
    if found.audit is not None:
        ledger.look("the audit of the claim, by a training of its own with canaries", covers="report")
    if terms.fitness is not None:
        ledger.look("the answers to researchers' queries, on all patients", covers="report")
    passphrase = os.environ.get(PASSPHRASE)
    secret = passphrase.encode() if passphrase else None
    return Request(
        synthetic=synthetic,
        evaluation=evaluation,
        events=events_beside(cohort),
        fitness=terms.fitness,
        decision=decide(found.risks, ledger, asked, audit=found.audit, override=override),
        policy=asked,
        ledger=ledger,
        name=name,
        source=source_name(cohort),
        key=None if terms.key is None else read_key(terms.key, passphrase=secret),
    )


def _dated(out: Path, request: Request, decided: datetime.date | None) -> Request:
    """The request with the dates of its decision, those of the bundle at `out` where it is the same and holds."""
    today = datetime.date.today()
    asked = {"config": request.config, "made_from": request.made_from}
    day, end = term(out, request.policy, decided, today=today, **asked)
    return replace(request, decided=day, expires=end)


def _entry(cohort: Path, request: Request) -> Release:
    """What the register says of this release."""
    epsilon = request.ledger.epsilon if request.ledger.budget is not None else math.inf
    return Release(
        name=request.name,
        cohort=source_hash(cohort),
        synthetic=content_hash(request.synthetic),
        recipients=request.policy.recipients,
        policy=request.policy.name,
        verdict=request.decision.verdict,
        epsilon=epsilon if math.isfinite(epsilon) else None,
        patients=int(read_manifest(request.synthetic, "synthetic").config["patients"]),
        decided=request.decided,
        expires=request.expires,
    )


def _tell_other_policy(evaluation: Path, policy: str) -> None:
    """Say where the attackers knew and sought something else than the policy that judges declares."""
    measured = read_manifest(evaluation, "evaluation").config.get("declared")
    if measured is not None and measured != stated(load_policy(policy)):
        log.info(
            "The evaluation was made for other declarations (sensitive codes, quasi-identifiers, prior, population) "
            f"than those of {policy}. To measure what it asks for: synthehr evaluate --policy {policy}"
        )


def _refuse(page: Path, report: bytes, decision: Decision, out: Path) -> NoReturn:
    page.parent.mkdir(parents=True, exist_ok=True)
    temporary = page.with_name(f".{page.name}.tmp")
    temporary.write_bytes(report)
    temporary.replace(page)
    earlier = f" {out} holds an earlier bundle, not this one." if out.exists() else ""
    raise GateRefused(
        f"{decision.refusal()}\nNo bundle was written; the report for the privacy officer: {page}.{earlier}"
    )


def _check_measured(cohort: Path, synthetic: Path, evaluation: Path, fitness: Path | None) -> None:
    """The figures must be those of this release: a report on another would be a false claim."""
    landings = {"evaluation": evaluation} | ({} if fitness is None else {"fitness": fitness})
    for kind, landing in landings.items():
        made_from = check_landing(landing, kind).made_from
        for name, path in (("cohort", cohort), ("synthetic", synthetic)):
            if made_from.get(name) != source_hash(path):
                raise IncompleteLanding(f"{landing} was measured on another {name} than {path}: measure it again.")


def _is_this_release(out: Path, request: Request) -> bool:
    """Whether the bundle of this very release stands at `out`; its pages show what the manifest does not say."""
    if not is_current(out, kind="bundle", config=request.config, made_from=request.made_from):
        return False
    files = read_manifest(out, "bundle").files
    return all(
        files.get(f"{half}/{name}") == hashlib.sha256(content).hexdigest()
        for half, found in request.pages.items()
        for name, content in found.items()
    )
