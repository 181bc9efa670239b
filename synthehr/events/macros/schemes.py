"""Code schemes of MEDS extracts and of i2b2, as they are called here. Macros for mappings."""

# https://github.com/Medical-Event-Data-Standard: extracts name demographics and ICD codes with double slashes
_MEDS = """
CASE
  WHEN x IN ('GENDER//F', 'GENDER//FEMALE', 'GENDER//Female') THEN 'SEX/female'
  WHEN x IN ('GENDER//M', 'GENDER//MALE', 'GENDER//Male') THEN 'SEX/male'
  WHEN starts_with(x, 'RACE//') THEN 'RACE/' || lower(x[7:])
  WHEN regexp_matches(x, '^DIAGNOSIS//ICD//9//[^/]+$') THEN 'ICD9CM/' || x[20:]
  WHEN regexp_matches(x, '^DIAGNOSIS//ICD//10//[^/]+$') THEN 'ICD10CM/' || x[21:]
  WHEN regexp_matches(x, '^PROCEDURE//ICD//9//[^/]+$') THEN 'ICD9PROC/' || x[20:]
  WHEN regexp_matches(x, '^PROCEDURE//ICD//10//[^/]+$') THEN 'ICD10PCS/' || x[21:]
  WHEN regexp_matches(x, '^(ICD9CM|ICD10CM|ICD9PROC|ICD10PCS|SNOMED|RXNORM|LOINC|CVX|ATC|NDC|CPT)//[^/]+$')
    THEN replace(x, '//', '/')
  ELSE x
END"""

I2B2_SCHEMES = {
    "ICD9": "ICD9CM",
    "ICD9CM": "ICD9CM",
    "ICD10": "ICD10CM",
    "ICD10CM": "ICD10CM",
    "ICD9PROC": "ICD9PROC",
    "ICD10PCS": "ICD10PCS",
    "LOINC": "LOINC",
    "RXNORM": "RXNORM",
    "NDC": "NDC",
    "CPT4": "CPT",
    "CPT": "CPT",
    "HCPCS": "HCPCS",
    "SNOMED": "SNOMED",
    "SNOMEDCT": "SNOMED",
    "CVX": "CVX",
    "ATC": "ATC",
}
_KNOWN = " ".join(f"WHEN '{scheme}' THEN '{name}'" for scheme, name in I2B2_SCHEMES.items())
# a scheme may have the kind of fact before it: DIAG|ICD10CM
_SCHEME = "upper(regexp_replace(split_part(x, ':', 1), '^.*[|]', ''))"
# of ICD-9-CM, procedures have two digits before the dot and diagnoses three
_I2B2 = f"""
CASE
  WHEN {_SCHEME} IN ('ICD9', 'ICD9CM') AND regexp_full_match(x, '.*:[0-9]{{2}}([.][0-9]{{1,2}})?')
    THEN 'ICD9PROC/' || x[strpos(x, ':') + 1:]
  WHEN i2b2_known(x) THEN CASE {_SCHEME} {_KNOWN} END || '/' || x[strpos(x, ':') + 1:]
  WHEN contains(x, ':') THEN upper(replace(split_part(x, ':', 1), '/', '_')) || '/' || x[strpos(x, ':') + 1:]
  ELSE 'I2B2/' || x
END"""

# https://community.i2b2.org/wiki: TVAL_CHAR of a number says how the result stands to it
_I2B2_VALUE = """
CASE
  WHEN kind = 'T' THEN said
  ELSE CASE said WHEN 'L' THEN '<' WHEN 'LE' THEN '<=' WHEN 'G' THEN '>' WHEN 'GE' THEN '>=' ELSE '' END || number
END"""

SCHEMES = {
    "meds_code(x)": _MEDS,
    "i2b2_known(x)": f"contains(x, ':') AND CASE {_SCHEME} {_KNOWN} END IS NOT NULL",
    "i2b2_code(x)": _I2B2,
    "i2b2_value(kind, said, number)": _I2B2_VALUE,
}
