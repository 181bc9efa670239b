"""The vocabulary tables of an OMOP release: concepts that its codes are, and those above them, of the source's own."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthehr.cohort.safe_harbor import judged, told
from synthehr.events.concepts import CONCEPTS
from synthehr.events.hierarchy import ANCESTORS
from synthehr.release.source.cdm import VERSION_CONCEPT

Row = dict[str, Any]
FIRST, LAST = datetime.date(1970, 1, 1), datetime.date(2099, 12, 31)  # how OMOP says: always
# https://athena.ohdsi.org; how the ingest reads them is in events.macros.omop
SEXES = {"male": 8507, "female": 8532}
RACES = {"american_indian": 8657, "asian": 8515, "black": 8516, "pacific_islander": 8557, "white": 8527}
HISPANIC = 38003563
_OWN = (
    (0, "No matching concept", "Metadata", "None", "Undefined", None, "No matching concept"),
    (8507, "MALE", "Gender", "Gender", "Gender", "S", "M"),
    (8532, "FEMALE", "Gender", "Gender", "Gender", "S", "F"),
    (8515, "Asian", "Race", "Race", "Race", "S", "2"),
    (8516, "Black or African American", "Race", "Race", "Race", "S", "3"),
    (8527, "White", "Race", "Race", "Race", "S", "5"),
    (8557, "Native Hawaiian or Other Pacific Islander", "Race", "Race", "Race", "S", "4"),
    (8657, "American Indian or Alaska Native", "Race", "Race", "Race", "S", "1"),
    (HISPANIC, "Hispanic or Latino", "Ethnicity", "Ethnicity", "Ethnicity", "S", "Hispanic"),
    (VERSION_CONCEPT, "OMOP CDM Version 5.4.0", "Metadata", "CDM", "CDM", "S", "CDM v5.4.0"),
)
_NAMES = (
    *("concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_class_id", "standard_concept"),
    "concept_code",
)


@dataclass(frozen=True)
class Concepts:
    """known: code -> its concept, of the cohort's codes; rows, ancestors: of CONCEPT and CONCEPT_ANCESTOR, by id."""

    known: Mapping[str, Row]
    rows: Sequence[Row]
    ancestors: Sequence[Row]

    def distinct(self, column: str) -> list[str]:
        """What the concepts have in a column, sorted."""
        return sorted({row[column] for row in self.rows if row[column]})


def concepts_of(events: Path, codes: Iterable[str]) -> Concepts:
    """Concepts of the codes and of all above them, as the source's vocabulary has them, beside a few that all need.

    A name or code that Safe Harbor would refuse is left out: a site's own concepts may say anything.
    """
    wanted = set(codes)
    pairs = _read(events / "metadata" / ANCESTORS, "code", wanted)
    wanted |= {row["ancestor"] for row in pairs if judged(row["ancestor"]).reason is None}
    found = {row["code"]: _concept(row) for row in _read(events / "metadata" / CONCEPTS, "code", wanted)}
    used = {row["concept_id"]: row for row in found.values()}
    rows = {number: row for number, row in _always().items() if number not in used} | used
    between = {(number, number): 0 for number in used}
    for pair in pairs:
        if pair["code"] in found and pair["ancestor"] in found:
            key = (found[pair["ancestor"]]["concept_id"], found[pair["code"]]["concept_id"])
            between[key] = min(between.get(key, pair["levels"]), pair["levels"])
    ancestors: list[Row] = [
        {"ancestor_concept_id": above, "descendant_concept_id": below, "min_levels_of_separation": levels}
        for (above, below), levels in sorted(between.items())
    ]
    return Concepts(found, [rows[number] for number in sorted(rows)], ancestors)


def _read(path: Path, column: str, wanted: set[str]) -> list[Row]:
    if not path.is_file():
        return []
    table = pq.read_table(path)
    chosen = pc.is_in(table.column(column), pa.array(sorted(wanted), pa.string()))
    return list(table.filter(chosen).to_pylist())


def _concept(row: Row) -> Row:
    name = row["concept_name"] or ""
    return {key: value for key, value in row.items() if key != "code"} | {"concept_name": "" if told(name) else name}


def _always() -> dict[int, Row]:
    valid = {"valid_start_date": FIRST, "valid_end_date": LAST, "invalid_reason": None}
    return {int(str(values[0])): dict(zip(_NAMES, values, strict=True)) | valid for values in _OWN}
