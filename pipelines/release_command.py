"""`synthehr release`: the gate, and the bundle behind it."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import DryRun, Folder, Json, Out, Override, Policy
from pipelines.closing import bundle_lines
from pipelines.console import outcome


def release(
    cohort: Folder,
    synthetic: Folder,
    evaluation: Folder,
    out: Out,
    run: Annotated[Path | None, typer.Option(help="Check that the synthetic cohort came from this run.")] = None,
    policy: Policy = "public_release",
    override: Override = None,
    name: Annotated[str | None, typer.Option(help="Name of the release; else the name of --out.")] = None,
    purpose: Annotated[str, typer.Option(help="What it is released for; the report says it.")] = "",
    decided: Annotated[
        datetime.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Date of the decision; its end is the policy's.", show_default="today"),
    ] = None,
    register: Annotated[
        Path | None, typer.Option(help="File of all releases of the house: read for the report, and added to.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="PEM of an Ed25519 key: signs the bundle. Its passphrase: SYNTHEHR_KEY_PASSPHRASE."),
    ] = None,
    fitness: Annotated[Path | None, typer.Option(help="Query fitness cards, as `synthehr fitness` made them.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Judge an evaluation by a policy; write the bundle only if the gate lets it through (exit 4 if not)."""
    with outcome(as_json) as held:
        from pipelines.dry_run import show
        from pipelines.release import Terms
        from pipelines.release import release as stage
        from pipelines.release_preview import preview_release

        if dry_run:
            show(held, preview_release(cohort, synthetic, evaluation, out, run=run, policy=policy, override=override))
            return
        held.result = stage(
            cohort,
            synthetic,
            evaluation,
            out,
            name=name or out.name,
            purpose=purpose,
            run=run,
            policy=policy,
            override=override,
            terms=Terms(
                decided=None if decided is None else decided.date(), register=register, key=key, fitness=fitness
            ),
            progress=held.progress,
        )
        held.lines = bundle_lines(held.result)
