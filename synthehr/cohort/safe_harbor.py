"""The Safe Harbor check: no column or description may tell what 45 CFR 164.514(b)(2)(i) lists as an identifier.

Codes and their descriptions are judged by rule, as texts, wherever they came from. What is refused is counted by its
reason and quoted nowhere. A code of a public system that is of that system's shape (a SNOMED concept of 18 digits) is
no identifier whatever its digits look like; of other systems anything that looks like one is refused.
"""

import re
from dataclasses import dataclass

OLDEST = 89  # years; all above are one category
MOST = {"code": 255, "description": 500}  # characters; the longest name in LOINC has 255
OVER_89 = "age over 89"

PUBLIC = {  # systems that are published, and the shape of their codes
    "ATC": r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?",
    "CCS": r"\d{1,4}",
    "CCSR": r"[A-Z]{3}\d{3}",
    "CPT": r"\d{4}[0-9A-Z]",
    "CVX": r"\d{1,4}",
    "HCPCS": r"[A-Z]\d{4}",
    "ICD10": r"[A-Z]\d\d(\.?\d{1,2})?",
    "ICD10CM": r"[A-Z][0-9A-Z]{2}(\.?[0-9A-Z]{1,4})?",
    "ICD10CM_CHAPTER": r"[A-Z]\d\d-[A-Z][0-9A-Z]{2}",
    "ICD10PCS": r"[0-9A-HJ-NP-Z]{3,7}",
    "ICD9CM": r"(\d{3}|V\d\d|E\d{3})(\.?\d{1,2})?",
    "ICD9CM_CHAPTER": r"\d{3}-\d{3}|V\d\d-V\d\d|E\d{3}-E\d{3}",
    "ICD9PROC": r"\d\d(\.?\d{1,2})?",
    "LOINC": r"(LP|LA|MTHU)?\d{1,7}-\d",
    "NDC": r"\d{9,11}|\d{4,5}-\d{3,4}(-\d{1,2})?",
    "RXNORM": r"\d{1,8}",
    "SNOMED": r"\d{6,18}",
}
_SHAPES = {system: re.compile(shape) for system, shape in PUBLIC.items()}

# what a system must not be named after: its letters and digits, in capitals, with `_` between them or with nothing
_PERSON = "(PATIENT|SUBJECT|PERSON|PROVIDER|PHYSICIAN|DOCTOR|NURSE|NEXTOFKIN|MOTHER|FATHER|GUARANTOR|EMPLOYER|CONTACT)"
_STAY = "(HADM|STAY|VISIT|ENCOUNTER|ADMISSION|MEMBER|DEVICE|BENEFICIARY|MEDICARE|MEDICAID|HEALTHPLAN)"
_WORDS = {
    "place": "ZIP|ZIP3|ZIP4|ZIP5|ZIPCODE|POSTCODE|POSTALCODE|POSTAL|ADDRESS|STREET|CITY|TOWN|COUNTY|PRECINCT|LATITUDE|"
    "LONGITUDE|GEOCODE|CENSUSTRACT",
    "date": "DOB|DOD|BIRTHDATE|BIRTHDAY|BIRTHYEAR|DATE|DATETIME|TIMESTAMP|YEAROFBIRTH|YEAROFDEATH",
    "phone or fax": "PHONE|TELEPHONE|CELLPHONE|MOBILE|FAX|PAGER",
    "electronic address": "EMAIL|MAIL|URL|URI|WEBSITE|IP|IPADDRESS|MACADDRESS",
    "number": "MRN|SSN|SIN|NHSNUMBER|PASSPORT|ACCOUNT|LICENSE|LICENCE|CERTIFICATE|VIN|PLATE|SERIAL|"
    "UDI|FINGERPRINT|BIOMETRIC|PHOTO",
    "free text": "NOTE|NOTES|NARRATIVE|COMMENT|COMMENTS|FREETEXT|DICTATION",
}
_NAMED = [
    ("name", re.compile(f"NAME|({_PERSON}|FIRST|LAST|MIDDLE|GIVEN|FAMILY|FULL|MAIDEN|BIRTH|LEGAL)S?_?NAME|SURNAME")),
    ("number", re.compile(f"({_PERSON}|{_STAY})_?(ID|NUMBER|NO)")),
    *((reason, re.compile(f"(.*_)?({words})(_.*)?")) for reason, words in _WORDS.items()),
]
_AGE_SYSTEM = re.compile(r"(?!GESTATIONAL)(.*_)?AGES?(_.*)?|AGE(GROUP|BAND|YEARS|RANGE|CATEGORY)")

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]{0,6}"
_YEAR = r"(?:18|19|20|21)\d\d"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_TEXTS = {  # as a reader would find them in a text, and not amid longer numbers
    "electronic address": (
        r"[\w.+-]+@[\w-]+\.[a-z]{2,}",
        r"https?://|\bwww\.\w",
        rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.])",
    ),
    "number": (r"(?<![\d-])\d{3}-\d{2}-\d{4}(?![\d-])", r"\b(?:mrn|ssn)\b[ :#]*\d"),
    "phone or fax": (
        r"(?<![\d-])(?:\+?1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\d-])",
        r"\+\d{1,3}[ .-]\d[\d .-]{6,}\d",
    ),
    "place": (r"(?<![\d-])\d{5}-\d{4}(?![\d-])", r"\b(?:zip|postal) ?code\b[ :#]*\d{3}"),
    "date": (
        rf"(?<!\d){_YEAR}[-/.](?:0?[1-9]|1[0-2])(?:[-/.]{_DAY})?(?![\d-])",
        rf"(?<![\d/.-]){_DAY}[-/.]{_DAY}[-/.]{_YEAR}(?!\d)",
        rf"(?<![\d/])(?:0?[1-9]|1[0-2])/{_DAY}/\d\d(?![\d/])",
        rf"\b{_MONTH}\.?,? (?:{_DAY}(?:st|nd|rd|th)?,? )?{_YEAR}\b",
        rf"\b{_DAY}[ -]{_MONTH}[ -](?:\d\d)?\d\d\b",
    ),
    OVER_89: (
        r"(?<![\d.])(?:9\d|1[0-4]\d)[ -]?(?:years?|yrs?|y/?o|yo)(?:[ -]?olds?)?\b",
        r"\baged? (?:9\d|1[0-4]\d)\b",
    ),
}
_SAID = {reason: re.compile("|".join(texts), re.IGNORECASE) for reason, texts in _TEXTS.items()}
_TITLE = re.compile(r"\b(?:Mr|Mrs|Ms|Dr)\.? [A-Z][a-z]+")
_BARE = {  # digits alone, in a system that is not public
    "date": re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"),
    "number": re.compile(r"\d{9,}"),
}
_TELLING = re.compile(
    r"\b(he|she|his|her|him|we|was|were|had|has|denie[sd]|report(?:s|ed)|state[sd]|complain(?:s|ed)|present(?:s|ed)|lives|"
    r"admitted|discharged|pt)\b",
    re.IGNORECASE,
)
_BAND = re.compile(r"[\[(]?\s*(\d{1,3})\s*(?:-|–|to|,)\s*(\d{1,3})\s*[\])]?\s*(?:years?|yrs?|y)?(?: old)?")
_OPEN = re.compile(r"(>=?|≥|over|above|at least)?\s*(\d{1,3})\s*(\+|and (?:over|older|above)|or (?:over|older|above))?")
_SINGLE = re.compile(r"(\d{1,3})(?:\.\d+)?\s*(?:years?|yrs?|y/?o|y)?(?: old)?")


@dataclass(frozen=True)
class Judged:
    """column: the code as it may be a column, None where it may not; reason: of a refusal, or of a widened age."""

    column: str | None
    reason: str | None = None


def judged(code: str) -> Judged:
    """Whether a code, `SYSTEM/value`, may be a column.

    Ages above 89 become `AGE/90+` in whatever form they come: a number, a band, an open one. Bands are read as they
    are made here, without their upper end, so that `AGE/80-90` stays; one that mixes ages up to 89 with ages above is
    opened: `AGE/85-95` becomes `AGE/85+`. An age that cannot be read and has a number above 89 is refused, and so is
    what names or looks like a name, place, date finer than a year, number, address or free text.
    """
    system, _, value = code.partition("/")
    plain = re.sub(r"[^A-Z0-9]+", "_", system.upper()).strip("_")
    if _AGE_SYSTEM.fullmatch(plain):
        return _aged(system, value)
    for name in (plain, plain.replace("_", "")):
        for reason, named in _NAMED:
            if named.fullmatch(name):
                return Judged(None, reason)
    if system in _SHAPES and _SHAPES[system].fullmatch(value):
        return Judged(code)
    for reason, bare in _BARE.items():
        if system not in _SHAPES and bare.fullmatch(value):
            return Judged(None, reason)
    said = told(value, most=MOST["code"]) or told(code, most=MOST["code"])
    return Judged(None if said else code, said)


def told(text: str, *, most: int = MOST["description"]) -> str | None:
    """What a text tells that it must not, or None; longer than `most` characters it is free text."""
    for reason, said in _SAID.items():
        if said.search(text):
            return reason
    if _TITLE.search(text):
        return "name"
    telling = {word.lower() for word in _TELLING.findall(text)}
    prose = len(telling) >= 2 and len(text.split()) >= 6
    return "free text" if prose or len(text) > most or re.search(r"[\r\n]", text) else None


def _aged(system: str, value: str) -> Judged:
    least, most = _ages(value.strip().lower())
    if least is None:
        numbers = [int(number) for number in re.findall(r"\d+", value)]
        reason = told(value, most=MOST["code"]) or (OVER_89 if max(numbers, default=0) > OLDEST else None)
        return Judged(None if reason else f"{system}/{value}", reason)
    if (most is None and least <= OLDEST) or (most is not None and most <= OLDEST):
        return Judged(f"{system}/{value}")
    widened = f"{system}/{min(least, OLDEST + 1)}+"
    return Judged(widened, None if widened == f"{system}/{value}" else OVER_89)


def _ages(text: str) -> tuple[int | None, int | None]:
    """The youngest and the oldest whole year of an age (None for no end); no youngest where it cannot be read."""
    if found := _BAND.fullmatch(text):
        closed = text.endswith("]")
        return int(found[1]), max(int(found[1]), int(found[2]) - (0 if closed else 1))
    if found := _SINGLE.fullmatch(text):
        return int(found[1]), int(found[1])
    if (found := _OPEN.fullmatch(text)) and (found[1] or found[3]):
        above = found[1] in (">", "over", "above")
        return int(found[2]) + above, None
    return None, None
