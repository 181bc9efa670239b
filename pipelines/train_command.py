"""`synthehr train`: a generator from a cohort, with or without a privacy budget."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import DryRun, Json, ModelOptions, Out, Seed
from pipelines.completion import model_names
from pipelines.console import outcome
from pipelines.ledger_commands import spent_lines
from synthehr.errors import BadRequest


def train(
    cohort: Annotated[Path, typer.Argument(metavar="COHORT")],
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(
            help="transformer (default), medgan, medgan_paper, copula, independent.", autocompletion=model_names
        ),
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(
            help="Differentially private, for one patient: copula (default), transformer, medgan, independent."
        ),
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="Of the privacy budget, 1e-6 if not given; far below one over the patients.")
    ] = None,
    dry_run: DryRun = False,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Wall-clock budget; not byte-reproducible.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the patients; byte-reproducible.")] = None,
    seed: Seed = 0,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    option: ModelOptions = None,
    as_json: Json = False,
) -> None:
    """Train a generator on the training split of a cohort. Interrupted, the same command goes on.

    With --epsilon, --dry-run also prints what patients will be asked, at which noise.
    """
    with outcome(as_json, resumes="Training has its last checkpoint.") as held:
        if minutes is not None and epochs is not None:
            raise BadRequest("--minutes and --epochs contradict each other: give one.")
        if delta is not None and epsilon is None:
            raise BadRequest("--delta is of a privacy budget: give --epsilon too, or have no guarantee without both.")
        from pipelines.dry_run import show
        from pipelines.previews import preview_train
        from pipelines.recipe import parse_options, validated
        from pipelines.sections import Train
        from pipelines.train import train as stage

        given = {"minutes": minutes, "epochs": epochs, "device": device}
        options = parse_options(option or []) | {key: value for key, value in given.items() if value is not None}
        named = {key: value for key, value in {"model": model, "delta": delta}.items() if value is not None}
        asked = validated(Train, {"options": options, "epsilon": epsilon, **named}, "train")
        if dry_run:
            show(held, preview_train(cohort, out, asked, seed=seed))
            return
        held.result = stage(cohort, out, asked, seed=seed, progress=held.progress)
        held.lines = [f"run: {out}", *spent_lines(held.result)]
