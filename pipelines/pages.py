"""The pages of a release: everything that they show, gathered once from the landings, and then rendered."""

import json
from pathlib import Path

import pandas as pd

from privacy.ledger import Ledger
from reports import fidelity_report, risk_report
from reports.datasheet import render_markdown
from reports.pdf.render import render_pdf
from reports.view import ReportView
from synthehr.cohort.cohort import SPLITS, read_cohort
from synthehr.evaluation import Evaluation
from synthehr.landing import read_manifest, source_hash, versions
from synthehr.release.bundle import PUBLIC, STEWARD, Request
from synthehr.release.fitness.card import read_fitness
from synthehr.release.register import Release
from synthehr.release.stamp import content_hash


def gather(
    cohort: Path,
    request: Request,
    *,
    purpose: str,
    earlier: tuple[Release, ...] | None = None,
    run: Path | None = None,
) -> ReportView:
    """All that the pages of a release show, from its request and the landings.

    earlier: other releases of these patients, None where no register was named. run: for the curves of the training.
    """
    people = read_cohort(cohort)
    made = read_manifest(request.synthetic, "synthetic")
    lineage = dict(read_manifest(cohort, "cohort").made_from) | dict(made.made_from)
    own = {"synthetic": content_hash(request.synthetic), "evaluation": source_hash(request.evaluation)}
    sizes = {split: int((people.split == k).sum()) for k, split in enumerate(SPLITS)}
    return ReportView(
        name=request.name,
        purpose=purpose or "not stated",
        source=request.source,
        generator=made.config["model"],
        evaluation=Evaluation.read(request.evaluation),
        policy=request.policy,
        decision=request.decision,
        ledger=request.ledger,
        n_patients={split: _shown(patients, request.ledger) for split, patients in sizes.items()},
        n_codes=len(people.matrix.vocabulary),
        n_synthetic=made.config["patients"],
        seed=made.config["seed"],
        hashes=lineage | own,
        versions=versions(),
        decided=request.decided,
        expires=request.expires,
        earlier=earlier,
        history=_history(run),
        cards=() if request.fitness is None else read_fitness(request.fitness),
    )


def render(view: ReportView) -> dict[str, dict[str, bytes]]:
    """The pages of each half of a bundle: file name -> content; the same view gives the same bytes."""
    public, steward = (risk_report.render_html(view, copy) for copy in ("public", "steward"))
    fidelity = fidelity_report.render_html(view)
    pages = {
        PUBLIC: {"report": public, "fidelity": fidelity},
        STEWARD: {"report": steward},
    }
    rendered = {
        half: {f"{name}.html": html.encode() for name, html in found.items()}
        | {f"{name}.pdf": render_pdf(html) for name, html in found.items()}
        for half, found in pages.items()
    }
    rendered[PUBLIC]["datasheet.md"] = render_markdown(view).encode()
    return rendered


def events_beside(cohort: Path) -> Path | None:
    """The landing of events that a cohort was made from, if it still stands beside it."""
    events = cohort.absolute().parent / "events"
    if events.is_dir() and source_hash(events) == read_manifest(cohort).made_from.get("events"):
        return events
    return None


def source_name(cohort: Path) -> str:
    """Name of the data set a cohort was made from, if its events still stand beside it; never a path."""
    events = events_beside(cohort)
    about = None if events is None else events / "metadata" / "dataset.json"
    if about is not None and about.is_file():
        return str(json.loads(about.read_text(encoding="utf-8"))["dataset_name"])
    return "not stated"


def _history(run: Path | None) -> pd.DataFrame | None:
    path = None if run is None else run / "history.parquet"
    return pd.read_parquet(path) if path is not None and path.is_file() else None


def _shown(patients: int, ledger: Ledger) -> int:
    """A number of patients as the pages show it: under a budget to the nearest hundred, for it is secret."""
    return patients if ledger.budget is None else max(round(patients, -2), 1)
