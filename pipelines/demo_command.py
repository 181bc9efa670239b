"""`synthehr demo`: the whole way, on patients who never lived."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import DryRun, Json
from pipelines.closing import bundle_lines
from pipelines.console import outcome

ANEW = "The demo is made anew each time, from the first step."


def demo(
    extract: Annotated[
        Path | None, typer.Option(exists=True, help="Real files, instead of the simulated cohort.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of all landings.")] = Path("demo"),
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Training budget, instead of the recipe's.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """The whole way on a simulated cohort of 20,000 patients, in under five minutes on two cores."""
    with outcome(as_json, resumes=ANEW) as held:
        if dry_run:
            from pipelines.dry_run import show
            from pipelines.previews import preview_demo

            show(held, preview_demo(out, extract=extract, minutes=minutes))
            return
        from pipelines.demo import demo as story
        from pipelines.summary import comparison_table

        held.result = story(out, extract=extract, minutes=minutes, progress=held.progress)
        held.tables = [comparison_table(out / "evaluation")]
        held.lines = bundle_lines(held.result)
