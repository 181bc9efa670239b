import errno
import io
import json
import logging
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

from pipelines.console import error_console, fail, is_set, outcome
from privacy.policy import GateRefused
from privacy.policy_file import BadPolicy
from synthehr.errors import BadData, BadRequest, Diverged, IncompleteLanding, SynthehrError


def end_with(error: BaseException, *, as_json: bool = False) -> int:
    with pytest.raises(typer.Exit) as end:
        _raise(error, as_json)
    return int(end.value.exit_code)


def _raise(error: BaseException, as_json: bool) -> None:
    with outcome(as_json, resumes="What is complete stands."):
        raise error


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (BadRequest("say --epochs"), 2),
        (BadPolicy("no such key"), 2),
        (BadData("row 7"), 3),
        (IncompleteLanding("run train"), 3),
        (Diverged("lower the rate"), 3),
        (SynthehrError("some"), 3),
        (GateRefused("auc"), 4),
    ],
)
def test_errors_end_with_their_code_and_one_message(
    error: Exception, exit_code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_with(error) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"{error}\n"


def test_with_json_an_error_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert end_with(BadData("file a.csv, row 7"), as_json=True) == 3
    assert json.loads(capsys.readouterr().out) == {"error": "file a.csv, row 7", "exit_code": 3}


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/data/x"),
        RuntimeError('IO Error: Could not write file "x": No space left on device'),  # as DuckDB and safetensors say it
    ],
)
def test_a_full_disk_says_what_stands_and_what_to_do(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert end_with(error) == 1
    words = capsys.readouterr().err
    assert words.startswith("The disk is full.")
    assert "Free space or choose an --out on another disk" in words


def test_a_machine_that_refuses_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert end_with(PermissionError(errno.EACCES, "Permission denied", "/data/out")) == 1
    assert "Permission denied: /data/out" in capsys.readouterr().err
    assert end_with(MemoryError()) == 1
    assert "Memory ran out" in capsys.readouterr().err


def test_an_interruption_says_how_to_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/synthehr", "train", "my cohort", "--out", "run"])
    assert end_with(KeyboardInterrupt()) == 130
    words = capsys.readouterr().err
    assert "What is complete stands." in words
    assert "run the same command again: synthehr train 'my cohort' --out run" in words


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        _raise(ZeroDivisionError(), as_json=False)


def test_json_is_one_object_and_the_rest_goes_to_standard_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with outcome(True) as held:
        held.progress("work", 1, 1, "step")
        held.result = {"run": str(tmp_path)}
        held.lines = ["for people"]
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"run": str(tmp_path)}
    assert printed.err == "work: 1 step in 0.0 s\n"


def test_markup_in_a_message_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    with outcome(False) as held:
        held.lines = ["a [bold]path[/bold]"]
    assert capsys.readouterr().out == "a [bold]path[/bold]\n"


def test_a_bug_is_one_object_too_and_tells_no_more_than_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError):
        _raise(KeyError("Mrs Doe"), as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found == {"error": "A fault of synthehr: KeyError.", "exit_code": 1}


def test_what_json_has_no_number_for_is_null_or_text(capsys: pytest.CaptureFixture[str]) -> None:
    with outcome(True) as held:
        held.result = {"auc": float("nan"), "rows": [{"epsilon": float("inf")}, (1, -0.5)]}
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {
        "auc": None,
        "rows": [{"epsilon": "inf"}, [1, -0.5]],
    }


def said(**options: object) -> str:
    stream = io.StringIO()
    with pytest.raises(typer.Exit):
        fail(Console(file=stream, **options), False, "no cohort there", 3)  # type: ignore[arg-type]
    return stream.getvalue()


def test_an_error_is_red_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NO_COLOR", "CI", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "31m" in said(force_terminal=True)
    assert said(force_terminal=False) == "no cohort there\n"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in said(force_terminal=True)


@pytest.mark.parametrize(("value", "plain"), [("true", True), ("1", True), ("", False), ("false", False), ("0", False)])
def test_continuous_integration_is_no_terminal(value: str, plain: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # what rich takes for a terminal, wherever it writes
    monkeypatch.setenv("CI", value)
    assert is_set("CI") is plain
    assert error_console().is_terminal is not plain


def test_quiet_is_results_and_errors(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNTHEHR_QUIET", "1")
    with outcome(False) as held:
        held.progress("work", 1, 1, "step")
        logging.getLogger("synthehr").info("recognised")
        logging.getLogger("synthehr").warning("not the same cohort")
        held.lines = ["run: here"]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("run: here\n", "not the same cohort\n")
    assert end_with(BadData("row 7")) == 3
    assert capsys.readouterr().err == "row 7\n"
