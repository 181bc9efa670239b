"""OMOP CDM in SQL: how its vocabularies are called here. Macros for mappings.

https://ohdsi.github.io/CommonDataModel/cdm54.html. Concept 0 says that no standard concept fits.
"""

VOCABULARIES = {
    "RxNorm": "RXNORM",
    "ICD9Proc": "ICD9PROC",
    "CPT4": "CPT",
}
_NAMED = " ".join(f"WHEN '{vocabulary}' THEN '{name}'" for vocabulary, name in VOCABULARIES.items())

OMOP = {
    "omop_system(x)": f"CASE x {_NAMED} ELSE upper(replace(x, ' ', '_')) END",
    "omop_concept(x)": "CASE WHEN x <> '0' THEN x END",
    "omop_code(vocabulary, code, id, source)": """
CASE
  WHEN code IS NOT NULL THEN omop_system(vocabulary) || '/' || code
  WHEN id IS NOT NULL THEN 'OMOP/' || id
  ELSE 'SOURCE/' || source
END""",
}
