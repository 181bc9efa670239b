"""The command line. Each command reads its arguments, calls one stage, and prints what came of it.

Stages are imported when they are called: `--help` and `doctor` must not wait for torch.
"""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.attack_command import attack
from pipelines.audit_command import audit
from pipelines.closing import bundle_lines
from pipelines.console import outcome
from pipelines.evaluate_command import evaluate
from pipelines.ingest_command import ingest
from pipelines.ledger_commands import ledger_app, plan_lines, spent_lines
from pipelines.policy_commands import policy_app
from synthehr.errors import BadRequest

app = typer.Typer(
    help="Hospital records in, a synthetic cohort that can be released out, with the risk measured.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(attack)
app.command()(audit)
app.add_typer(policy_app, name="policy")
app.add_typer(ledger_app, name="ledger")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, data and machine: same bytes.")]
Out = Annotated[Path, typer.Option(help="Folder to write; complete or absent.")]
Folder = Annotated[Path, typer.Option()]
Override = Annotated[str | None, typer.Option(help="Release although the gate refuses; the bundle records the reason.")]
RecipeArg = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file, or the name of one that comes along.")]
FROM_LANDINGS = "Complete landings stand, training has its last checkpoint."


app.command()(ingest)


@app.command()
def train(
    cohort: Annotated[Path, typer.Argument(metavar="COHORT")],
    out: Out,
    model: Annotated[
        str | None, typer.Option(help="transformer (default), medgan, medgan_paper, copula, independent.")
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option(help="Differentially private, for one patient: copula (default), independent.")
    ] = None,
    delta: Annotated[
        float | None, typer.Option(help="Of the privacy budget, 1e-6 if not given; far below one over the patients.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --epsilon: print what will be asked, ask no one.")
    ] = False,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Wall-clock budget; not byte-reproducible.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the patients; byte-reproducible.")] = None,
    seed: Seed = 0,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="Any other option of the model, as NAME=VALUE.")] = None,
    as_json: Json = False,
) -> None:
    """Train a generator on the training split of a cohort. Interrupted, the same command goes on."""
    with outcome(as_json, resumes="Training has its last checkpoint.") as held:
        if minutes is not None and epochs is not None:
            raise BadRequest("--minutes and --epochs contradict each other: give one.")
        if delta is not None and epsilon is None:
            raise BadRequest("--delta is of a privacy budget: give --epsilon too, or have no guarantee without both.")
        from pipelines.recipe import Train, parse_options, validated
        from pipelines.train import train as stage

        given = {"minutes": minutes, "epochs": epochs, "device": device}
        options = parse_options(option or []) | {key: value for key, value in given.items() if value is not None}
        named = {key: value for key, value in {"model": model, "delta": delta}.items() if value is not None}
        asked = validated(Train, {"options": options, "epsilon": epsilon, **named}, "train")
        if dry_run:
            plan_lines(held, cohort, asked)
            return
        held.result = stage(cohort, out, asked, seed=seed, progress=held.progress)
        held.lines = [f"run: {out}", *spent_lines(held.result)]


@app.command()
def generate(
    run: Annotated[Path, typer.Argument(metavar="RUN")],
    out: Out,
    patients: Annotated[int, typer.Option("-n", "--patients", min=1, help="How many synthetic patients.")],
    where: Annotated[str | None, typer.Option(help="Whom to keep, such as age in ('70-80') and ICD9CM/428.")] = None,
    seed: Seed = 0,
    processes: Annotated[int | None, typer.Option(min=1, help="Bytes do not depend on it.")] = None,
    as_json: Json = False,
) -> None:
    """Draw synthetic patients from a run."""
    with outcome(as_json) as held:
        from pipelines.conditional import acceptance_lines
        from pipelines.generate import generate as stage

        held.result = stage(
            run, out, patients=patients, where=where, seed=seed, processes=processes, progress=held.progress
        )
        held.lines = [f"synthetic: {out} ({patients:,} patients)", *acceptance_lines(held.result)]


app.command()(evaluate)


@app.command()
def release(
    cohort: Folder,
    synthetic: Folder,
    evaluation: Folder,
    out: Out,
    run: Annotated[Path | None, typer.Option(help="Check that the synthetic cohort came from this run.")] = None,
    policy: Annotated[str, typer.Option(help="Policy by name or file.")] = "public_release",
    override: Override = None,
    name: Annotated[str | None, typer.Option(help="Name of the release; else the name of --out.")] = None,
    purpose: Annotated[str, typer.Option(help="What it is released for; the report says it.")] = "",
    as_json: Json = False,
) -> None:
    """Judge an evaluation by a policy; write the bundle only if the gate lets it through (exit 4 if not)."""
    with outcome(as_json) as held:
        from pipelines.release import release as stage

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
            progress=held.progress,
        )
        held.lines = bundle_lines(held.result)


@app.command()
def run(
    recipe: RecipeArg,
    extract: Annotated[str, typer.Option(help="The extract: files, a database, or its address.")],
    out: Annotated[Path | None, typer.Option(help="Folder of all landings; else out/<recipe name>.")] = None,
    override: Override = None,
    as_json: Json = False,
) -> None:
    """All five stages from a recipe. What is complete and unchanged is skipped."""
    with outcome(as_json, resumes=FROM_LANDINGS) as held:
        from pipelines.recipe import load_recipe
        from pipelines.run import run as stage
        from pipelines.summary import comparison_table

        asked = load_recipe(recipe)
        out = out or Path("out") / asked.name
        held.result = stage(asked, extract, out, override=override, progress=held.progress)
        held.tables = [comparison_table(out / "evaluation")]
        held.lines = bundle_lines(held.result)


@app.command()
def demo(
    extract: Annotated[
        Path | None, typer.Option(exists=True, help="Real files, instead of the simulated cohort.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of all landings.")] = Path("demo"),
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Training budget, instead of the recipe's.")] = None,
    as_json: Json = False,
) -> None:
    """The whole way on a simulated cohort of 20,000 patients, in under five minutes on two cores."""
    with outcome(as_json, resumes=FROM_LANDINGS) as held:
        from pipelines.demo import demo as story
        from pipelines.summary import comparison_table

        held.result = story(out, extract=extract, minutes=minutes, progress=held.progress)
        held.tables = [comparison_table(out / "evaluation")]
        held.lines = bundle_lines(held.result)


@app.command()
def plan(
    recipe: RecipeArg,
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


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, device, cores, memory, disk, and the extras that are missing."""
    with outcome(as_json) as held:
        from pipelines.doctor import examine, findings_table

        held.result = examine(Path.cwd())
        held.tables = [findings_table(held.result)]
        held.lines = [*held.result["warnings"]]


def main() -> None:
    """Entry point of `synthehr`."""
    app()


if __name__ == "__main__":
    main()
