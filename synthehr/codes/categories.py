"""Categories: the few first characters of a code that a classification puts a heading over."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from synthehr.codes import icd9

RULES = {
    "ICD10CM": re.compile(r"[A-Z](?:\d[0-9A-Z]|[A-Z]\d)(?=[0-9A-Z.]*$)"),
    "ICD10": re.compile(r"[A-Z]\d\d(?=[0-9.]*$)"),
    "ICD10PCS": re.compile(r"[0-9A-HJ-NP-Z]{3}(?=[0-9A-HJ-NP-Z]{4}$|$)"),  # section, body system, operation: a table
    "ATC": re.compile(r"[A-Z]\d\d[A-Z]{2}(?=\d{2}$|$)"),  # the chemical subgroup
}


def category(code: str) -> str | None:
    """The category that a code stands in; None where its system has none, or it is not of that shape.

    Three characters of ICD-9-CM (four of E codes), ICD-10 and ICD-10-CM, the two digits of an ICD-9 procedure, the
    table of an ICD-10-PCS code, the chemical subgroup of an ATC code: `ICD9CM/250.00` gives `ICD9CM/250`,
    `ICD10CM/E11.9` gives `ICD10CM/E11`, `ICD9PROC/36.05` gives `ICD9PROC/36`, `ICD10PCS/0JDP0ZZ` gives `ICD10PCS/0JD`,
    `ATC/A10BA02` gives `ATC/A10BA`.
    """
    system, _, value = code.partition("/")
    if system not in RULES:
        return icd9.category(code)
    found = RULES[system].match(value)
    return f"{system}/{found.group()}" if found else None


@cache
def titles() -> Mapping[str, str]:
    """The titles of the categories of ICD-9-CM (2015) and ICD-10-CM (April 2026): `ICD10CM/I50` -> `Heart failure`.

    Source: NCHS and CMS, works of the government of the United States, in the public domain.
    """
    text = (resources.files("synthehr.codes") / "icd10cm_categories.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {**icd9.categories(), **{f"ICD10CM/{code}": title for code, title in rows}}
