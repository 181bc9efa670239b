"""Lists of codes to keep or to drop: a file that a site writes, or a sensitive topic that comes along."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from privacy.sensitive_codes import sensitive_columns, topics
from synthehr.errors import BadData, BadRequest
from synthehr.landing import file_hash


@dataclass(frozen=True)
class CodeList:
    """What covers codes. name: of the file, without its folder, or of the topic; patterns: `SYSTEM/value`, `*` for any.

    topic: whether it is one of `privacy.sensitive_codes`, which covers a code that holds a listed one too.
    """

    name: str
    patterns: tuple[str, ...] = ()
    topic: bool = False

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        texts = (re.escape(pattern).replace(r"\*", ".*") for pattern in self.patterns)
        return re.compile("|".join(f"(?:{text})" for text in texts), re.DOTALL)

    def covers(self, code: str) -> bool:
        """Whether the list has this code, such as `ICD9CM/250.00`."""
        if self.topic:
            return bool(sensitive_columns([code], [self.name])[self.name])
        return self._pattern.fullmatch(code) is not None


def read_code_list(name: str, *, topic_allowed: bool = False) -> CodeList:
    """The list in a file, a code a line (`ICD9CM/042`, `ICD9CM/250*`, `#` begins a comment), or a topic by its name.

    Raises:
        BadRequest: neither a file nor, where one is allowed, a topic. BadData: a line that is no code, or no code.
    """
    if topic_allowed and is_topic(name):
        return CodeList(name, topic=True)
    path = Path(name)
    if not path.is_file():
        topic = f", or one of the topics {', '.join(topics())}" if topic_allowed else ""
        raise BadRequest(f"No list of codes at {path}: give a file with a code a line, such as ICD9CM/250*{topic}.")
    return CodeList(path.name, tuple(read_codes(path)))


def is_topic(name: str) -> bool:
    """Whether this is the name of a sensitive topic: `hiv`, `mental_health` and so on."""
    return name in topics()


def read_codes(path: Path) -> Sequence[str]:
    """The codes of a file, in its order, without repeats; `#` begins a comment.

    Raises:
        BadData: a line that is no `SYSTEM/value`, no UTF-8, or no code at all.
    """
    codes = []
    for number, line in enumerate(_lines(path), 1):
        code = line.partition("#")[0].strip()
        if not code:
            continue
        if not all(code.partition("/")):
            raise BadData(f"{path}, line {number}: expected SYSTEM/value, such as ICD9CM/250*, found something else.")
        codes.append(code)
    if not codes:
        raise BadData(f"{path} lists no code.")
    return tuple(dict.fromkeys(codes))


def _lines(path: Path) -> Sequence[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise BadData(f"{path} is no text in UTF-8: save the list of codes as UTF-8.") from None


def list_digest(name: str) -> str:
    """What identifies a list: the SHA-256 of its file, wherever that lies, `absent` for none, or the topic's name."""
    if is_topic(name):
        return name
    return file_hash(Path(name)) if Path(name).is_file() else "absent"
