"""`synthehr ledger`: what a third party can check of a privacy claim; and what a training has spent."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.arguments import Json
from pipelines.console import outcome
from synthehr.errors import BadRequest

ledger_app = typer.Typer(help="Verify privacy ledgers.", no_args_is_help=True, add_completion=False)


@ledger_app.callback()
def _group() -> None:
    """Keeps `verify` a command of its own while it is the only one."""


@ledger_app.command()
def verify(
    ledgers: Annotated[list[Path], typer.Argument(metavar="LEDGER", exists=True, help="ledger.json, or its folder.")],
    as_json: Json = False,
) -> None:
    """Check every hash of a ledger and compute its epsilon anew, by two accountants; of several, the sum over releases.

    Several ledgers are added up as if each patient were in all of them. Exit 3 if one was changed.
    """
    with outcome(as_json) as held:
        from privacy.ledger import Ledger, cumulative
        from privacy.statement import statement

        files = [path / "ledger.json" if path.is_dir() else path for path in ledgers]
        read = {str(file): Ledger.read(file) for file in files}
        if len(read) < len(files):
            raise BadRequest("A ledger was named twice: each release is counted once.")
        held.result = {"ledgers": [{"ledger": name} | _found(ledger) for name, ledger in read.items()]}
        held.lines = [f"{name}: chain whole. {statement(ledger)}" for name, ledger in read.items()]
        if len(read) > 1:
            epsilon, delta = cumulative(list(read.values()))
            held.result["together"] = {"epsilon": _number(epsilon), "delta": delta}
            held.lines.append(f"Together, for a patient who is in all: epsilon {epsilon:.4g}, delta {delta:.2g}.")


def _found(ledger: Any) -> dict[str, Any]:
    """Looks, epsilon by PLD and by PRV, delta."""
    found: dict[str, Any] = {"looks": len(ledger.entries), "epsilon": _number(ledger.epsilon)}
    if ledger.budget is None or math.isinf(ledger.epsilon):
        return found
    return found | {"epsilon_prv": ledger.checked()[1], "delta": ledger.budget.delta, "budget": ledger.budget.epsilon}


def spent_lines(result: Mapping[str, Any]) -> list[str]:
    """What a finished training spent, where there was a budget."""
    if "delta" not in result:
        return []
    return [f"epsilon {result['epsilon']:.4g}, delta {result['delta']:g}; {result['codes']:,} codes"]


def _number(value: float) -> float | str:
    return "inf" if math.isinf(value) else value
