"""Ingest: an extract in, MEDS events out, and from them the code matrix of a cohort."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.executors import Execution
from pipelines.recipe import Recipe
from pipelines.sections import Ingest
from synthehr.cohort import build
from synthehr.cohort.build import build_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.events import explain as explaining
from synthehr.events import ingest as ingesting
from synthehr.events.ingest import ingest_events
from synthehr.events.report import IngestReport
from synthehr.events.sources.recognise import Source, recognise
from synthehr.landing import check_landing, is_current
from synthehr.progress import Progress, silent

log = logging.getLogger("synthehr")


def events_asked(extract: Source, asked: Ingest) -> dict[str, Any]:
    """What the events of this request say of themselves: kind, config and made_from of their manifest."""
    config, made_from = ingesting.identity(extract, asked.format)
    return {"kind": "events", "config": config, "made_from": made_from}


def cohort_asked(events: Path, options: CohortOptions) -> dict[str, Any]:
    """What the cohort of this request says of itself: kind, config and made_from of its manifest."""
    config, made_from = build.identity(events, options)
    return {"kind": "cohort", "config": config, "made_from": made_from}


def write_events(
    extract: Source, out: Path, asked: Ingest, *, execution: Execution | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Read an extract and write the `events` landing at `out`; counts of rows, patients, events and rejects.

    Raises:
        BadData: see `synthehr.events.ingest.ingest_events`; the message names file, row and column. Unfinished: other
            jobs have not done their share.
    """
    how = execution or Execution()
    report = ingest_events(
        extract, out, mapping=_mapping(extract, asked), executor=how.executor(), alone=how.alone, progress=progress
    )
    return asdict(report)


def _mapping(extract: Source, asked: Ingest) -> str:
    """The mapping that was asked for, or the one recognised; that one is told, with the reason."""
    if asked.format is not None:
        return asked.format
    found = recognise(extract)
    log.info(f"Recognised as {found.mapping}: {found.why}. Another is chosen by --format.")
    return found.mapping


def ingest(
    extract: Source, out: Path, asked: Recipe, *, execution: Execution | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """`out/events` and `out/cohort` of an extract, with the counts of both; events that are complete stand.

    Raises:
        As `write_events` and `write_cohort`.
    """
    events, how = out / "events", execution or Execution()
    if is_current(events, **events_asked(extract, asked.ingest)):
        found = {"events": asdict(IngestReport.read(events))}
    else:
        found = {"events": write_events(extract, events, asked.ingest, execution=how, progress=progress)}
    found["cohort"] = write_cohort(events, out / "cohort", asked.cohort, execution=how, progress=progress)
    return found


def write_cohort(
    events: Path,
    out: Path,
    options: CohortOptions,
    *,
    execution: Execution | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Count the codes of each patient and write the `cohort` landing at `out`; its counts.

    Raises:
        IncompleteLanding: no events there, or they were altered.
    """
    check_landing(events, "events")
    how = execution or Execution()
    return asdict(
        build_cohort(events, out, options=options, executor=how.executor(), alone=how.alone, progress=progress)
    )


def explain(extract: Source, asked: Ingest) -> str:
    """The DuckDB SQL that `write_events` would run."""
    return explaining.explain(extract, asked.format)
