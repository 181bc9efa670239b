"""To which OMOP domain a code belongs, by its system alone: no concept table is at hand where a bundle is written."""

from collections.abc import Mapping

from synthehr.events.engine import literal

GENDER, RACE, OBSERVATION = "Gender", "Race", "Observation"
# SNOMED and LOINC have codes of every domain; by far the most of those that sources record are of these
SYSTEMS: Mapping[str, tuple[str, ...]] = {
    "Condition": (
        *("ICD9CM", "ICD10CM", "ICD10", "SNOMED", "CCS", "CCSR", "ICD9CM_CHAPTER", "ICD10CM_CHAPTER"),
        *("EICU_DIAGNOSIS", "PCORNET_DX"),
    ),
    "Drug": ("DRUG", "RXNORM", "RXNORM_EXTENSION", "NDC", "ATC", "CVX", "HICL", "PCORNET_VX"),
    "Procedure": ("CPT", "CPT4", "HCPCS", "ICD9PROC", "ICD10PCS", "EICU_TREATMENT", "PCORNET_PX"),
    "Measurement": ("LOINC", "LAB"),
}


def domain_sql(system: str, group: str) -> str:
    """The domain as an SQL expression of two columns: the code system, and the exclusive group or NULL.

    What is in no list is an observation, and so are the members of groups for which a person has no column.
    """
    cases = "".join(
        f" WHEN {system} IN ({', '.join(literal(name) for name in systems)}) THEN {literal(domain)}"
        for domain, systems in SYSTEMS.items()
    )
    return (
        f"CASE WHEN {group} = 'sex' THEN '{GENDER}' WHEN {group} = 'race' THEN '{RACE}' "
        f"WHEN {group} IS NOT NULL THEN '{OBSERVATION}'{cases} ELSE '{OBSERVATION}' END"
    )
