"""How a command ends: its result on standard output, or one clear message on standard error and an exit code."""

import contextlib
import errno
import json
import logging
import math
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from pipelines.progress import shown
from synthehr.progress import Progress, silent

INTERRUPTED = 130
MACHINE_FAILED = 1
QUIET = "SYNTHEHR_QUIET"  # an environment variable, so that a script says it once for all commands
EXIT_CODES = "0 done, 1 the machine failed, 2 usage, 3 bad data, 4 the gate refused, 130 interrupted"
NOTHING_LEFT = "Nothing half-written is left."
log = logging.getLogger("synthehr")


@dataclass
class Outcome:
    """What a command hands over: `result` is printed as JSON with --json, else `tables` and `lines` are."""

    progress: Progress = silent
    result: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


@contextlib.contextmanager
def outcome(as_json: bool, *, resumes: str = NOTHING_LEFT) -> Iterator[Outcome]:
    """Show progress and log lines while the command works, then its result; turn every failure into an exit code.

    resumes: what stands after an interruption. Exit codes: see `EXIT_CODES`; a machine that fails is a full disk or one
    that refuses. With `as_json`, standard output holds one JSON object. Under `SYNTHEHR_QUIET` neither progress nor log
    lines are shown, only results and errors.
    """
    errors, quiet = error_console(), is_set(QUIET)
    handler = _Lines(errors)
    log.addHandler(handler)
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    held = Outcome()
    try:
        with contextlib.nullcontext(silent) if quiet else shown(errors) as held.progress:
            yield held
    except KeyboardInterrupt:
        again = shlex.join(["synthehr", *sys.argv[1:]])
        fail(errors, as_json, f"Interrupted. {resumes} To go on, run the same command again: {again}", INTERRUPTED)
    except Exception as error:
        # errors raised on purpose say with which code to end; they come from floors that know nothing of each other
        exit_code = getattr(error, "exit_code", MACHINE_FAILED)
        message = str(error) if hasattr(error, "exit_code") else _machine_message(error)
        if message is None:
            if (
                as_json
            ):  # the traceback follows on standard error; an error's words may hold anything, its name does not
                _print_json({"error": f"A fault of synthehr: {type(error).__name__}.", "exit_code": MACHINE_FAILED})
            raise
        fail(errors, as_json, message, exit_code)
    else:
        _print(held, as_json)
    finally:
        log.removeHandler(handler)


def is_set(variable: str) -> bool:
    """Whether an environment variable says yes: it is there, and neither empty, 0 nor false."""
    return os.environ.get(variable, "").lower() not in ("", "0", "false", "no")


def error_console() -> Console:
    """Standard error. A log of continuous integration is no terminal, even where it has one: no bars, no colours."""
    return Console(stderr=True, force_terminal=False if is_set("CI") else None)


def _print(held: Outcome, as_json: bool) -> None:
    if as_json:
        _print_json(held.result)
        return
    output = Console(force_terminal=False if is_set("CI") else None)
    for table in held.tables:
        output.print(table)
    for line in held.lines:
        output.print(line, markup=False, highlight=False, soft_wrap=True)


def fail(errors: Console, as_json: bool, message: str, exit_code: int) -> NoReturn:
    """End a command: the message on standard error, red on a terminal, and with `as_json` an object on standard output.

    Raises:
        typer.Exit: always, with `exit_code`.
    """
    errors.print(message, style="bold red", markup=False, highlight=False, soft_wrap=True)
    if as_json:
        _print_json({"error": message, "exit_code": exit_code})
    raise typer.Exit(exit_code)


def _print_json(result: Mapping[str, Any]) -> None:
    print(json.dumps(_plain(result), allow_nan=False))


def _plain(value: Any) -> Any:
    """`value` with what JSON has no number for: nan as null, the infinite as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _machine_message(error: Exception) -> str | None:
    """What to do where the machine, not the data or the request, is at fault; None where this house is."""
    again = "then run the same command again"
    # DuckDB and safetensors raise their own classes, with the system's words in the text
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
        return (
            "The disk is full. What was complete before stands, nothing half-written is left under a final name. "
            f"Free space or choose an --out on another disk, {again}."
        )
    if isinstance(error, MemoryError):
        return f"Memory ran out: {error or 'an array did not fit'}. Close other work or use a larger machine, {again}."
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"The machine refused ({error.strerror or error}{where}). Mend that, {again}."
    return None


class _Lines(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        style = "bold red" if record.levelno >= logging.WARNING else None
        self.console.print(record.getMessage(), style=style, markup=False, highlight=False, soft_wrap=True)
