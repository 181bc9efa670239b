"""The command line: the list of its commands. Each has a file of its own, `<name>_command.py`.

A command reads its arguments, calls one stage, and prints what came of it. Stages are imported when they are called:
`--help`, `doctor` and a shell that completes must not wait for torch.
"""

import os
from importlib import metadata
from typing import Annotated

import typer

from pipelines.attack_command import attack
from pipelines.audit_command import audit
from pipelines.compare_command import compare
from pipelines.console import EXIT_CODES, QUIET
from pipelines.demo_command import demo
from pipelines.doctor_command import doctor
from pipelines.evaluate_command import evaluate
from pipelines.fitness_command import fitness
from pipelines.generate_command import generate
from pipelines.ingest_command import ingest
from pipelines.init_command import init
from pipelines.ledger_commands import ledger_app
from pipelines.plan_command import plan
from pipelines.policy_commands import policy_app
from pipelines.release_command import release
from pipelines.run_command import run
from pipelines.train_command import train
from pipelines.usage import PROGRAM, Commands
from pipelines.verify_command import verify
from pipelines.view_command import view

app = typer.Typer(
    cls=Commands,
    help="Hospital records in, a synthetic cohort that can be released out, with the risk measured.",
    epilog=f"Exit codes: {EXIT_CODES}. With --json, which every command takes, an error is a JSON object too.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"{PROGRAM} {metadata.version(PROGRAM)}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, no log lines: results and errors alone.", envvar=QUIET)
    ] = False,
) -> None:
    if quiet:
        os.environ[QUIET] = "1"


# to begin with
app.command()(init)
app.command()(demo)
app.command()(run)
app.command()(plan)
# the way from an extract to a bundle, a stage each
app.command()(ingest)
app.command()(train)
app.command()(generate)
app.command()(evaluate)
app.command()(fitness)
app.command()(release)
app.command()(verify)
app.command()(view)
# what stands beside it
app.command()(compare)
app.command()(audit)
app.command()(attack)
app.add_typer(policy_app, name="policy")
app.add_typer(ledger_app, name="ledger")
app.command()(doctor)


def main() -> None:
    """Entry point of `synthehr`."""
    app(prog_name=PROGRAM)


if __name__ == "__main__":
    main()
