"""How raw text becomes a code or a time: the SQL macros that mappings may use.

A macro gives null for null, and '' (for a time, null) for text that is not what it has to be, which is then rejected.
"""

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

# an offset is worked out here, since DuckDB 1 and 2 differ in what a plain cast does with it
_AS_TIME = """
CASE
  WHEN NOT regexp_matches(x, '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') THEN NULL
  WHEN regexp_matches(x, ':[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$')
    THEN make_timestamp(epoch_us(TRY_CAST(x AS TIMESTAMPTZ)))
  ELSE TRY_CAST(x AS TIMESTAMP)
END"""

# ages above 89 are one band, as the HIPAA safe harbour has it (45 CFR 164.514(b)(2)(i)(C))
_AGE_BAND = """
CASE
  WHEN years IS NULL THEN NULL
  WHEN years < 0 THEN ''
  WHEN years >= 90 THEN '90+'
  ELSE CAST(years // 10 * 10 AS VARCHAR) || '-' || CAST(years // 10 * 10 + 10 AS VARCHAR)
END"""

MACROS = {
    "as_is(x)": "x",
    "lower_name(x)": r"lower(regexp_replace(x, '\s+', ' ', 'g'))",
    "icd9cm_dotted(x)": _ICD9CM_DOTTED,
    "icd9cm_undotted(x)": _ICD9CM_UNDOTTED,
    "icd9proc_undotted(x)": _ICD9PROC_UNDOTTED,
    "as_time(x)": _AS_TIME,
    "age_band(years)": _AGE_BAND,
}


def macros() -> list[str]:
    """One CREATE MACRO statement for each of `MACROS`."""
    return [f"CREATE MACRO {name} AS ({body.strip()})" for name, body in MACROS.items()]
