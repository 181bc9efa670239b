"""OMOP CDM 5.4: the tables that a release fills, with their columns and types in the order of the DDL.

https://ohdsi.github.io/CommonDataModel/cdm54.html
"""

from collections.abc import Mapping

import pyarrow as pa

from synthehr.events.mapping_file import load_mapping
from synthehr.release.source.dates import NOMINAL

VERSION, VERSION_CONCEPT = "5.4", 756265
PEOPLE = ("person", "observation_period", "visit_occurrence", "death")
# table -> what its columns begin with, and those of the dates that the CDM wants
RECORDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "condition_occurrence": ("condition", ("condition_start_date",)),
    "drug_exposure": ("drug", ("drug_exposure_start_date", "drug_exposure_end_date")),
    "procedure_occurrence": ("procedure", ("procedure_date",)),
    "measurement": ("measurement", ("measurement_date",)),
    "observation": ("observation", ("observation_date",)),
}
# table -> the table of the records that it sums up, and what its columns begin with
ERAS = {"condition_era": ("condition_occurrence", "condition"), "drug_era": ("drug_exposure", "drug")}
DOMAINS = {
    "Condition": "condition_occurrence",
    "Drug": "drug_exposure",
    "Procedure": "procedure_occurrence",
    "Measurement": "measurement",
    "Observation": "observation",
}
# tables that the ingest does not read
_COLUMNS = {
    "cdm_source": "cdm_source_name cdm_source_abbreviation cdm_holder source_description "
    "source_documentation_reference cdm_etl_reference source_release_date cdm_release_date cdm_version "
    "cdm_version_concept_id vocabulary_version",
    "vocabulary": "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id",
    "domain": "domain_id domain_name domain_concept_id",
    "concept_class": "concept_class_id concept_class_name concept_class_concept_id",
    "relationship": "relationship_id relationship_name is_hierarchical defines_ancestry reverse_relationship_id "
    "relationship_concept_id",
    "concept_relationship": "concept_id_1 concept_id_2 relationship_id valid_start_date valid_end_date invalid_reason",
    "concept_synonym": "concept_id concept_synonym_name language_concept_id",
    "condition_era": "condition_era_id person_id condition_concept_id condition_era_start_date condition_era_end_date "
    "condition_occurrence_count",
    "drug_era": "drug_era_id person_id drug_concept_id drug_era_start_date drug_era_end_date drug_exposure_count "
    "gap_days",
}
EMPTY = ("relationship", "concept_relationship", "concept_synonym")
_WORDS = {"vocabulary_id", "domain_id", "concept_class_id", "relationship_id", "reverse_relationship_id"}
_INTEGERS = {
    *("year_of_birth", "month_of_birth", "day_of_birth", "refills", "days_supply", "concept_id_1", "concept_id_2"),
    *("min_levels_of_separation", "max_levels_of_separation", "condition_occurrence_count", "drug_exposure_count"),
    "gap_days",
}
_FLOATS = {"quantity", "value_as_number", "range_low", "range_high"}


def columns(table: str) -> tuple[str, ...]:
    """Columns of a table of CDM 5.4, in order."""
    if table in _COLUMNS:
        return tuple(_COLUMNS[table].split())
    orders = load_mapping("omop").tables[table].order
    return next(order for layout, order in orders.items() if layout.endswith(VERSION))


def schema(table: str, stamp: Mapping[str, str], filled: frozenset[str] = frozenset()) -> pa.Schema:
    """The Arrow schema of a table, stamped; columns in `filled` are not null, and what is nominal says so itself."""
    fields = [
        pa.field(name, _kind(table, name), nullable=name not in filled, metadata=_comment(name))
        for name in columns(table)
    ]
    return pa.schema(fields, metadata={**stamp, "cdm_version": VERSION, "nominal_dates": NOMINAL})


def _kind(table: str, column: str) -> pa.DataType:
    if column.endswith("_datetime"):
        return pa.timestamp("us")
    if column.endswith("_date"):
        return pa.date32()
    if column in _FLOATS and (table, column) != ("procedure_occurrence", "quantity"):
        return pa.float64()
    if column in _INTEGERS or column == "quantity" or (column.endswith("_id") and column not in _WORDS):
        return pa.int32()
    return pa.string()


def _comment(column: str) -> dict[str, str] | None:
    nominal = column.endswith("_date") and not column.startswith("valid_")
    return (
        {"comment": "Nominal: see nominal_dates in the metadata of this file"}
        if nominal or column in ("year_of_birth", "visit_occurrence_id")
        else None
    )
