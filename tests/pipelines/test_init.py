import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command

from pipelines.cli import app
from pipelines.init import Answers, next_commands, recipe_text, write_recipe
from pipelines.interview import interview, parse_effects
from pipelines.recipe import Recipe, load_recipe, validated
from synthehr.errors import BadData, BadRequest

Cli = Callable[..., tuple[int, str, str]]
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
code = st.builds("{}/{}".format, st.sampled_from(["ICD10CM", "RXNORM"]), text)


def script(answers: list[str], folder: Path, **given: object) -> tuple[Answers, list[str], list[str]]:
    """The answers of an interview, what was asked, and what was told."""
    asked, told, left = [], [], list(answers)

    def ask(question: str, default: str) -> str:
        asked.append(question)
        return left.pop(0) or default

    found = interview(given, folder, ask, told.append)
    assert left == []
    return found, asked, told


def test_defaults_are_a_recipe_that_can_be_read(extract: Path, tmp_path: Path, cli: Cli) -> None:
    code, out, _ = cli("init", tmp_path, "--extract", extract, "--name", "ward", "--yes")
    assert code == 0
    recipe = load_recipe(tmp_path / "ward.toml")
    assert (recipe.name, recipe.ingest.format, recipe.release.policy) == ("ward", "long_table", "public_release")
    assert (recipe.train.model, recipe.train.epsilon, recipe.train.options) == ("transformer", None, {})
    last = out.splitlines()[-3:]
    assert [shlex.split(line)[:2] for line in last] == [["synthehr", "plan"], ["synthehr", "run"], ["synthehr", "run"]]


def test_the_next_commands_are_ones_that_there_are_and_that_read_the_recipe(
    extract: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "a ward's folder"
    code, out, _ = cli("init", folder, "--extract", extract, "--name", "ward", "--json")
    assert code == 0
    commands = json.loads(out)["next"]
    for line in commands:
        _, name, *arguments = shlex.split(line)
        context = get_command(app).commands[name].make_context(name, arguments)
        assert load_recipe(context.params["recipe"]).name == "ward"
        assert Path(context.params["extract"]) == extract
    code, _, _ = cli(*shlex.split(commands[1])[1:])
    assert code == 0  # the dry run


def test_options_decide_and_each_choice_has_its_reason(extract: Path, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "codes.txt").write_text("ICD9CM/*\n")
    options = [
        "--extract",
        extract,
        "--name",
        "p",
        "--policy",
        "controlled_access",
        "--epsilon",
        "3",
        "--delta",
        "1e-7",
    ]
    options += ["--vocabulary", tmp_path / "codes.txt", "--outcome", "ICD9CM/428", "--effect", "ICD9CM/250=ICD9CM/428"]
    code, out, _ = cli("init", tmp_path / "deep" / "er", *options, "--purpose", 'To "teach"', "--json")
    assert code == 0
    path = tmp_path / "deep" / "er" / "p.toml"
    assert json.loads(out)["recipe"] == str(path)
    recipe = load_recipe(path)
    assert (recipe.train.model, recipe.train.epsilon, recipe.train.delta) == ("private_copula", 3.0, 1e-7)
    assert recipe.purpose == 'To "teach"'
    assert (recipe.fidelity.outcomes, recipe.fidelity.effects) == (("ICD9CM/428",), (("ICD9CM/250", "ICD9CM/428"),))
    assert Path(str(recipe.cohort.vocabulary)).resolve() == tmp_path / "codes.txt"
    written = path.read_text()
    for line in written.splitlines():
        assert not line.strip() or line.startswith("[") or "#" in line  # no choice without a reason
    assert str(tmp_path) not in written


def test_nothing_is_overwritten(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "ward.toml").write_text("# mine\n")
    code, out, err = cli("init", tmp_path, "--name", "ward", "--yes")
    assert (code, out) == (2, "")
    assert "is left as it is" in err
    assert (tmp_path / "ward.toml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("options", "exit_code", "words"),
    [
        (["--name", "no/slash"], 2, "A name is letters"),
        (["--policy", "publik"], 2, "publik"),
        (["--extract", "absent"], 2, "nothing is there"),
        (["--epsilon", "-1"], 2, "train.epsilon"),
        (["--delta", "1e-6"], 2, "--epsilon"),
        (["--epsilon", "3", "--minutes", "10"], 2, "no clock"),
        (["--vocabulary", "codes.txt"], 2, "--epsilon"),
        (["--outcome", "diabetes"], 2, "SYSTEM/CODE"),
        (["--effect", "ICD9CM/250"], 2, "EXPOSURE=OUTCOME"),
    ],
)
def test_what_no_recipe_takes_is_refused_before_anything_is_written(
    options: list[str], exit_code: int, words: str, tmp_path: Path, cli: Cli
) -> None:
    code, _, err = cli("init", tmp_path / "r", "--yes", *options)
    assert code == exit_code
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_questions_have_defaults_and_wrong_answers_are_asked_again(extract: Path, tmp_path: Path) -> None:
    answers = [str(tmp_path / "absent"), str(extract), "", "", "nobody", "internal_test", "nine", "", "5", "", ""]
    found, asked, told = script(answers, tmp_path)
    assert [question.split()[0] for question in asked] == [
        *["Where"] * 2,
        *["Name", "What"],
        *["Policy,"] * 2,
        *["Epsilon,"] * 2,
        *["Minutes", "Codes", "Pairs"],
    ]
    assert (found.policy, found.epsilon, found.minutes, found.format) == ("internal_test", None, 5.0, "long_table")
    assert any(line.startswith("Recognised as long_table: events.") for line in told)
    assert any("nothing is there" in line for line in told)
    shown = "\n".join(told)
    order = [shown.index(name) for name in ("public_release:", "controlled_access:", "internal_test:")]
    assert order == sorted(order)  # the strictest first


def test_a_budget_is_asked_for_its_delta_and_list_and_no_minutes(tmp_path: Path) -> None:
    found, asked, _ = script(["", "ward", "", "", "3", "", "", "A/1, B/2", "A/1=B/2"], tmp_path)
    assert not any(question.startswith("Minutes") for question in asked)
    assert (found.epsilon, found.delta, found.vocabulary, found.outcomes) == (3.0, 1e-6, None, ("A/1", "B/2"))
    assert found.effects == (("A/1", "B/2"),)


def test_what_is_given_is_not_asked(tmp_path: Path) -> None:
    given = {"name": "x", "policy": "internal_test", "epsilon": None, "minutes": 3.0}
    _, asked, told = script([""] * 4, tmp_path, **given)
    assert [question.split()[0] for question in asked] == ["Where", "What", "Codes", "Pairs"]
    assert not any("public_release" in line for line in told)


def test_an_extract_that_fits_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadData, match="fits no mapping"):
        interview({"extract": str(tmp_path / "x.csv")}, tmp_path, None, lambda _: None)
    found, _, told = script(["", "", "", "", "", "", ""], tmp_path, extract=str(tmp_path / "x.csv"))
    assert (found.format, found.name) == (None, "x")
    assert any("names no format" in line for line in told)


def test_answers_are_read_from_standard_input_until_it_ends(tmp_path: Path) -> None:
    start = "from pipelines.cli import main; main()"
    asked = [sys.executable, "-c", start, "init", str(tmp_path)]
    answers = "\n".join(["", "ward", "", "", "", "", "", ""]) + "\n"
    done = subprocess.run(asked, input=answers, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert load_recipe(tmp_path / "ward.toml").name == "ward"
    assert done.stdout.splitlines()[-1].startswith("synthehr run ")
    short = subprocess.run(asked, input="\nother\n", capture_output=True, text=True, check=False)
    assert (short.returncode, "Traceback" in short.stderr) == (2, False)
    assert "--yes" in short.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["ward.toml"]


@given(
    st.builds(
        Answers,
        name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]*", fullmatch=True),
        purpose=text,
        format=st.none() | text,
        why=text,
        outcomes=st.lists(code, max_size=3).map(tuple),
        effects=st.lists(st.tuples(code, code), max_size=2).map(tuple),
        minutes=st.none() | st.floats(0.01, 1e6),
    )
)
def test_any_answer_comes_back_from_the_recipe_as_it_was_given(answers: Answers) -> None:
    recipe = validated(Recipe, tomllib.loads(recipe_text(answers, Path())), "a test")
    assert (recipe.name, recipe.purpose, recipe.ingest.format) == (answers.name, answers.purpose, answers.format)
    assert (recipe.fidelity.outcomes, recipe.fidelity.effects) == (answers.outcomes, answers.effects)
    assert recipe.train.options.get("minutes") == answers.minutes


def test_pairs_are_read_or_refused() -> None:
    assert parse_effects("none") == ()
    assert parse_effects(" A/1 = B/2 , C/3=D/4") == (("A/1", "B/2"), ("C/3", "D/4"))
    for wrong in ("A/1", "A/1=", "=B/2", "A=B/2"):
        with pytest.raises(BadRequest):
            parse_effects(wrong)


def test_a_path_with_spaces_is_quoted_for_a_shell(tmp_path: Path) -> None:
    path = write_recipe(tmp_path / "my folder", Answers(name="x", extract="my extract"))
    for line in next_commands(path, Answers(name="x", extract="my extract")):
        assert str(path) in shlex.split(line)
        assert "my extract" in shlex.split(line)
