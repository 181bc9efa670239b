"""The questions of `synthehr init`: each with a default and what it decides; a wrong answer is asked again."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipelines.init import NAME, Answers, policy_lines
from privacy.policy_file import DEFAULT, BadPolicy, load_policy
from synthehr.errors import BadRequest, SynthehrError
from synthehr.events.sources.databases import is_address
from synthehr.events.sources.recognise import Recognition, recognise

T = TypeVar("T")
Ask = Callable[[str, str], str]  # question and default -> answer, the default where nothing was answered
Tell = Callable[[str], None]
NONE = "none"
BUDGET = (
    "A privacy budget bounds what anybody can learn of one patient, whatever he knows and tries: epsilon 1 is strict,",
    "3 usual here, 8 weak; the smaller, the less of the data is kept, rare codes least. Without one, attacks are",
    "measured, and nothing is promised beyond those that were tried.",
)
MINUTES = (
    "Training ends after so many minutes, or after the passes that the model makes by default; these take as long as",
    "they take, and are reproducible to the byte.",
)


def interview(given: Mapping[str, Any], folder: Path, ask: Ask | None, tell: Tell) -> Answers:
    """The answers of a recipe: what is given stands, the rest is asked; with `ask` None the defaults are taken.

    given: keys of `Answers`, without those that were not given. tell: shows a line.

    Raises:
        BadData, BadRequest, BadPolicy: what was given cannot be; an answer that cannot be is asked again instead.
    """
    talk = _Talk(given, ask, tell)
    extract = talk.answer("extract", "Where is the extract (files, a database, its address)?", "", _extract)
    found = None if "format" in given else talk.recognised(extract)
    name = talk.answer("name", "Name of the release?", _name_of(extract, folder), _name)
    purpose = talk.answer("purpose", "What is it released for?", "", str.strip)
    talk.explain("policy", ["Who will get it decides what must be shown:", *map("  {}".format, policy_lines())])
    policy = talk.answer("policy", "Policy, by name or file?", DEFAULT, _policy)
    talk.explain("epsilon", BUDGET)
    epsilon = talk.answer("epsilon", "Epsilon, or none?", NONE, _number)
    delta, vocabulary, minutes = 1e-6, None, None
    if epsilon is not None:
        delta = talk.answer("delta", "Delta, far below one over the number of patients?", "1e-6", _positive)
        vocabulary = talk.answer("vocabulary", "File of a public list of codes, or none?", NONE, _file)
    else:
        talk.explain("minutes", MINUTES)
        minutes = talk.answer("minutes", "Minutes to train, or none?", NONE, _number)
    outcomes = talk.answer("outcomes", "Codes that will be predicted (A, B), or none?", NONE, _codes)
    effects = talk.answer("effects", "Pairs of exposure and outcome (A=B, C=D), or none?", NONE, parse_effects)
    return Answers(
        name=name,
        extract=extract,
        format=given.get("format") if found is None else found.mapping,
        why="" if found is None else found.why,
        purpose=purpose,
        policy=policy,
        epsilon=epsilon,
        delta=given.get("delta", delta),
        vocabulary=given.get("vocabulary", vocabulary),
        outcomes=outcomes,
        effects=effects,
        minutes=given.get("minutes", minutes),
    )


class _Talk:
    def __init__(self, given: Mapping[str, Any], ask: Ask | None, tell: Tell) -> None:
        self.given, self.ask, self.tell = given, ask, tell

    def explain(self, key: str, lines: Sequence[str]) -> None:
        """Say what the next question decides, where it will be asked."""
        if self.ask is not None and key not in self.given:
            for line in ("", *lines):
                self.tell(line)

    def answer(self, key: str, question: str, default: str, parse: Callable[[str], T]) -> T:
        if key in self.given:
            value = self.given[key]
            return parse(value) if isinstance(value, str) else value
        if self.ask is None:
            return parse(default)
        while True:
            try:
                return parse(self.ask(question, default))
            except (SynthehrError, BadPolicy) as error:
                self.tell(f"  {error}")

    def recognised(self, extract: str | None) -> Recognition | None:
        """What the extract is taken for; told, and where nothing fits, left for later."""
        if extract is None:
            return None
        try:
            found = recognise(extract if is_address(extract) else Path(extract))
        except SynthehrError as error:
            if self.ask is None:
                raise
            self.tell(f"{error}\nThe recipe names no format.")
            return None
        self.tell(f"Recognised as {found.mapping}: {found.why}.")
        return found


def _extract(text: str) -> str | None:
    if text and not is_address(text) and not Path(text).exists():
        raise BadRequest(f"Expected an extract at {text}; nothing is there.")
    return text or None


def _name_of(extract: str | None, folder: Path) -> str:
    """A name from that of the extract, else of the folder, with what no name may have left out."""
    last = folder.absolute().name if extract is None or is_address(extract) else Path(extract).absolute().name
    found = re.sub(r"[^A-Za-z0-9_-]+", "_", last.split(".")[0]).strip("_-")
    return found or "release"


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise BadRequest(f"A name is letters, digits, and . _ - within. Got {text!r} instead.")
    return text


def _policy(text: str) -> str:
    load_policy(text)
    return text


def _positive(text: str) -> float:
    number = _number(text)
    if number is None:
        raise BadRequest("Expected a number above 0.")
    return number


def _number(text: str) -> float | None:
    if text == NONE:
        return None
    try:
        number = float(text)
    except ValueError:
        raise BadRequest(f"Expected a number above 0, or none. Got {text!r} instead.") from None
    if not 0 < number < float("inf"):
        raise BadRequest(f"Expected a number above 0, or none. Got {text!r} instead.")
    return number


def _file(text: str) -> str | None:
    if text == NONE:
        return None
    if not Path(text).is_file():
        raise BadRequest(f"Expected a list of codes at {text}; there is no such file.")
    return text


def _codes(text: str) -> tuple[str, ...]:
    if text == NONE:
        return ()
    codes = tuple(code.strip() for code in text.split(",") if code.strip())
    if wrong := [code for code in codes if "/" not in code]:
        raise BadRequest(f"A code reads SYSTEM/CODE, such as ICD10CM/I50. Got {wrong[0]!r} instead.")
    return codes


def parse_effects(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of exposure and outcome from `A=B, C=D`, or none.

    Raises:
        BadRequest: a part that is no pair of codes.
    """
    if text == NONE:
        return ()
    pairs = []
    for part in filter(str.strip, text.split(",")):
        exposure, found, outcome = (piece.strip() for piece in part.partition("="))
        if not (found and _codes(exposure) and _codes(outcome)):
            raise BadRequest(f"A pair reads EXPOSURE=OUTCOME, such as ICD10CM/E11=ICD10CM/I50. Got {part!r} instead.")
        pairs.append((exposure, outcome))
    return tuple(pairs)
