"""The command line as a whole: what was typed wrongly ends as every error does, and `--json` holds for it too."""

import difflib
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from pipelines.console import INTERRUPTED, error_console, fail

PROGRAM = "synthehr"
UsageError: Any = typer.BadParameter.__base__  # typer names it nowhere else, and keeps its own copy of click or not


class Commands(TyperGroup):
    """A group whose usage errors are plain text on standard error, and one JSON object where `--json` was asked for."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run what `args` ask for and exit with its code."""
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(args, prog_name or PROGRAM, complete_var, False, windows_expand_args, **extra)
        except UsageError as error:
            code = _refused(error, "--json" in given)
        except typer.Abort:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def _refused(error: Any, as_json: bool) -> int:
    """Say what is wrong with the arguments; the exit code, which is 2."""
    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError":  # nothing was asked, so all that can be is shown
        error.show()
        return int(error.exit_code)
    words = _said(error)
    if context is not None:
        if not as_json:
            usage = " ".join(["Usage:", context.command_path, *context.command.collect_usage_pieces(context)])
            error_console().print(usage, markup=False, highlight=False, soft_wrap=True)
        words += f" See {context.command_path} --help."
    try:
        fail(error_console(), as_json, words, int(error.exit_code))
    except typer.Exit as end:
        return int(end.exit_code)


def _said(error: Any) -> str:
    """What is wrong, with the nearest option where one was named that there is not."""
    name, context = getattr(error, "option_name", None), error.ctx
    if name is None or context is None:
        return _sentence(error.format_message())
    known = [option for parameter in context.command.params for option in parameter.opts if option.startswith("--")]
    if name in known:
        return _sentence(error.format_message())
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.7)
    return _sentence(error.message) + (f" Did you mean {close[0]!r}?" if close else "")


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?", "!")) else f"{words}."
