"""`synthehr run`: all five stages from a recipe."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import FROM_LANDINGS, DryRun, Json, Override, RecipeName
from pipelines.closing import bundle_lines
from pipelines.console import outcome


def run(
    recipe: RecipeName,
    extract: Annotated[str, typer.Option(help="The extract: files, a database, or its address.")],
    out: Annotated[Path | None, typer.Option(help="Folder of all landings; else out/<recipe name>.")] = None,
    override: Override = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """All five stages from a recipe. What is complete and unchanged is skipped."""
    with outcome(as_json, resumes=FROM_LANDINGS) as held:
        from pipelines.recipe import load_recipe

        asked = load_recipe(recipe)
        out = out or Path("out") / asked.name
        if dry_run:
            from pipelines.dry_run import show
            from pipelines.previews import preview_run

            show(held, preview_run(asked, extract, out, override=override))
            return
        from pipelines.run import run as stage
        from pipelines.summary import comparison_table

        held.result = stage(asked, extract, out, override=override, progress=held.progress)
        held.tables = [comparison_table(out / "evaluation")]
        held.lines = bundle_lines(held.result)
