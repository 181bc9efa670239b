"""A public vocabulary: columns that were chosen without looking at a patient.

Which codes occur is a secret like any other: a column that only one patient fills tells that the patient is there. A
list that stands before any patient is looked at (a classification, a formulary) tells nothing. The file has a code a
line, `SYSTEM/value`; `ICD9CM/*` stands for the categories of ICD-9-CM; `#` begins a comment.
"""

from collections.abc import Mapping
from pathlib import Path

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData, BadRequest
from synthehr.events.icd9 import categories
from synthehr.events.schema import system

ALL = "/*"


def public_vocabulary(path: Path, exclusive: Mapping[str, str]) -> Vocabulary:
    """The vocabulary that a file lists: members of exclusive groups first, then codes by their system, both sorted.

    exclusive: code system -> group. Each group gets the member `SYSTEM/unknown`, for patients of whom nothing is said.

    Raises:
        BadRequest: no such file, or `SYSTEM/*` of a system whose categories do not come along. BadData: a line that is
            no code, or no code at all.
    """
    if not path.is_file():
        raise BadRequest(f"No list of codes at {path}: give a file with a code a line, such as ICD9CM/250.")
    words: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        code = line.partition("#")[0].strip()
        if not code:
            continue
        if "/" not in code or code.startswith("/") or code.endswith("/"):
            raise BadData(f"{path}, line {number}: expected SYSTEM/value or SYSTEM/*, found something else.")
        words |= _whole(path, number, code) if code.endswith(ALL) else {code: categories().get(code, "")}
    if not words:
        raise BadData(f"{path} lists no code.")
    members = {code for code in words if system(code) in exclusive}
    members |= {f"{name}/unknown" for name in {system(code) for code in members}}
    order = list(exclusive)
    grouped = sorted(members, key=lambda code: (order.index(system(code)), code))
    free = sorted(set(words) - members)
    codes = (*grouped, *free)
    groups = (*(exclusive[system(code)] for code in grouped), *(None for _ in free))
    return Vocabulary(codes, tuple(words.get(code, "") for code in codes), groups)


def _whole(path: Path, number: int, code: str) -> dict[str, str]:
    if code != f"ICD9CM{ALL}":
        raise BadRequest(
            f"{path}, line {number}: only ICD9CM/* comes along; list the codes of {system(code)} one by one."
        )
    return categories()
