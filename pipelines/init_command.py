"""`synthehr init`: a recipe from a few answers."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.arguments import Json
from pipelines.completion import format_names, policy_names
from pipelines.console import outcome
from synthehr.errors import BadRequest


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where NAME.toml is written.")] = Path(),
    extract: Annotated[str | None, typer.Option(help="Files, a database or its address; it is recognised.")] = None,
    name: Annotated[str | None, typer.Option(help="Of the release and of the recipe.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What it is released for.")] = None,
    policy: Annotated[
        str | None, typer.Option(help="Who will get it: a policy by name or file.", autocompletion=policy_names)
    ] = None,
    epsilon: Annotated[float | None, typer.Option(help="Privacy budget, for one patient; none if absent.")] = None,
    delta: Annotated[float | None, typer.Option(help="Of the budget, 1e-6 if absent.")] = None,
    vocabulary: Annotated[str | None, typer.Option(help="File of a public list of codes, for a budget.")] = None,
    minutes: Annotated[float | None, typer.Option(help="To train; the model's own passes if absent.")] = None,
    outcome_codes: Annotated[
        list[str] | None, typer.Option("--outcome", metavar="CODE", help="That will be predicted; several times.")
    ] = None,
    effect: Annotated[
        list[str] | None, typer.Option(metavar="A=B", help="Exposure and outcome to be studied; several times.")
    ] = None,
    format: Annotated[
        str | None, typer.Option(help="Mapping, instead of what is recognised.", autocompletion=format_names)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: options, and defaults for the rest.")] = False,
    as_json: Json = False,
) -> None:
    """Write a recipe from answers, each with its reason, and say what to type next. No file is overwritten."""
    with outcome(as_json) as held:
        from pipelines.init import next_commands, write_recipe
        from pipelines.interview import interview

        given = {
            "extract": extract,
            "name": name,
            "purpose": purpose,
            "policy": policy,
            "epsilon": epsilon,
            "delta": delta,
            "vocabulary": vocabulary,
            "minutes": minutes,
            "outcomes": ",".join(outcome_codes) if outcome_codes else None,
            "effects": ",".join(effect) if effect else None,
            "format": format,
        }
        _check(epsilon, delta)
        told = {key: value for key, value in given.items() if value is not None}
        answers = interview(told, folder, None if yes or as_json else _ask, _nothing if as_json else print)
        path = write_recipe(folder, answers)
        commands = next_commands(path, answers)
        held.result = {"recipe": str(path), "format": answers.format, "why": answers.why, "next": commands}
        held.lines = [f"recipe: {path}", "Next:", *commands]


def _check(epsilon: float | None, delta: float | None) -> None:
    if delta is not None and epsilon is None:
        raise BadRequest("--delta is of a privacy budget: give --epsilon too.")


def _ask(question: str, default: str) -> str:
    """The answer on standard input, a line; the default where it is empty."""
    shown: Any = f" [{default}]" if default else ""
    print(f"{question}{shown} ", end="", flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EndedAnswers("The answers ended before the questions did: give options and --yes, or answer all.")
    return line.strip() or default


class EndedAnswers(Exception):
    """Standard input ended in the middle of the questions (exit 2)."""

    exit_code = 2


def _nothing(_: str) -> None:
    """Tell nobody: standard output is for one JSON object."""
