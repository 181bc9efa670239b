"""How raw text becomes a code: the SQL macros that mappings may use.

A macro gives null for null, and '' for text that is not what it has to be, which is then rejected.
"""

from synthehr.events.macros.fhir import FHIR
from synthehr.events.macros.omop import OMOP
from synthehr.events.macros.schemes import SCHEMES
from synthehr.events.macros.times import TIMES

# https://www.cms.gov ICD-9-CM v32: 3 digits, V and 2 digits or E and 3 digits; then at most 2, 2 and 1 after the dot
_ICD9CM_DOTTED = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN regexp_full_match(x, '[0-9]{1,3}') THEN lpad(x, 3, '0')
  WHEN regexp_full_match(x, '[0-9]{1,3}[.][0-9]{1,2}')
    THEN lpad(split_part(x, '.', 1), 3, '0') || '.' || split_part(x, '.', 2)
  WHEN regexp_full_match(upper(x), 'V[0-9]{2}([.][0-9]{1,2})?|E[0-9]{3}([.][0-9])?') THEN upper(x)
  ELSE ''
END"""

_ICD9CM_UNDOTTED = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN regexp_full_match(upper(x), '[0-9]{3}|V[0-9]{2}|E[0-9]{3}') THEN upper(x)
  WHEN regexp_full_match(upper(x), '[0-9]{4,5}|V[0-9]{3,4}') THEN upper(x)[1:3] || '.' || x[4:]
  WHEN regexp_full_match(upper(x), 'E[0-9]{4}') THEN upper(x)[1:4] || '.' || x[5:]
  ELSE ''
END"""

_ICD9PROC_UNDOTTED = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN regexp_full_match(x, '[0-9]{2}') THEN x
  WHEN regexp_full_match(x, '[0-9]{3,4}') THEN x[1:2] || '.' || x[3:]
  ELSE ''
END"""

# https://www.cms.gov ICD-10-CM official guidelines: a letter, a digit, a digit or letter, then at most 4 of either
_ICD10CM = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN NOT regexp_full_match(upper(x), '[A-Z][0-9][0-9A-Z]([.]?[0-9A-Z]{1,4})?[.]?') THEN ''
  WHEN length(replace(x, '.', '')) = 3 THEN upper(replace(x, '.', ''))
  ELSE upper(replace(x, '.', ''))[1:3] || '.' || upper(replace(x, '.', ''))[4:]
END"""

# ICD-10-PCS 2024 reference manual: seven characters, digits and letters without I and O
_ICD10PCS = (
    "CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(upper(x), '[0-9A-HJ-NP-Z]{7}') THEN upper(x) ELSE '' END"
)

# a code with its dot; two digits before it are a procedure, or a diagnosis that lost a zero: never guessed
_ICD9CM = """
CASE
  WHEN regexp_full_match(x, '[0-9]{1,2}([.].*)?') THEN ''
  WHEN contains(x, '.') THEN icd9cm_dotted(x)
  ELSE icd9cm_undotted(x)
END"""

_ICD9PROC = """
CASE
  WHEN NOT contains(x, '.') OR x IS NULL THEN icd9proc_undotted(x)
  WHEN regexp_full_match(x, '[0-9]{2}[.][0-9]{1,2}') THEN x
  ELSE ''
END"""

# a diagnosis of which nobody says whether it is ICD-9-CM or ICD-10-CM, with its dot. E000 to E030 and E800 to E999 are
# ICD-9-CM; V codes have two digits in both, and those that ICD-9-CM could have are taken for it; two digits and a dot
# are a procedure that stands among diagnoses (31.1, temporary tracheostomy)
_ICD_EITHER = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN regexp_full_match(x, '[0-9]{2}[.][0-9]{1,2}') THEN 'ICD9PROC/' || x
  WHEN regexp_full_match(upper(x), '[0-9]{3}([.][0-9]{1,2})?|V[0-9]{2}([.][0-9]{1,2})?')
    OR regexp_full_match(upper(x), 'E(0[0-2][0-9]|030|[89][0-9]{2})([.][0-9])?')
    THEN prefixed('ICD9CM/', icd9cm(x))
  ELSE prefixed('ICD10CM/', icd10cm(x))
END"""

# the FDA's segments of 10 digits become those of 5, 4 and 2 of billing; 10 digits without hyphens could be any of them
# (https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory)
_NDC = """
CASE
  WHEN regexp_full_match(x, '[0-9]{4}-[0-9]{4}-[0-9]{2}|[0-9]{5}-[0-9]{3}-[0-9]{2}|[0-9]{5}-[0-9]{4}-[0-9]{1,2}')
    THEN lpad(split_part(x, '-', 1), 5, '0') || lpad(split_part(x, '-', 2), 4, '0')
      || lpad(split_part(x, '-', 3), 2, '0')
  ELSE x
END"""

# HCPCS has two levels, often under one name: CPT begins with a digit, the second level with a letter
_BY_SYSTEM = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN starts_with(x, 'ICD9CM/') THEN prefixed('ICD9CM/', icd9cm(x[8:]))
  WHEN starts_with(x, 'ICD9PROC/') THEN prefixed('ICD9PROC/', icd9proc(x[10:]))
  WHEN starts_with(x, 'ICD10CM/') THEN prefixed('ICD10CM/', icd10cm(x[9:]))
  WHEN starts_with(x, 'ICD10PCS/') THEN prefixed('ICD10PCS/', icd10pcs(x[10:]))
  WHEN starts_with(x, 'SNOMED/') THEN prefixed('SNOMED/', digits(x[8:]))
  WHEN starts_with(x, 'RXNORM/') THEN prefixed('RXNORM/', digits(x[8:]))
  WHEN starts_with(x, 'CVX/') THEN prefixed(CASE WHEN length(x) = 5 THEN 'CVX/0' ELSE 'CVX/' END, digits(x[5:]))
  WHEN starts_with(x, 'NDC/') THEN prefixed('NDC/', ndc(x[5:]))
  WHEN regexp_full_match(x, 'CPT/[A-Za-z][0-9]{4}') THEN 'HCPCS/' || upper(x[5:])
  WHEN regexp_full_match(x, '(LOINC|ATC|CPT|HCPCS)/[0-9A-Za-z-]+') THEN upper(x)
  ELSE x
END"""

MACROS = {
    "as_is(x)": "x",
    "lower_name(x)": r"lower(regexp_replace(x, '\s+', ' ', 'g'))",
    "icd9cm_dotted(x)": _ICD9CM_DOTTED,
    "icd9cm_undotted(x)": _ICD9CM_UNDOTTED,
    "icd9proc_undotted(x)": _ICD9PROC_UNDOTTED,
    "prefixed(p, x)": "CASE WHEN x = '' THEN '' ELSE p || x END",
    "whole(x)": r"regexp_replace(x, '^([0-9]+)[.]0+$', '\1')",  # an integer that pandas wrote beside gaps
    "digits(x)": "CASE WHEN x IS NULL OR regexp_full_match(x, '[0-9]+') THEN x ELSE '' END",
    "icd9cm(x)": _ICD9CM,
    "icd9proc(x)": _ICD9PROC,
    "icd10cm(x)": _ICD10CM,
    "icd10pcs(x)": _ICD10PCS,
    "icd_either(x)": _ICD_EITHER,
    "ndc(x)": _NDC,
    "by_system(x)": _BY_SYSTEM,
    **TIMES,
    **FHIR,
    **OMOP,
    **SCHEMES,
}


def macros() -> list[str]:
    """One CREATE MACRO statement for each of `MACROS`."""
    return [f"CREATE MACRO {name} AS ({body.strip()})" for name, body in MACROS.items()]
