"""Ingest: an extract in, MEDS events out, and from them the code matrix of a cohort."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.recipe import Ingest
from synthehr.cohort import build
from synthehr.cohort.build import CohortOptions, build_cohort
from synthehr.events import explain as explaining
from synthehr.events import ingest
from synthehr.events.ingest import ingest_events
from synthehr.landing import check_landing
from synthehr.progress import Progress, silent


def events_asked(extract: Path, asked: Ingest) -> dict[str, Any]:
    """What the events of this request say of themselves: kind, config and made_from of their manifest."""
    config, made_from = ingest.identity(extract, asked.format)
    return {"kind": "events", "config": config, "made_from": made_from}


def cohort_asked(events: Path, options: CohortOptions) -> dict[str, Any]:
    """What the cohort of this request says of itself: kind, config and made_from of its manifest."""
    config, made_from = build.identity(events, options)
    return {"kind": "cohort", "config": config, "made_from": made_from}


def write_events(extract: Path, out: Path, asked: Ingest, *, progress: Progress = silent) -> dict[str, Any]:
    """Read an extract and write the `events` landing at `out`; counts of rows, patients, events and rejects.

    Raises:
        BadData: see `synthehr.events.ingest.ingest_events`; the message names file, row and column.
    """
    return asdict(ingest_events(extract, out, mapping=asked.format, progress=progress))


def write_cohort(events: Path, out: Path, options: CohortOptions, *, progress: Progress = silent) -> dict[str, Any]:
    """Count the codes of each patient and write the `cohort` landing at `out`; its counts.

    Raises:
        IncompleteLanding: no events there, or they were altered.
    """
    check_landing(events, "events")
    return asdict(build_cohort(events, out, options=options, progress=progress))


def explain(extract: Path, asked: Ingest) -> str:
    """The DuckDB SQL that `write_events` would run."""
    return explaining.explain(extract, asked.format)
