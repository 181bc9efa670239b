"""Which codes are sensitive: lists by topic in `privacy/sensitive/`, matched against the columns of a cohort.

A list has, for each vocabulary, codes (with all that begin with them) and ranges of 3-character codes (`290-319`).
Where a cohort is rolled up, a column may be wider than what is listed: `ICD9CM/079` holds 079.53 (HIV) and much else.
Such a column counts as sensitive too: an attack on it finds what an attack on the listed code would. SNOMED concepts
are matched as they are listed, without their descendants, which only an ontology knows. Classes of a classification
(CCS, CCSR, chapters) are listed where at least a third of the codes in them are.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

LISTS = Path(__file__).parent / "sensitive"
VOCABULARIES = ("ICD9CM", "ICD10CM", "SNOMED")
_RANGE = re.compile(r"([A-Z]?\d\d[0-9A-Z]?)-([A-Z]?\d\d[0-9A-Z]?)")


class SensitiveList(BaseModel):
    """One topic. provenance: who calls it sensitive. ICD9CM, ICD10CM: codes or ranges; SNOMED: concept ids, exact.

    classes: columns of rolled-up cohorts, such as `CCS/5`, exact.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    topic: str = Field(min_length=1)
    provenance: str = Field(min_length=1)
    ICD9CM: tuple[str, ...] = ()
    ICD10CM: tuple[str, ...] = ()
    SNOMED: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @field_validator("ICD9CM", "ICD10CM", "SNOMED")
    @classmethod
    def _ranges_ascend(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            ends = _RANGE.fullmatch(code)
            if ("-" in code and ends is None) or (ends and ends[1] > ends[2]):
                raise ValueError(f"{code!r} is neither a code nor an ascending range of 3-character codes")
        return codes

    def covers(self, column: str) -> bool:
        """Whether a column such as `ICD9CM/042` holds a code of this list."""
        if column in self.classes:
            return True
        vocabulary, _, code = column.partition("/")
        listed = getattr(self, vocabulary, ()) if vocabulary in VOCABULARIES else ()
        if vocabulary == "SNOMED":
            return code in listed
        return any(_meets(_plain(code), entry) for entry in listed)


def topics() -> tuple[str, ...]:
    """Names of the topics that come along, in order."""
    return tuple(sorted(_lists()))


def sensitive_columns(columns: Sequence[str], wanted: Iterable[str]) -> dict[str, list[int]]:
    """Positions of the columns that each topic covers; a topic may cover none.

    wanted: names of topics, or single codes as `ICD9CM/042`, each then a topic of its own.

    Raises:
        ValueError: neither a topic nor a code of a known vocabulary.
    """
    lists = {name: _list(name) for name in wanted}
    return {name: [j for j, column in enumerate(columns) if listed.covers(column)] for name, listed in lists.items()}


def read_list(path: Path) -> SensitiveList:
    """Read one list.

    Raises:
        ValueError: no TOML, an unknown or missing key, or a range that is none; names the file.
    """
    try:
        return SensitiveList(**tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{path}: {where}: {first['msg']}.") from error


@cache
def _lists() -> Mapping[str, SensitiveList]:
    return {found.topic: found for found in map(read_list, sorted(LISTS.glob("*.toml")))}


def _list(name: str) -> SensitiveList:
    vocabulary, slash, code = name.partition("/")
    if slash and code and vocabulary in VOCABULARIES:
        return SensitiveList(topic=name, provenance="declared by the policy", **{vocabulary: (code,)})
    if name not in _lists():
        raise ValueError(f"{name!r} is no topic: give one of {', '.join(topics())}, or a code as ICD9CM/042.")
    return _lists()[name]


def _meets(code: str, entry: str) -> bool:
    """Whether a plain code and an entry of a list have a leaf in common: one begins with the other."""
    ends = _RANGE.fullmatch(entry)
    if ends:
        return len(code) >= 3 and ends[1] <= code[:3] <= ends[2]
    listed = _plain(entry)
    return code.startswith(listed) or (len(code) >= 3 and listed.startswith(code))


def _plain(code: str) -> str:
    return code.replace(".", "").upper()
