"""ICD-9-CM: the category of a code, and the words for categories."""

import re
from functools import cache
from importlib import resources

CATEGORY = re.compile(r"^(E\d{3}|V\d{2}|\d{3})")
PROCEDURE = re.compile(r"^\d{2}(?=\.|$)")


def category(code: str) -> str | None:
    """The three-character category of `ICD9CM/...` (four for E codes), the two digits of `ICD9PROC/...`; else None.

    `ICD9CM/250.00` gives `ICD9CM/250`, `ICD9CM/E849.0` gives `ICD9CM/E849`, `ICD9PROC/36.05` gives `ICD9PROC/36`.
    """
    system, _, value = code.partition("/")
    rule = {"ICD9CM": CATEGORY, "ICD9PROC": PROCEDURE}.get(system)
    found = rule.match(value) if rule else None
    return f"{system}/{found.group()}" if found else None


@cache
def categories() -> dict[str, str]:
    """The 1,234 categories of ICD-9-CM version 32 (2015) with their titles: `ICD9CM/250` -> `Diabetes mellitus`.

    Source: NCHS and CMS, works of the government of the United States, in the public domain.
    """
    text = (resources.files("synthehr.codes") / "icd9cm_categories.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {f"ICD9CM/{code}": title for code, title in rows}
