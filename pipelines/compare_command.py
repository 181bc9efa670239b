"""`synthehr compare`: releases side by side."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import Json, Policy
from pipelines.console import outcome

log = logging.getLogger("synthehr")


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="Folders of whole runs, or evaluation or run landings.")
    ],
    out: Annotated[Path | None, typer.Option(help="HTML file to write: one page, self-contained.")] = None,
    policy: Policy = "public_release",
    as_json: Json = False,
) -> None:
    """What differs between releases in what was asked for, fidelity and risk, and which differences are no chance."""
    with outcome(as_json) as held:
        from pipelines.compare import compare as stage
        from pipelines.compare import comparison_json, notes_of
        from pipelines.compare_table import comparison_tables
        from reports.compare_report import INTERVALS, OTHER_COHORT, same_cohort

        found = stage(runs, policy=policy, out=out)
        held.result = comparison_json(found) | ({} if out is None else {"page": str(out)})
        held.tables = comparison_tables(found)
        closing = INTERVALS if same_cohort(found) else f"WARNING: {OTHER_COHORT}"
        if not same_cohort(found):  # before the tables, and after them
            log.warning(closing)
        held.lines = [*notes_of(found), closing, *([] if out is None else [f"page: {out}"])]
