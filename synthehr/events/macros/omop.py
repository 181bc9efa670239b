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
    "omop_concept(x)": "CASE WHEN x IS NULL THEN NULL ELSE nullif(digits(whole(x)), '0') END",
    "omop_sex(x)": """
CASE omop_concept(x)
  WHEN '8507' THEN 'male' WHEN '8532' THEN 'female'
  WHEN '8521' THEN NULL WHEN '8551' THEN NULL WHEN '8570' THEN NULL -- other, unknown, ambiguous
  ELSE CASE WHEN omop_concept(x) IS NOT NULL THEN '' END
END""",
    "omop_race(id, vocabulary, code)": """
CASE CASE WHEN vocabulary = 'Race' THEN split_part(code, '.', 1) ELSE id END
  WHEN '1' THEN 'american_indian' WHEN '8657' THEN 'american_indian'
  WHEN '2' THEN 'asian' WHEN '8515' THEN 'asian'
  WHEN '3' THEN 'black' WHEN '8516' THEN 'black'
  WHEN '4' THEN 'pacific_islander' WHEN '8557' THEN 'pacific_islander'
  WHEN '5' THEN 'white' WHEN '8527' THEN 'white'
END""",
    "omop_operator(x)": """
CASE omop_concept(x)
  WHEN '4171756' THEN '<' WHEN '4171754' THEN '<=' WHEN '4172704' THEN '>' WHEN '4171755' THEN '>=' ELSE ''
END""",
    "omop_code(vocabulary, code, id, source)": """
CASE
  WHEN code IS NOT NULL THEN omop_system(vocabulary) || '/' || code
  WHEN id IS NOT NULL THEN 'OMOP/' || id
  ELSE 'SOURCE/' || source
END""",
}
