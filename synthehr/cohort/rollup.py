"""Roll-up: from the codes of the events to the columns of a cohort."""

from collections.abc import Mapping
from typing import Literal

from synthehr.codes.ancestors import Ancestor
from synthehr.codes.categories import category
from synthehr.codes.classifications import chapter, clinical_class

Rollup = Literal["category", "ccs", "chapter", "concept_ancestor", "none"]


def rolled_up(code: str, rollup: Rollup = "category", ancestors: Mapping[str, Ancestor] | None = None) -> str | None:
    """The column that a code counts in; None where the roll-up says nothing of the code, which then stays as it is.

    category: `ICD9CM/250.00` is `ICD9CM/250`, `ICD10CM/E11.9` is `ICD10CM/E11` (`codes.categories`). ccs: CCS of ICD-9,
    CCSR of ICD-10: `CCS/49`, `CCSR/END002`. chapter: `ICD9CM_CHAPTER/240-279`, `ICD10CM_CHAPTER/E00-E89` (both
    `codes.classifications`). concept_ancestor: as `ancestors` has it (`codes.ancestors`). none: nothing.
    """
    if rollup == "category":
        return category(code)
    if rollup == "ccs":
        return clinical_class(code)
    if rollup == "chapter":
        return chapter(code)
    if rollup == "concept_ancestor":
        found = (ancestors or {}).get(code)
        return found.code if found else None
    return None
