"""What the README says is run here as it stands there."""

import re
import shlex
from pathlib import Path

import duckdb
import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.recipe import load_recipe

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> str:
    return "".join(re.findall(rf"```{language}\n(.*?)```", README, re.S))


SQL = [query for query in blocks("sql").split(";\n") if query.strip()]
COMMANDS = [line for line in blocks("bash").splitlines() if line]
CALLS = [line for line in COMMANDS if line.startswith("synthehr ")]


@pytest.mark.parametrize("query", SQL, ids=lambda query: query.strip().splitlines()[0])
def test_the_sql_runs_on_a_bundle_and_finds_something(query: str, spine: Path) -> None:
    with duckdb.connect(str(spine / "bundle" / "public" / "cohort.duckdb"), read_only=True) as database:
        rows = database.execute(query).fetchall()
    assert len(rows) > 1
    assert all(value is not None for row in rows for value in row)


def test_the_check_of_the_continuous_integration_is_the_second_command() -> None:
    first, second = (line for line in COMMANDS if line.startswith("python3 -m venv"))
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert script.rstrip().splitlines()[-1] == second
    assert first.endswith(".venv/bin/synthehr demo")
    assert second.endswith(".venv/bin/python -m pytest -n logical --dist loadfile")


@pytest.mark.parametrize("line", CALLS)
def test_each_command_is_one_that_there_is(line: str) -> None:
    command, arguments = get_command(app), shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {argument for argument in arguments if argument.startswith("-")} <= known


def test_the_section_of_a_recipe_is_one_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(f'name = "x"\n{blocks("toml")}', encoding="utf-8")
    declared = load_recipe(tmp_path / "r.toml").fidelity
    assert all((declared.rules, declared.effects, declared.outcomes))


def test_the_commands_are_all_there() -> None:
    stages = [shlex.split(line, comments=True)[1] for line in CALLS]
    readers = ["init", "run", "verify", "view"]
    five = ["ingest", "train", "generate", "evaluate", "release"]
    beside = ["fitness", "release", "verify", "compare"]
    private = ["train", "train", "ledger", "audit"]
    rest = ["run", "plan", "doctor", "attack", "policy", *["ingest"] * 3]
    assert stages == [*readers, *five, *beside, *private, *rest]


def test_files_that_are_named_exist() -> None:
    named = re.findall(r"`((?:pipelines|synthehr|privacy)/[\w/.]+)`", README)
    assert len(named) >= 5
    assert all((ROOT / path).exists() for path in named)
