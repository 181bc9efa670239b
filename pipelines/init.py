"""Init: a recipe from a few answers, with the reason of each choice beside it."""

import json
import os
import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.recipe import Recipe, validated
from privacy.policy_file import DEFAULT, SHIPPED, load_policy
from synthehr.errors import BadRequest
from synthehr.landing import write_text

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
STRICTEST_FIRST = ("public_release", "controlled_access", "internal_test")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a recipe is written from.

    extract: files or an address, None where it is not known yet; it is no part of the recipe. format: a mapping; why:
    what it was recognised by. policy, vocabulary: a name, or a file. epsilon: None for no budget. outcomes, effects:
    see `pipelines.sections.Fidelity`. minutes: None for as many passes as the model has by default.
    """

    name: str
    extract: str | None = None
    format: str | None = None
    why: str = ""
    purpose: str = ""
    policy: str = DEFAULT
    epsilon: float | None = None
    delta: float = 1e-6
    vocabulary: str | None = None
    outcomes: tuple[str, ...] = ()
    effects: tuple[tuple[str, str], ...] = ()
    minutes: float | None = None


def write_recipe(folder: Path, answers: Answers) -> Path:
    """Write `folder/<name>.toml`; its path.

    Raises:
        BadRequest: a file of that name is there, or an answer that no recipe takes; nothing is written.
    """
    if not NAME.fullmatch(answers.name):
        raise BadRequest(f"A name is letters, digits, and . _ - within. Got {answers.name!r} instead.")
    if answers.epsilon is not None and answers.minutes is not None:
        raise BadRequest("Noise is planned for a number of passes, so no clock ends a training under a budget.")
    if answers.epsilon is None and answers.vocabulary is not None:
        raise BadRequest("A public list of codes is for a privacy budget: give --epsilon, or leave --vocabulary out.")
    if answers.vocabulary is not None and not Path(answers.vocabulary).is_file():
        raise BadRequest(f"Expected a list of codes at {answers.vocabulary}; there is no such file.")
    load_policy(answers.policy)
    path = folder / f"{answers.name}.toml"
    if path.exists():
        raise BadRequest(f"{path} is there already and is left as it is. Choose another --name, or remove it.")
    text = recipe_text(answers, folder)
    validated(Recipe, tomllib.loads(text), str(path))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return path


def recipe_text(answers: Answers, folder: Path) -> str:
    """The recipe as TOML, with comments. Files are named relative to `folder`."""
    sections = [_head(answers), _ingest(answers), _cohort(answers, folder), _train(answers), _fidelity(answers)]
    return "\n".join([*sections, _release(answers, folder)])


def _head(answers: Answers) -> str:
    exact = answers.minutes is None and answers.epsilon is None
    same = ": the same seed, data and machine give the same bytes" if exact else ""
    return f"""\
# Written by `synthehr init`. What is not said here has a default; a key that does not exist is refused.
name = {_quoted(answers.name)} # of the release, and of the folder of its results
purpose = {_quoted(answers.purpose)} # the risk report and the datasheet say it
seed = 0 # of splits, training and draws{same}
"""


def _ingest(answers: Answers) -> str:
    if answers.format is None:
        return '[ingest]\n# format = "omop" # not said, so that the extract is recognised by its files and columns\n'
    why = f"recognised by {_one_line(answers.why)}" if answers.why else "as was asked for"
    return f"[ingest]\nformat = {_quoted(answers.format)} # {why}\n"


def _cohort(answers: Answers, folder: Path) -> str:
    lines = [
        "[cohort]",
        "shares = [0.65, 0.05, 0.30] # to learn from, to choose by, held out: with too few nothing can be shown",
        'rollup = "category" # diagnoses to three characters: codes of few patients are hard to learn and to hide',
    ]
    if answers.vocabulary is not None:
        listed = _quoted(_beside(answers.vocabulary, folder))
        lines.append(f"vocabulary = {listed} # public, so that which codes occur costs no budget")
    elif answers.epsilon is not None:
        lines.append(
            '# vocabulary = "codes.txt" # a public list, a code a line; without it a part of the budget chooses'
        )
    return "\n".join(lines) + "\n"


def _train(answers: Answers) -> str:
    if answers.epsilon is not None:
        return f"""\
[train]
model = "copula" # the best of those that keep a budget; transformer where records must look like records
epsilon = {answers.epsilon!r} # for one patient added or removed; smaller protects more and keeps less
delta = {answers.delta!r} # how likely the promise may fail: far below one over the number of patients
"""
    lines = [
        "# No budget: attacks measure what leaks, and nothing is promised beyond them. epsilon = 3.0 would promise it.",
        "[train]",
        'model = "transformer" # medgan, copula, independent are there too',
    ]
    if answers.minutes is not None:
        lines += ["", "[train.options]"]
        lines.append(f"minutes = {answers.minutes!r} # the clock ends it, so two runs differ; epochs = 16 would not")
    return "\n".join(lines) + "\n"


def _fidelity(answers: Answers) -> str:
    lines = ["[fidelity]"]
    if answers.outcomes:
        lines.append(f"outcomes = {_array(answers.outcomes)} # models are fitted for these, on real and on synthetic")
    else:
        lines.append('# outcomes = ["ICD10CM/I50"] # not said, so that those of the source (OUTCOME/...) are predicted')
    if answers.effects:
        pairs = ", ".join(_array(pair) for pair in answers.effects)
        lines.append(f"effects = [{pairs}] # exposure and outcome: odds ratios that studies will rest on")
    else:
        lines.append('# effects = [["ICD10CM/E11", "ICD10CM/I50"]] # not said, so that common pairs are compared')
    return "\n".join(lines) + "\n"


def _release(answers: Answers, folder: Path) -> str:
    shipped = (SHIPPED / f"{answers.policy}.toml").is_file()
    policy = answers.policy if shipped else _beside(answers.policy, folder)
    return f"[release]\npolicy = {_quoted(policy)} # {_one_line(load_policy(answers.policy).purpose)}\n"


def next_commands(path: Path, answers: Answers) -> list[str]:
    """What to type next, ready for a shell: how much it takes, what it would do, and the run itself."""
    extract = answers.extract or "EXTRACT"
    out = str(Path("out") / answers.name)
    plan = ["synthehr", "plan", str(path), "--extract", extract]
    run = ["synthehr", "run", str(path), "--extract", extract, "--out", out]
    return [shlex.join(plan), shlex.join([*run, "--dry-run"]), shlex.join(run)]


def policy_lines() -> list[str]:
    """The shipped policies, the strictest first, with what each is for."""
    others = sorted({file.stem for file in SHIPPED.glob("*.toml")} - set(STRICTEST_FIRST))
    return [f"{name}: {load_policy(name).purpose}" for name in (*STRICTEST_FIRST, *others)]


def _beside(file: str, folder: Path) -> str:
    return Path(os.path.relpath(file, folder)).as_posix()


def _array(values: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(value) for value in values)}]"


def _quoted(text: str) -> str:
    """A TOML string: as JSON has it, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
