"""A public vocabulary: columns that were chosen without looking at a patient.

Which codes occur is a secret like any other: a column that only one patient fills tells that the patient is there. A
list that stands before any patient is looked at (a classification, a formulary) tells nothing. The file has a code a
line, `SYSTEM/value`; `ICD9CM/*` stands for the categories of ICD-9-CM; `#` begins a comment.
"""

from collections.abc import Mapping
from pathlib import Path

from synthehr.codes.categories import titles
from synthehr.codes.classifications import words as class_words
from synthehr.codes.icd9 import categories
from synthehr.codes.lists import read_codes
from synthehr.cohort.safe_harbor import judged
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.events.schema import system

ALL = "/*"


def public_vocabulary(path: Path, exclusive: Mapping[str, str]) -> Vocabulary:
    """The vocabulary that a file lists: members of exclusive groups first, then codes by their system, both sorted.

    exclusive: code system -> group. Each group gets the member `SYSTEM/unknown`, for patients of whom nothing is said.

    Raises:
        BadRequest: no such file, `SYSTEM/*` of a system whose categories do not come along, or a code that Safe Harbor
            refuses. BadData: a line that is no code, or no code at all.
    """
    if not path.is_file():
        raise BadRequest(f"No list of codes at {path}: give a file with a code a line, such as ICD9CM/250.")
    words: dict[str, str] = {}
    for code in read_codes(path):
        words |= _whole(path, code) if code.endswith(ALL) else {_safe(path, code): _title(code)}
    members = {code for code in words if system(code) in exclusive}
    members |= {f"{name}/unknown" for name in {system(code) for code in members}}
    order = list(exclusive)
    grouped = sorted(members, key=lambda code: (order.index(system(code)), code))
    free = sorted(set(words) - members)
    codes = (*grouped, *free)
    groups = (*(exclusive[system(code)] for code in grouped), *(None for _ in free))
    return Vocabulary(codes, tuple(words.get(code, "") for code in codes), groups)


def _whole(path: Path, code: str) -> dict[str, str]:
    if code != f"ICD9CM{ALL}":
        raise BadRequest(f"{path}: only ICD9CM/* comes along; list the codes of {system(code)} one by one.")
    return dict(categories())


def _safe(path: Path, code: str) -> str:
    """The column of a listed code, of an age above 89 the one category that there is."""
    found = judged(code)
    if found.column is None:
        raise BadRequest(f"{path} lists a code that Safe Harbor refuses ({found.reason}): take it out.")
    return found.column


def _title(code: str) -> str:
    return titles().get(code) or class_words().get(code) or ""
