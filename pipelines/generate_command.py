"""`synthehr generate`: synthetic patients from a run."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import DryRun, Json, Out, Seed
from pipelines.console import outcome


def generate(
    run: Annotated[Path, typer.Argument(metavar="RUN")],
    out: Out,
    patients: Annotated[int, typer.Option("-n", "--patients", min=1, help="How many synthetic patients.")],
    where: Annotated[str | None, typer.Option(help="Whom to keep, such as age in ('70-80') and ICD9CM/428.")] = None,
    seed: Seed = 0,
    processes: Annotated[int | None, typer.Option(min=1, help="Bytes do not depend on it.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Draw synthetic patients from a run."""
    with outcome(as_json) as held:
        from pipelines.conditional import acceptance_lines
        from pipelines.dry_run import show
        from pipelines.generate import generate as stage
        from pipelines.previews import preview_generate

        if dry_run:
            show(held, preview_generate(run, out, patients=patients, where=where, seed=seed))
            return
        held.result = stage(
            run, out, patients=patients, where=where, seed=seed, processes=processes, progress=held.progress
        )
        held.lines = [f"synthetic: {out} ({patients:,} patients)", *acceptance_lines(held.result)]
