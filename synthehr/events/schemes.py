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
_I2B2 = f"""
CASE
  WHEN contains(x, ':') THEN CASE upper(split_part(x, ':', 1)) {_KNOWN}
    ELSE upper(replace(split_part(x, ':', 1), '/', '_')) END || '/' || x[strpos(x, ':') + 1:]
  ELSE 'I2B2/' || x
END"""

SCHEMES = {"meds_code(x)": _MEDS, "i2b2_code(x)": _I2B2}
