"""FHIR R4 in SQL: codings by preference, references in their legal forms, extensions of US Core. Macros for mappings.

https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/terminologies-systems.html. Elements come as JSON text.
"""

SYSTEMS = {
    "http://snomed.info/sct": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "http://hl7.org/fhir/sid/icd-10-cm": "ICD10CM",
    "urn:oid:2.16.840.1.113883.6.90": "ICD10CM",
    "http://hl7.org/fhir/sid/icd-10": "ICD10",
    "urn:oid:2.16.840.1.113883.6.3": "ICD10",
    "http://hl7.org/fhir/sid/icd-9-cm": "ICD9CM",
    "urn:oid:2.16.840.1.113883.6.103": "ICD9CM",
    "http://www.cms.gov/Medicare/Coding/ICD9": "ICD9PROC",
    "urn:oid:2.16.840.1.113883.6.104": "ICD9PROC",
    "http://www.cms.gov/Medicare/Coding/ICD10": "ICD10PCS",
    "urn:oid:2.16.840.1.113883.6.4": "ICD10PCS",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RXNORM",
    "urn:oid:2.16.840.1.113883.6.88": "RXNORM",
    "http://loinc.org": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "urn:oid:2.16.840.1.113883.12.292": "CVX",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "urn:oid:2.16.840.1.113883.6.69": "NDC",
    "http://www.whocc.no/atc": "ATC",
    "urn:oid:2.16.840.1.113883.6.73": "ATC",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "urn:oid:2.16.840.1.113883.6.12": "CPT",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": "HCPCS",
    "urn:oid:2.16.840.1.113883.6.285": "HCPCS",
}
_KNOWN = " ".join(f"WHEN '{url}' THEN '{name}'" for url, name in SYSTEMS.items())
_SHAPE = '[{"system": "VARCHAR", "code": "VARCHAR", "display": "VARCHAR"}]'
_CODINGS = f"from_json(json_extract(concept, '$.coding'), '{_SHAPE}')"

# the first by the list of preference; of two codings of one system the smaller code, so that their order says nothing
_RANKED = f"""
list_sort([{{
    'rank': coalesce(list_position(preferred, fhir_system(c.system)), 999),
    'code': fhir_system(c.system) || '/' || trim(c.code),
    'display': c.display
  }} for c in {_CODINGS} if trim(c.code) <> ''])[1]"""

# relative, absolute and versioned literal references; urn:uuid and urn:oid as they stand in a bundle
_ID = "[A-Za-z0-9.-]{1,64}"
_LITERAL = f"'(?:^|/)' || kind || '/({_ID})(?:/_history/{_ID})?$'"
_TEXT = "json_extract_string(x, '$.reference')"
_REFERENCE = f"""
CASE
  WHEN regexp_matches({_TEXT}, {_LITERAL}) THEN regexp_extract({_TEXT}, {_LITERAL}, 1)
  WHEN starts_with({_TEXT}, 'urn:uuid:') THEN {_TEXT}[10:]
  WHEN starts_with({_TEXT}, 'urn:oid:') THEN {_TEXT}[9:]
END"""

_CONTAINED = """
[json_extract(c, '$.code') for c in from_json(contained, '["JSON"]')
  if '#' || json_extract_string(c, '$.id') = json_extract_string(reference, '$.reference')][1]"""

_STATUS = "list_contains(json_extract_string(concept, '$.coding[*].code'), status)"

# ICD-9-CM has one name for its volumes; in a procedure it can only be the third
_PROCEDURE = "CASE WHEN starts_with(x, 'ICD9CM/') THEN 'ICD9PROC/' || x[8:] ELSE x END"

# https://hl7.org/fhir/us/core/StructureDefinition-us-core-race.html, codes of the OMB categories; who is Hispanic
# (2135-2, of the extension us-core-ethnicity) is that, as in the other sources; who has several is `other`
_OMB = "list_distinct(json_extract_string(x, '$[*].extension[*].valueCoding.code'))"
_CATEGORIES = "('2106-3', '2054-5', '2028-9', '1002-5', '2076-8', '2131-1')"
_RACE = f"""
CASE
  WHEN list_contains({_OMB}, '2135-2') THEN 'hispanic'
  WHEN length([c for c in {_OMB} if c IN {_CATEGORIES}]) > 1 THEN 'other'
  ELSE [CASE c WHEN '2106-3' THEN 'white' WHEN '2054-5' THEN 'black' WHEN '2028-9' THEN 'asian'
    WHEN '1002-5' THEN 'american_indian' WHEN '2076-8' THEN 'pacific_islander' WHEN '2131-1' THEN 'other' END
    for c in {_OMB} if c IN {_CATEGORIES}][1]
END"""

# `< 5` is no 5: a quantity with a comparator is text
_QUANTITY = "coalesce(json_extract_string(x, '$.comparator'), '') || json_extract_string(x, '$.value')"

# Synthea's CSV names the system by its URL or in words, or, in the older layout, not at all
_SYNTHEA = """
CASE
  WHEN x IS NULL THEN otherwise
  WHEN contains(lower(x), 'snomed') THEN 'SNOMED'
  WHEN contains(lower(x), 'rxnorm') THEN 'RXNORM'
  ELSE fhir_system(x)
END"""

FHIR = {
    "fhir_system(x)": f"CASE x {_KNOWN} ELSE 'LOCAL' END",
    "fhir_coding(concept, preferred)": _RANKED,
    "fhir_code(concept, preferred)": "fhir_coding(concept, preferred).code",
    "fhir_display(concept, preferred)": "fhir_coding(concept, preferred).display",
    "fhir_reference(x, kind)": _REFERENCE,
    "fhir_contained(contained, reference)": _CONTAINED,
    "fhir_procedure(x)": _PROCEDURE,
    "fhir_has(concept, status)": _STATUS,
    "fhir_race(x)": _RACE,
    "fhir_quantity(x)": _QUANTITY,
    "synthea_system(x, otherwise)": _SYNTHEA,
}
