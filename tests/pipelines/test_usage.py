import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.console import EXIT_CODES

Cli = Callable[..., tuple[int, str, str]]


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


LEAVES = dict(leaves(get_command(app)))
NAMES = [" ".join(path) for path in LEAVES]
NEEDING = [path for path, command in LEAVES.items() if any(parameter.required for parameter in command.params)]


def one_object(text: str) -> dict[str, Any]:
    found = json.loads(text)  # raises where a second follows
    assert isinstance(found, dict)
    return found


def test_the_walk_finds_commands_of_both_levels() -> None:
    assert {"run", "init", "compare", "policy list", "ledger verify"} <= set(NAMES)


@pytest.mark.parametrize("path", LEAVES, ids=NAMES)
def test_every_command_has_json_and_a_word_of_help(path: tuple[str, ...]) -> None:
    command = LEAVES[path]
    assert any("--json" in parameter.opts for parameter in command.params)
    assert command.help


@pytest.mark.parametrize("path", LEAVES, ids=NAMES)
def test_an_option_that_does_not_exist_is_one_json_object(path: tuple[str, ...], cli: Cli) -> None:
    code, out, err = cli(*path, "--jsn", "--json")
    found = one_object(out)
    assert (code, found["exit_code"]) == (2, 2)
    assert found["error"].startswith("No such option: --jsn. Did you mean '--json'?")
    assert found["error"] in err
    assert "Traceback" not in err


@pytest.mark.parametrize("path", NEEDING, ids=" ".join)
def test_arguments_that_name_nothing_are_one_json_object(path: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    arguments: list[str] = []
    for parameter in LEAVES[path].params:
        if parameter.required:
            option = [parameter.opts[-1]] if parameter.opts[0].startswith("-") else []
            number = parameter.name in ("patients", "epsilon")
            arguments += [*option, "5" if number else str(tmp_path / f"absent-{parameter.name}")]
    code, out, err = cli(*path, *arguments, "--json")
    found = one_object(out)
    assert code in (2, 3)
    assert found["exit_code"] == code
    assert found["error"]
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["policy", "lst"], "Did you mean 'list'?"),
        (["train", "c", "--out", "r", "--epoch", "4"], "Did you mean '--epochs'?"),
        (["train"], "Missing argument 'COHORT'. See synthehr train --help."),
        (["train", "c", "--out", "r", "--epochs", "few"], "Invalid value for '--epochs'"),
        (["train", "c", "--out", "r", "--epochs"], "--epochs"),
    ],
)
def test_what_was_typed_wrongly_is_said_in_plain_lines(arguments: list[str], words: str, cli: Cli) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) <= 2  # usage, and what is wrong: no boxes
    assert not set(err) & set("╭│╰")


def test_an_option_unlike_all_others_gets_no_wild_guess(cli: Cli) -> None:
    assert "Did you mean" not in cli("generate", "--zzzz")[2]


def test_no_command_shows_what_there_is(cli: Cli) -> None:
    code, out, err = cli()
    assert code in (0, 2)
    assert "evaluate" in out + err


def test_help_says_every_exit_code(cli: Cli) -> None:
    code, out, _ = cli("--help")
    assert code == 0
    words = re.sub(r"\s+", " ", out)
    assert EXIT_CODES in words
    assert [int(number) for number in re.findall(r"\b\d+\b", EXIT_CODES)] == [0, 1, 2, 3, 4, 130]


def test_the_version_is_that_of_the_package(cli: Cli) -> None:
    assert cli("--version") == (0, f"synthehr {metadata.version('synthehr')}\n", "")


def test_quiet_leaves_the_result_alone(
    cli: Cli, extract: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = ("ingest", extract, "--out")
    assert "Recognised as" in cli(*ingest, tmp_path / "loud")[2]
    monkeypatch.setenv("SYNTHEHR_QUIET", "0")  # set, so that what -q sets is taken back after this test
    code, out, err = cli("-q", *ingest, tmp_path / "a")
    assert (code, err) == (0, "")
    assert "cohort: " in out
    monkeypatch.setenv("SYNTHEHR_QUIET", "1")
    assert cli(*ingest, tmp_path / "b")[2] == ""
    code, _, err = cli("train", tmp_path / "absent", "--out", tmp_path / "r")
    assert code == 3
    assert "Run synthehr ingest" in err  # an error is said all the same


def test_help_does_not_wait_for_what_it_does_not_use() -> None:
    heavy = ("torch", "duckdb", "pandas", "scipy", "pydantic_settings", "matplotlib")
    script = f"import sys, pipelines.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_no_help_has_a_bracket_that_the_terminal_would_swallow() -> None:
    """Rich takes `[word]` in a help text for a style of its own, and prints nothing."""
    pending, seen = [get_command(app)], 0
    while pending:
        command = pending.pop()
        pending += list(getattr(command, "commands", {}).values())
        texts = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
        seen += len(texts)
        assert [text for text in texts if re.search(r"\[\w+\]", text)] == [], command.name
    assert seen > 100
