"""`synthehr plan`: what a recipe will take, measured."""

from typing import Annotated

import typer

from pipelines.arguments import Json, RecipeName
from pipelines.console import outcome


def plan(
    recipe: RecipeName,
    extract: Annotated[str | None, typer.Option(help="The extract, as of ingest; it is counted.")] = None,
    as_json: Json = False,
) -> None:
    """Memory, disk and time of a recipe, before anything of it runs."""
    with outcome(as_json) as held:
        from pipelines.plan import plan as stage
        from pipelines.plan import plan_table
        from pipelines.recipe import load_recipe

        estimate = stage(load_recipe(recipe), extract, progress=held.progress)
        held.result = estimate.as_json()
        held.tables = [plan_table(estimate)]
        held.lines = [*estimate.origin, *estimate.warnings]
