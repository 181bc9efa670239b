"""Release: an evaluation is judged by a policy; a bundle is written only if the gate lets it through."""

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from pipelines.evaluate import check_lineage
from privacy.ledger import Ledger
from privacy.policy import Decision, GateRefused, decide
from privacy.policy_file import DEFAULT, load_policy
from reports.datasheet import render_markdown
from reports.risk_report import render_html
from reports.view import ReportView
from synthehr.cohort.cohort import SPLITS, read_cohort
from synthehr.errors import IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import check_landing, is_current, read_manifest, source_hash, versions, write_text
from synthehr.progress import Progress, silent
from synthehr.release.bundle import write_bundle

log = logging.getLogger("synthehr")


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
    progress: Progress = silent,
) -> dict[str, Any]:
    """Judge an evaluation by a policy and write the `bundle` landing at `out`.

    Where the gate refuses there is no bundle; the report is written beside it as `<out>.refused.html`, for the
    officer. An override releases all the same and is recorded, with its reason, in the bundle.

    Raises:
        GateRefused: which gate failed and by how much. IncompleteLanding: a landing is absent or altered, or they do
            not belong together. BadRequest: no such policy.
    """
    check_lineage(cohort, synthetic, run)
    _check_evaluated(cohort, synthetic, evaluation)
    found = Evaluation.read(evaluation)
    ledger = Ledger.read(synthetic / "ledger.json")
    ledger.look("the figures of the risk report, on training and holdout patients", covers="report")
    if found.audit is not None:
        ledger.look("the audit of the claim, by a training of its own with canaries", covers="report")
    decision = decide(found.risks, ledger, load_policy(policy), audit=found.audit, override=override)
    view = gather(cohort, synthetic, evaluation, found, decision, ledger, name=name, purpose=purpose)
    report = render_html(view)
    refused = out.parent / f"{out.name}.refused.html"
    if not decision.released:
        _refuse(refused, report, decision, out)
    pages = {"report.html": report, "datasheet.md": render_markdown(view)}
    if _is_this_release(out, name, decision, view.hashes, pages):
        log.info(f"{out.name}: complete and unchanged, skipped")
    else:
        write_bundle(
            out,
            synthetic=synthetic,
            evaluation=evaluation,
            decision=decision,
            ledger=ledger,
            report_html=report,
            datasheet=pages["datasheet.md"],
            name=name,
            progress=progress,
        )
    refused.unlink(missing_ok=True)
    return {"bundle": str(out), "verdict": decision.verdict, "override": override, "report": str(out / "report.html")}


def _refuse(page: Path, report: str, decision: Decision, out: Path) -> NoReturn:
    page.parent.mkdir(parents=True, exist_ok=True)
    write_text(page, report)
    earlier = f" {out} holds an earlier bundle, not this one." if out.exists() else ""
    raise GateRefused(
        f"{decision.refusal()}\nNo bundle was written; the report for the privacy officer: {page}.{earlier}"
    )


def _check_evaluated(cohort: Path, synthetic: Path, evaluation: Path) -> None:
    """The figures must be those of this release: a report on another would be a false claim."""
    made_from = check_landing(evaluation, "evaluation").made_from
    for name, path in (("cohort", cohort), ("synthetic", synthetic)):
        if made_from.get(name) != source_hash(path):
            raise IncompleteLanding(f"{evaluation} was measured on another {name} than {path}: evaluate again.")


def _is_this_release(
    out: Path, name: str, decision: Decision, hashes: Mapping[str, str], pages: Mapping[str, str]
) -> bool:
    """Whether the bundle of this very release stands at `out`; its pages show what the manifest does not say."""
    config = {"name": name, "policy": decision.policy, "verdict": decision.verdict, "override": decision.override}
    made_from = {key: hashes[key] for key in ("synthetic", "evaluation")}
    if not is_current(out, kind="bundle", config=config, made_from=made_from):
        return False
    files = read_manifest(out, "bundle").files
    return all(files[page] == hashlib.sha256(text.encode()).hexdigest() for page, text in pages.items())


def gather(
    cohort: Path,
    synthetic: Path,
    evaluation: Path,
    found: Evaluation,
    decision: Decision,
    ledger: Ledger,
    *,
    name: str,
    purpose: str,
) -> ReportView:
    """All that the pages show, from the landings."""
    people = read_cohort(cohort)
    made = read_manifest(synthetic, "synthetic")
    lineage = dict(read_manifest(cohort, "cohort").made_from) | dict(made.made_from)
    return ReportView(
        name=name,
        purpose=purpose or "not stated",
        source=source_name(cohort),
        generator=made.config["model"],
        evaluation=found,
        decision=decision,
        ledger=ledger,
        n_patients={split: _shown(int((people.split == k).sum()), ledger) for k, split in enumerate(SPLITS)},
        n_codes=len(people.matrix.vocabulary),
        n_synthetic=made.config["patients"],
        seed=made.config["seed"],
        hashes=lineage | {"synthetic": source_hash(synthetic), "evaluation": source_hash(evaluation)},
        versions=versions(),
    )


def _shown(patients: int, ledger: Ledger) -> int:
    """A number of patients as the pages show it: under a budget to the nearest hundred, for it is secret."""
    return patients if ledger.budget is None else max(round(patients, -2), 1)


def source_name(cohort: Path) -> str:
    """Name of the data set a cohort was made from, if its events still stand beside it; never a path."""
    events = cohort.absolute().parent / "events"
    about = events / "metadata" / "dataset.json"
    if about.is_file() and source_hash(events) == read_manifest(cohort).made_from.get("events"):
        return str(json.loads(about.read_text(encoding="utf-8"))["dataset_name"])
    return "not stated"
