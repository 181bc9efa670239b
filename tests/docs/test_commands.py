"""Every command, query and line of Python of the guide is run here as it stands there, on a small run made once.

What is not run as it stands is listed: `SMALLER`, `AGAIN`, `DRY`, `PARSED` and `ELSEWHERE`.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.recipe import load_recipe
from privacy.policy_file import load_policy

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "pages"
NOTEBOOK = ROOT / "docs" / "notebook" / "bundle_to_study.ipynb"
FENCE = re.compile(r'^( *)```(\w+)(?: title="([^"]+)")?\n(.*?)^ *```$', re.S | re.M)
STEWARD = "quickstart/steward.md"  # its bundle is signed, as that of the officer's page is

# numbers of patients that would take a minute
SMALLER = {"20_000": "300", "-n 50000": "-n 50", "-n 13000": "-n 50", "-n 1000": "-n 5"}
# stages that would replace what the other commands read write beside it
AGAIN = {"ingest": ("--out work", "--out again"), "generate": ("--out work/synthetic", "--out again/synthetic")}
# take minutes: with --dry-run, as is a release that the page makes again with more options
DRY = ("demo", "run", "train", "evaluate")
PARSED = ("plan", "audit", "view")  # take minutes, or end with Ctrl-C: their options are those that there are
ELSEWHERE = ("--executor ray", "--shard", "://")  # need a cluster or a server: as those
Cli = Callable[..., tuple[int, str, str]]


def blocks(language: str, page: Path | None = None) -> list[tuple[str, str, str]]:
    """(page, title, text) of the blocks in a language, of one page or of all; indented ones are brought out."""
    found = []
    for file in [page] if page else sorted(PAGES.rglob("*.md")):
        for indent, name, title, text in FENCE.findall(file.read_text(encoding="utf-8")):
            if name == language:
                found.append((file.relative_to(PAGES).as_posix(), title, re.sub(f"^{indent}", "", text, flags=re.M)))
    return found


def lines(page: str) -> list[str]:
    """The commands of a page; one that goes on over several lines is one."""
    whole = [text.replace("\\\n", "") for *_, text in blocks("bash", PAGES / page)]
    return [line for text in whole for line in text.splitlines() if line.strip()]


WITH_COMMANDS = sorted({page for page, *_ in blocks("bash")}, key=lambda page: (page != STEWARD, page))
EVERY_CALL = [line for page in WITH_COMMANDS for line in lines(page) if line.startswith("synthehr ")]
QUERIES = [(page, title, sql) for page, title, sql in blocks("sql") if not title]


def unknown_options(line: str) -> set[str]:
    """What a command line names that its command does not have."""
    command, arguments = get_command(app), shlex.split(line, comments=True)[1:]
    while hasattr(command, "commands"):
        if arguments[0].startswith("-"):
            arguments.pop(0)  # of synthehr itself
            continue
        command = command.commands[arguments.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return {argument for argument in arguments if argument.startswith("-")} - known


@pytest.fixture(scope="module")
def desk(spine: Path, extract: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pages have it: `work`, an extract, tables to attack, and the files whose text a page gives."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copytree(spine, folder / "work", copy_function=os.link)  # stages replace files, and change none
    (folder / "EXTRACT").symlink_to(extract)
    (folder / "out").mkdir()
    for name in ("first", "second"):
        (folder / "out" / name).mkdir()
        shutil.copytree(spine / "evaluation", folder / "out" / name / "evaluation", copy_function=os.link)
    rng = np.random.default_rng(0)
    for name in "ABC":
        table = pd.DataFrame(rng.random((60, 5)) < 0.3, columns=[f"c{j}" for j in range(5)]).astype(int)
        table.to_csv(folder / "C.csv", index=False) if name == "C" else table.to_parquet(folder / f"{name}.parquet")
    for language in ("toml", "sql"):
        for _, title, text in blocks(language):
            if title:
                (folder / title).parent.mkdir(exist_ok=True)
                (folder / title).write_text(text, encoding="utf-8")
    return folder


def as_run(line: str) -> str | None:
    """A line of a page as it is run here; None where its options alone are checked."""
    words = shlex.split(line, comments=True)
    if words[0] != "synthehr":
        return _smaller(line)
    if words[1] in PARSED or any(mark in line for mark in ELSEWHERE):
        return None
    line = _smaller(line).replace(*AGAIN.get(words[1], ("", "")))
    dry = words[1] in DRY or (words[1] == "release" and "--fitness" not in line)
    return f"{line} --dry-run" if dry and "--dry-run" not in line else line


def _smaller(line: str) -> str:
    for much, little in SMALLER.items():
        line = line.replace(much, little)
    return line


def walk(page: str, cli: Cli) -> None:
    """Run the commands of a page, one after another, in the folder in which this process is."""
    for line in filter(None, map(as_run, lines(page))):
        words = shlex.split(line, comments=True)
        if words[0] == "synthehr":
            code, _, errors = cli(*words[1:])
            assert code == 0, f"{page}: {line}\n{errors}"
        elif words[:2] == ["python", "-c"]:
            exec(words[2], {})
        else:
            subprocess.run(["bash", "-ec", line], check=True, capture_output=True)


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_run(page: str, desk: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, with which the pages make and check a key, is not installed")
    monkeypatch.chdir(desk)
    if page != STEWARD and not (desk / "key.pem").exists():
        walk(STEWARD, cli)
    walk(page, cli)


@pytest.mark.parametrize("line", EVERY_CALL)
def test_each_command_is_one_that_there_is(line: str) -> None:
    assert unknown_options(line) == set()


def test_a_wrong_option_is_found() -> None:
    assert unknown_options("synthehr --quiet train work/cohort --out run --epsilonn 3 # --and") == {"--epsilonn"}
    assert unknown_options("synthehr ledger verify run --sum") == {"--sum"}


def test_what_is_run_otherwise_is_what_is_listed() -> None:
    assert as_run("synthehr train work/cohort --out r") == "synthehr train work/cohort --out r --dry-run"
    assert as_run("synthehr generate run --out s -n 1000") == "synthehr generate run --out s -n 5"
    assert as_run("synthehr run a.toml --dry-run") == "synthehr run a.toml --dry-run"
    assert as_run("synthehr audit work/cohort --epsilon 3") is None
    assert as_run("synthehr verify work/bundle") == "synthehr verify work/bundle"


@pytest.mark.parametrize(("page", "title", "sql"), QUERIES, ids=[sql.splitlines()[0][:60] for *_, sql in QUERIES])
def test_a_query_of_the_guide_finds_something(
    page: str, title: str, sql: str, spine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(spine / "bundle" / "public")
    with duckdb.connect("cohort.duckdb", read_only=True) as cohort:
        rows = cohort.execute(sql).fetchall()
    assert rows
    assert any(value is not None for row in rows for value in row)


def test_the_python_of_the_guide_runs(spine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spine / "bundle" / "public")
    found = blocks("python")
    assert len(found) >= 2
    for *_, text in found:
        exec(text, {})


def test_each_table_of_settings_is_a_recipe_or_a_policy(desk: Path) -> None:
    found = blocks("toml")
    assert len(found) >= 3
    for _, title, text in found:
        read: Callable[[Path], Any] = load_policy if "[[gates]]" in text else load_recipe
        read(desk / title)


def test_the_notebook_runs_on_a_bundle_and_holds_no_output(spine: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient, which runs notebooks, is not installed")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="ipykernel, in which notebooks run, is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
    where = {"metadata": {"path": str(spine / "bundle" / "public")}}
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3", resources=where).execute()
    said = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    assert "logistic regression: odds ratio" in said
    assert "To be confirmed" in said
