"""A condition on a patient: codes and members of exclusive groups, joined by `not`, `and` and `or`.

    condition := all ("or" all)*                                  the loosest binds last
    all       := one ("and" one)*
    one       := "not" one | "(" condition ")" | CODE | GROUP "=" MEMBER | GROUP "in" "(" MEMBER ("," MEMBER)* ")"

CODE and GROUP are a code of the vocabulary in full and the name of an exclusive group; in quotes where they hold blanks
or signs, or are a keyword. MEMBER is what follows the first slash of a member's code, always in quotes: of AGE/70-80 it
is '70-80'. Either quote will do; inside, it is doubled. Keywords are read in any case.
"""

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest

KEYWORDS = frozenset({"and", "or", "not", "in"})
WORD = r"[^\s()=,'\"]+"
QUOTED = r"""'(?:[^']|'')*'|"(?:[^"]|"")*\""""
TOKEN = re.compile(rf"""(?P<quoted>{QUOTED})|(?P<sign>[()=,])|(?P<word>{WORD})|(?P<open>['"].*)""", re.DOTALL)
DEEPEST = 50  # far above what anybody writes, far below where Python's own stack ends

Step = tuple[int, ...] | str  # columns of which a patient has any, or "not", "and", "or" of what stands before


@dataclass(frozen=True)
class Condition:
    """What a patient must satisfy, in postfix order. n_codes: columns of the matrix that it is asked of."""

    steps: tuple[Step, ...]
    n_codes: int

    @staticmethod
    def parse(text: str, vocabulary: Vocabulary) -> "Condition":
        """Read a condition over the codes of `vocabulary`.

        Raises:
            BadRequest: it cannot be read, or names no code, group or member; the message has the position (from 1),
                what was expected, what came, and names that are near.
        """
        return Condition(_Parser(text, vocabulary).read(), len(vocabulary))

    def holds(self, counts: sparse.csr_matrix) -> NDArray[np.bool_]:
        """(n,) which patients satisfy it; counts: canonical CSR (n, n_codes). Raises ValueError for another width."""
        if counts.shape[1] != self.n_codes:
            raise ValueError(f"counts has {counts.shape[1]} columns, the condition was read for {self.n_codes}")
        stack: list[NDArray[np.bool_]] = []
        for step in self.steps:
            if isinstance(step, tuple):
                stack.append(np.asarray(counts[:, list(step)].getnnz(axis=1) > 0))
            elif step == "not":
                stack.append(~stack.pop())
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(left & right if step == "and" else left | right)
        return stack.pop()


class _Token(NamedTuple):
    """kind: quoted, sign, word, keyword or end. value: without quotes. raw: as written. at: position, from 1."""

    kind: str
    value: str
    raw: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in TOKEN.finditer(text):  # between two tokens there is nothing but blanks
        raw, kind, at = match.group(), str(match.lastgroup), match.start() + 1
        if kind == "open":
            raise BadRequest(f"Condition, position {at}: expected a quote that is closed. Got {raw} instead.")
        value = raw[1:-1].replace(raw[0] * 2, raw[0]) if kind == "quoted" else raw
        if kind == "word" and raw.casefold() in KEYWORDS:
            kind, value = "keyword", raw.casefold()
        found.append(_Token(kind, value, raw, at))
    return [*found, _Token("end", "", "the end", len(text) + 1)]


class _Parser:
    """Reads by recursive descent; `steps` grows in postfix order."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.vocabulary, self.tokens = vocabulary, _tokens(text)
        self.steps: list[Step] = []
        self.k = self.depth = 0

    def read(self) -> tuple[Step, ...]:
        self._any()
        if self._peek().kind != "end":
            self._refuse(self._peek(), "'and', 'or' or the end of the condition")
        return tuple(self.steps)

    def _any(self) -> None:
        self._chain("or", lambda: self._chain("and", self._one))

    def _chain(self, keyword: str, part: Callable[[], None]) -> None:
        part()
        while self._take("keyword", keyword):
            part()
            self.steps.append(keyword)

    def _one(self) -> None:
        token = self._peek()
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(token, f"at most {DEEPEST} levels of 'not' and parentheses")
        if self._take("keyword", "not"):
            self._one()
            self.steps.append("not")
        elif self._take("sign", "("):
            self._any()
            self._expect(")", f"'and', 'or', or the ')' of the '(' at position {token.at}")
        elif token.kind in ("word", "quoted"):
            self.k += 1
            self._named(token)
        else:
            self._refuse(token, "a code, a group, 'not' or '('")
        self.depth -= 1

    def _named(self, token: _Token) -> None:
        groups, index = self.vocabulary.groups, self.vocabulary.index
        if self._take("sign", "="):  # what follows a name decides what it names
            self.steps.append(self._member(self._group(token)))
        elif self._take("keyword", "in"):
            members = self._group(token)
            self._expect("(", "'(' and members in quotes")
            columns = self._member(members)
            while self._take("sign", ","):
                columns += self._member(members)
            self._expect(")", "',' or ')'")
            self.steps.append(columns)
        elif token.value in index:
            self.steps.append((index[token.value],))
        elif token.value in groups:
            name = _typed(token.value)
            self._refuse(self._peek(), f"'in' or '=' after the group {name}", f" The opposite is: not {name} in (...).")
        else:
            near = _near(token.value, [*index, *groups]) or " The codes are in vocabulary.parquet."
            self._refuse(token, "a code or group of the vocabulary", near)

    def _group(self, token: _Token) -> dict[str, tuple[int, ...]]:
        """Columns of a group by the name of the member, which codes of two systems may share."""
        groups = self.vocabulary.groups
        if token.value not in groups:
            known = f" Known: {', '.join(map(_typed, groups)) or 'none'}."
            self._refuse(token, "a group before 'in' or '='", _near(token.value, groups) or known)
        members: dict[str, tuple[int, ...]] = {}
        for j in groups[token.value].tolist():
            name = self.vocabulary.code[j].split("/", 1)[-1]
            members[name] = (*members.get(name, ()), j)
        return members

    def _member(self, members: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
        token = self._peek()
        if token.kind != "quoted":
            self._refuse(token, f"a member in quotes, such as {next(iter(members))!r}")
        if token.value not in members:
            self._refuse(token, f"one of {', '.join(map(repr, members))}", _near(token.value, members, typed=repr))
        self.k += 1
        return members[token.value]

    def _peek(self) -> _Token:
        return self.tokens[self.k]

    def _take(self, kind: str, value: str) -> bool:
        taken = self._peek()[:2] == (kind, value)
        self.k += taken
        return taken

    def _expect(self, sign: str, expected: str) -> None:
        if not self._take("sign", sign):
            self._refuse(self._peek(), expected)

    def _refuse(self, token: _Token, expected: str, hint: str = "") -> NoReturn:
        raise BadRequest(f"Condition, position {token.at}: expected {expected}. Got {token.raw} instead.{hint}")


def _typed(name: str) -> str:
    """A code or group as it is to be written in a condition."""
    bare = re.fullmatch(WORD, name) and name.casefold() not in KEYWORDS
    return name if bare else '"' + name.replace('"', '""') + '"'


def _near(name: str, known: Iterable[str], *, typed: Callable[[str], str] = _typed) -> str:
    folded = {other.casefold(): other for other in known}
    close = [folded[other] for other in difflib.get_close_matches(name.casefold(), folded, n=3)]
    return f" Did you mean {' or '.join(map(typed, close))}?" if close else ""
