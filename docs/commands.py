"""The reference of the command line, from the command line itself: what `--help` says, in Markdown."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from pipelines.cli import app
from pipelines.usage import PROGRAM

HIDDEN = ("--help", "--install-completion", "--show-completion")


def command_sections() -> str:
    """A section a command, in the order of `synthehr --help`: what it does, and its options."""
    return "\n".join(_section(name, command) for name, command in _commands(PROGRAM, get_command(app)))


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for one, below in inner.items():
        yield from _commands(f"{name} {one}", below)


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.opts[0] not in HIDDEN]
    shown = [f"{_metavar(one)}{'...' if one.nargs == -1 else ''}" for one in arguments]
    shown += [f"{one.opts[-1]} {_metavar(one)}" for one in options if one.required]
    usage = " ".join([name, *shown, *(["[OPTIONS]"] if len(options) > sum(one.required for one in options) else [])])
    lines = [f"### {name}", "", " ".join((command.help or "").split()), "", f"    {usage}", ""]
    rows = [f"| `{_metavar(one)}` | {_words(one)} |" for one in arguments if _words(one)]
    rows += [f"| {', '.join(f'`{flag}`' for flag in one.opts)} | {_words(one)} |" for one in options]
    if rows:
        lines += ["| option | what it does |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _metavar(one: Any) -> str:
    return str(one.metavar or one.name).upper()


def _words(one: Any) -> str:
    said = " ".join((getattr(one, "help", None) or "").split()).replace("|", "\\|")
    default = one.show_default if isinstance(getattr(one, "show_default", None), str) else one.default
    plain = default is None or default is False or callable(default) or default == [] or default == () or default == ""
    told = "" if plain or one.param_type_name == "argument" else f"Default: `{default}`."
    must = "Must be given." if one.required and one.param_type_name == "option" else ""
    return " ".join(part for part in (said, must, told) if part)
