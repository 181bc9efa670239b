"""Roll-up: from the codes of the events to the columns of a cohort."""

from typing import Literal

from synthehr.events.icd9 import category

Rollup = Literal["icd9_category", "none"]


def rolled_up(code: str, rollup: Rollup = "icd9_category") -> str:
    """The column that a code counts in.

    `icd9_category`: `ICD9CM/250.00` is `ICD9CM/250`, `ICD9CM/E849.0` is `ICD9CM/E849`, `ICD9PROC/36.05` is
    `ICD9PROC/36`; all else, and everything under `none`, stays as it is.
    """
    return (category(code) if rollup == "icd9_category" else None) or code
