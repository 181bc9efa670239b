"""`synthehr evaluate`: one synthetic cohort, measured; by flags, or as a recipe asks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.arguments import DryRun, Folder, Json
from pipelines.completion import policy_names, recipe_names
from pipelines.console import NOTHING_LEFT, outcome


def evaluate(
    cohort: Folder,
    synthetic: Folder,
    out: Annotated[Path, typer.Option(help="Folder to write; complete or absent.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Take its sections evaluate and fidelity, policy and seed from this recipe; options here come first.",
            autocompletion=recipe_names,
        ),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Check that the synthetic cohort came from this run.")] = None,
    shadows: Annotated[
        int | None, typer.Option(min=0, help="Attack with so many generators trained like --run: even, 8 or more.")
    ] = None,
    canaries: Annotated[
        int | None,
        typer.Option(min=0, help="Of the audit of --run's privacy claim, 8 or more.", show_default="1000"),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            help="Policy whose sensitive codes and quasi-identifiers count.",
            show_default="public_release",
            autocompletion=policy_names,
        ),
    ] = None,
    previous: Annotated[Path | None, typer.Option(help="An earlier synthetic cohort, to stand beside it.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Same seed, data and machine: same bytes.", show_default="0")
    ] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Measure fidelity and disclosure risk, each figure between its floor and ceiling."""
    with outcome(as_json, resumes="Shadows that were trained stand." if shadows else NOTHING_LEFT) as held:
        from pipelines.evaluate import evaluate as stage
        from pipelines.recipe import Recipe, load_recipe, validated
        from pipelines.sections import Evaluate
        from pipelines.summary import comparison_table
        from synthehr.errors import BadRequest

        if canaries and run is None:
            raise BadRequest("An audit trains as the run was: name it with --run RUN, or leave --canaries out.")
        asked = load_recipe(recipe) if recipe else Recipe(name="evaluate")
        given = {
            "previous": None if previous is None else str(previous.absolute()),
            "shadows": shadows,
            "canaries": canaries,
        }
        options = validated(Evaluate, asked.evaluate.model_dump() | _named(given), "evaluate")
        measuring: dict[str, Any] = {
            "run": run,
            "fidelity": asked.fidelity,
            "policy": policy or asked.release.policy,
            "seed": asked.seed if seed is None else seed,
        }
        if dry_run:
            from pipelines.dry_run import show
            from pipelines.previews import preview_evaluate

            show(held, preview_evaluate(cohort, synthetic, out, options, **measuring))
            return
        held.result = stage(cohort, synthetic, out, options, **measuring, progress=held.progress)
        held.tables = [comparison_table(out)]
        held.lines = [f"evaluation: {out}"]


def _named(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}
