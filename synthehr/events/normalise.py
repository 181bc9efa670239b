"""How raw text becomes a code: the SQL macros that mappings may use.

A macro gives null for null, and '' for text that is not what it has to be, which is then rejected.
"""

from synthehr.events.fhir import FHIR
from synthehr.events.omop import OMOP
from synthehr.events.schemes import SCHEMES
from synthehr.events.times import TIMES

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

# a diagnosis of which nobody says whether it is ICD-9-CM or ICD-10-CM: E and V begin codes of both, but of E codes three
# digits follow in one and two in the other; V codes, which have two in both, are taken for ICD-9-CM
_ICD_EITHER = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN regexp_full_match(upper(x), '[0-9]{3}([.][0-9]{1,2})?|V[0-9]{2}([.][0-9]{1,2})?|E[0-9]{3}([.][0-9])?')
    THEN prefixed('ICD9CM/', icd9cm(x))
  ELSE prefixed('ICD10CM/', icd10cm(x))
END"""

_BY_SYSTEM = """
CASE
  WHEN x IS NULL THEN NULL
  WHEN starts_with(x, 'ICD9CM/') THEN prefixed('ICD9CM/', icd9cm(x[8:]))
  WHEN starts_with(x, 'ICD9PROC/') THEN prefixed('ICD9PROC/', icd9proc(x[10:]))
  WHEN starts_with(x, 'ICD10CM/') THEN prefixed('ICD10CM/', icd10cm(x[9:]))
  WHEN starts_with(x, 'ICD10PCS/') THEN prefixed('ICD10PCS/', icd10pcs(x[10:]))
  WHEN starts_with(x, 'SNOMED/') THEN prefixed('SNOMED/', digits(x[8:]))
  WHEN starts_with(x, 'RXNORM/') THEN prefixed('RXNORM/', digits(x[8:]))
  WHEN starts_with(x, 'CVX/') THEN CASE WHEN length(x) = 5 THEN prefixed('CVX/0', digits(x[5:])) ELSE prefixed('CVX/', digits(x[5:])) END
  WHEN starts_with(x, 'LOINC/') OR starts_with(x, 'ATC/') OR starts_with(x, 'CPT/') OR starts_with(x, 'HCPCS/') THEN upper(x)
  ELSE x
END"""

MACROS = {
    "as_is(x)": "x",
    "lower_name(x)": r"lower(regexp_replace(x, '\s+', ' ', 'g'))",
    "icd9cm_dotted(x)": _ICD9CM_DOTTED,
    "icd9cm_undotted(x)": _ICD9CM_UNDOTTED,
    "icd9proc_undotted(x)": _ICD9PROC_UNDOTTED,
    "prefixed(p, x)": "CASE WHEN x = '' THEN '' ELSE p || x END",
    "digits(x)": "CASE WHEN x IS NULL OR regexp_full_match(x, '[0-9]+') THEN x ELSE '' END",
    "icd9cm(x)": "CASE WHEN contains(x, '.') THEN icd9cm_dotted(x) ELSE icd9cm_undotted(x) END",
    "icd9proc(x)": "icd9proc_undotted(replace(x, '.', ''))",
    "icd10cm(x)": _ICD10CM,
    "icd10pcs(x)": _ICD10PCS,
    "icd_either(x)": _ICD_EITHER,
    "by_system(x)": _BY_SYSTEM,
    **TIMES,
    **FHIR,
    **OMOP,
    **SCHEMES,
}


def macros() -> list[str]:
    """One CREATE MACRO statement for each of `MACROS`."""
    return [f"CREATE MACRO {name} AS ({body.strip()})" for name, body in MACROS.items()]
