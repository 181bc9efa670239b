"""An OMOP extract of two people, by the specification of the CDM, in any of the forms in which one comes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from tests.synthehr.events.mappings.counted import lines

Row = dict[str, object]
FIRST = "2010-05-01"


def concept(number: int, domain: str, vocabulary: str, code: str, name: str, *, kind: str = "Any") -> Row:
    """A row of CONCEPT, of a standard concept."""
    return {
        **{"concept_id": number, "concept_name": name, "domain_id": domain, "vocabulary_id": vocabulary},
        **{"concept_class_id": kind, "standard_concept": "S", "concept_code": code},
        **{"valid_start_date": "20020131", "valid_end_date": "2099-12-31"},
    }


ROWS: Mapping[str, Sequence[Row]] = {
    "person": [
        {
            "person_id": 1,
            "gender_concept_id": 8532,
            "year_of_birth": 1950,
            "month_of_birth": 6,
            "race_concept_id": 8527,
        },
        {"person_id": 2, "gender_concept_id": 8507, "year_of_birth": 1910, "race_concept_id": 38003579},
        {"person_id": 3, "gender_concept_id": 0, "year_of_birth": 2000, "race_concept_id": 0},
    ],
    "visit_occurrence": [{"visit_occurrence_id": 7, "person_id": 1, "visit_start_date": FIRST}],
    "condition_occurrence": [
        {"condition_occurrence_id": 1, "condition_concept_id": 320128, "visit_occurrence_id": 7},
        {"condition_occurrence_id": 2, "condition_concept_id": 0, "condition_source_value": "K92.2"},
        {"condition_occurrence_id": 3, "condition_concept_id": 0},
        {"condition_occurrence_id": 4, "person_id": 2, "condition_concept_id": 999},
    ],
    "procedure_occurrence": [{"procedure_occurrence_id": 1, "procedure_concept_id": 2211, "visit_occurrence_id": 7}],
    "drug_exposure": [{"drug_exposure_id": 1, "drug_concept_id": 1118084}],
    "measurement": [
        {"measurement_id": 1, "measurement_concept_id": 3004249, "value_as_number": "120.5"},
        {
            "measurement_id": 2,
            "measurement_concept_id": 3004249,
            "value_as_number": "5",
            "operator_concept_id": 4171756,
        },
    ],
    "observation": [{"observation_id": 1, "observation_concept_id": 0, "observation_source_value": "smoker"}],
    "death": [{"person_id": 2, "death_date": "2015-02-03"}],
    "concept": [
        concept(320128, "Condition", "SNOMED", "59621000", "Hypertension"),
        concept(2211, "Procedure", "CPT4", "71020", 'X-ray, 2 "views'),
        concept(1118084, "Drug", "RxNorm", "140587", 'celecoxib 5" x', kind="Ingredient"),
        concept(3004249, "Measurement", "LOINC", "8480-6", '"Systolic'),
        concept(38003579, "Race", "Race", "2.06", "Chinese"),
        concept(100, "Condition", "SNOMED", "64572001", "Disease"),
    ],
    "concept_ancestor": [
        {"ancestor_concept_id": 100, "descendant_concept_id": 320128, "min_levels_of_separation": 4},
        {"ancestor_concept_id": 320128, "descendant_concept_id": 320128, "min_levels_of_separation": 0},
        {"ancestor_concept_id": 100, "descendant_concept_id": 999, "min_levels_of_separation": 1},
    ],
}
DAYS = {
    "condition_occurrence": "condition_start_date",
    "procedure_occurrence": "procedure_date",
    "drug_exposure": "drug_exposure_start_date",
    "measurement": "measurement_date",
    "observation": "observation_date",
}
DAY = f"{FIRST}T00:00:00.000000"
# who, time, code, visit: worked out from the rows above
EVENTS = {
    (1, None, "SEX/female", None): 1,
    (2, None, "SEX/male", None): 1,
    (1, None, "RACE/white", None): 1,
    (2, None, "RACE/asian", None): 1,  # 2.06, Chinese, is below 2, Asian
    (1, DAY, "AGE/50-60", 7): 1,  # born in June 1950
    (1, DAY, "SNOMED/59621000", 7): 1,
    (1, DAY, "SOURCE/K92.2", None): 1,
    (2, DAY, "OMOP/999", None): 1,  # a concept that the table of concepts does not have
    (1, DAY, "CPT/71020", 7): 1,
    (1, DAY, "RXNORM/140587", None): 1,
    (1, DAY, "LOINC/8480-6", None): 2,
    (1, DAY, "SOURCE/smoker", None): 1,
    (2, "2015-02-03T00:00:00.000000", "OUTCOME/died", None): 1,
}


def orders(table: str, version: str) -> tuple[str, ...]:
    """The columns of a table in the order of a version of the CDM, as its DDL has them."""
    text = Path(__file__).with_name("cdm_columns.txt").read_text()
    start = f"{version} {table}: "
    return next(tuple(line.removeprefix(start).split()) for line in text.splitlines() if line.startswith(start))


def rows_of(table: str, version: str) -> pd.DataFrame:
    """A table with all columns of a version, as text."""
    plain = {"person_id": 1, DAYS[table]: FIRST} if table in DAYS else {}
    names = orders(table, version)
    return pd.DataFrame([[str((plain | row).get(name, "")) for name in names] for row in ROWS[table]], columns=names)


def extract(
    folder: Path, *, version: str = "5.4", mark: str = ",", upper: bool = False, header: bool = True, without: str = ""
) -> Path:
    """Write the extract as text; commas are quoted around, tabs as OHDSI's Athena writes them: nothing is."""
    for table in (table for table in ROWS if table not in without.split()):
        rows = rows_of(table, version)
        quoted = [
            [f'"{v.replace(chr(34), chr(34) * 2)}"' if mark in v or '"' in v else v for v in r] for r in rows.values
        ]
        body = [mark.join(row) for row in (quoted if mark == "," else rows.values)]
        names = [name.upper() if upper else name for name in rows.columns]
        base = f"{table.upper() if upper else table}.csv"
        lines(folder / base, [*([mark.join(names)] if header else []), *body])
    return folder
