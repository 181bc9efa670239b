"""A synthetic cohort as Synthea's CSV, in the layout of its newer exporter (with SYSTEM columns).

What the cohort does not say is empty; what the dates are worth says `source.dates`. Ids are negative numbers.
"""

import contextlib
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import duckdb

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.engine import engine
from synthehr.events.schema import system
from synthehr.release.source.dates import BORN, DAY, END, year_of_birth
from synthehr.release.source.occurrences import each_shard, records_sql, visits_sql
from synthehr.release.source.routes import DIED, source_tables, tables_of

ROWS = 65_536
LAST = "observations"
MOMENT = f"{DAY}T00:00:00Z"  # how the exporter writes what is no day
# https://github.com/synthetichealth/synthea/wiki/CSV-File-Data-Dictionary
COLUMNS = {
    "patients": "Id BIRTHDATE DEATHDATE SSN DRIVERS PASSPORT PREFIX FIRST MIDDLE LAST SUFFIX MAIDEN MARITAL RACE "
    "ETHNICITY GENDER BIRTHPLACE ADDRESS CITY STATE COUNTY FIPS ZIP LAT LON HEALTHCARE_EXPENSES HEALTHCARE_COVERAGE "
    "INCOME",
    "encounters": "Id START STOP PATIENT ORGANIZATION PROVIDER PAYER ENCOUNTERCLASS CODE DESCRIPTION "
    "BASE_ENCOUNTER_COST TOTAL_CLAIM_COST PAYER_COVERAGE REASONCODE REASONDESCRIPTION",
    "conditions": "START STOP PATIENT ENCOUNTER SYSTEM CODE DESCRIPTION",
    "medications": "START STOP PATIENT PAYER ENCOUNTER CODE DESCRIPTION BASE_COST PAYER_COVERAGE DISPENSES TOTALCOST "
    "REASONCODE REASONDESCRIPTION",
    "procedures": "START STOP PATIENT ENCOUNTER SYSTEM CODE DESCRIPTION BASE_COST REASONCODE REASONDESCRIPTION",
    "immunizations": "DATE PATIENT ENCOUNTER CODE DESCRIPTION BASE_COST",
    "allergies": "START STOP PATIENT ENCOUNTER CODE SYSTEM DESCRIPTION TYPE CATEGORY REACTION1 DESCRIPTION1 SEVERITY1 "
    "REACTION2 DESCRIPTION2 SEVERITY2",
    "careplans": "Id START STOP PATIENT ENCOUNTER CODE DESCRIPTION REASONCODE REASONDESCRIPTION",
    "devices": "START STOP PATIENT ENCOUNTER CODE DESCRIPTION UDI",
    "observations": "DATE PATIENT ENCOUNTER CATEGORY CODE DESCRIPTION VALUE UNITS TYPE",
}
RECORDS = tuple(COLUMNS)[2:]
_DAYS = ("conditions", "allergies", "careplans")  # the others have moments
_SYSTEMS = {"SNOMED": "http://snomed.info/sct", "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm"}
_OF_ALLERGIES = {"SNOMED": "SNOMED-CT", "RXNORM": "RxNorm"}
_RACES = {"american_indian": "native", "pacific_islander": "hawaiian", "hispanic": "", "unknown": ""}
_PERSONS = """SELECT synthetic_id AS person_id, coalesce(born, '') AS born, coalesce(died, '') AS died,
  coalesce(race, '') AS race, coalesce(ethnicity, '') AS ethnicity, coalesce(sex, '') AS sex
FROM people LEFT JOIN (
  SELECT person_id AS synthetic_id, max(sex) AS sex, max(born) AS born, max(race) AS race,
    max(ethnicity) AS ethnicity, max(died) AS died
  FROM occurrence JOIN fact USING (code_index) GROUP BY person_id
) USING (synthetic_id) ORDER BY person_id DESC"""


def write_synthea(folder: Path, *, events: Path, shards: Sequence[Path], vocabulary: Vocabulary, scratch: Path) -> None:
    """Write `folder/<table>.csv` of Synthea's exporter from the shards of a code matrix; every table has its header.

    events: the landing with the tables of the codes; a code stands in that in which most of its events stood. A code
    that none of them had is an observation under its whole name. scratch: an existing folder to spill to.
    """
    folder.mkdir(parents=True)
    tables = tables_of(vocabulary.code, source_tables(events), allowed=RECORDS, otherwise={}, last=LAST)
    with engine(scratch) as connection, contextlib.ExitStack() as stack:
        _load(connection, vocabulary, tables)
        files = {name: stack.enter_context(_File(folder, name)) for name in COLUMNS}
        for _ in each_shard(connection, shards):
            for name, file in files.items():
                sources = {"patients": _PERSONS, "encounters": visits_sql()}
                file.add(connection, sources.get(name) or records_sql(name, file.rows))


class _File:
    """One CSV that shards are added to."""

    def __init__(self, folder: Path, name: str) -> None:
        self.columns, self.filled = COLUMNS[name].split(), _filled(name)
        self.rows = 0
        self._stream = (folder / f"{name}.csv").open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(self.columns)

    def __enter__(self) -> "_File":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def add(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Write the rows of a query, which has the columns that `filled` names."""
        wanted = ", ".join(f"{self.filled.get(name, 'NULL')} AS {name}" for name in self.columns)
        found = connection.execute(f"SELECT {wanted} FROM ({sql})")
        while rows := found.fetchmany(ROWS):
            self._writer.writerows(rows)
            self.rows += len(rows)


def _filled(table: str) -> Mapping[str, str]:
    """Column -> SQL; the other columns are empty."""
    if table == "patients":
        plain = {"Id": "person_id", "BIRTHDATE": "born", "DEATHDATE": "died"}
        return plain | {name.upper(): name for name in ("race", "ethnicity")} | {"GENDER": "sex"}
    if table == "encounters":
        return {"Id": "visit_id", "START": f"'{MOMENT}'", "STOP": f"'{MOMENT}'", "PATIENT": "person_id"}
    when = DAY if table in _DAYS else MOMENT
    return {
        "Id": "record_id",
        "START": f"'{when}'",
        "DATE": f"'{when}'",
        "PATIENT": "person_id",
        "ENCOUNTER": "visit_id",
        "SYSTEM": "code_system",
        "CODE": "code",
        "DESCRIPTION": "description",
    }


def _load(connection: duckdb.DuckDBPyConnection, vocabulary: Vocabulary, tables: Mapping[str, str]) -> None:
    """Leave the tables `route` (of codes that are records) and `fact` (of those that say something of a person)."""
    columns = {
        "route": ("source_table", "code", "code_system", "description"),
        "fact": ("sex", "born", "race", "ethnicity", "died"),
    }
    rows: dict[str, list[list[object]]] = {"route": [], "fact": []}
    for j, code in enumerate(vocabulary.code):
        if code in tables:
            rows["route"].append([j, tables[code], *_coded(code, tables[code]), vocabulary.description[j]])
        else:
            rows["fact"].append([j, *_fact(code)])
    for name, names in columns.items():
        connection.execute(f"CREATE TABLE {name} (code_index BIGINT, {', '.join(f'{n} VARCHAR' for n in names)})")
        if rows[name]:
            places = ", ".join("?" * (1 + len(names)))
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", rows[name])


def _coded(code: str, table: str) -> tuple[str, str]:
    """CODE and SYSTEM of a code in a table."""
    if table == "allergies" and system(code) == "ALLERGY":
        kind, _, value = code.partition("/")[2].partition("/")
        return value, _OF_ALLERGIES.get(kind, kind)
    kind, _, value = code.partition("/")
    own = {"observations": ("LOINC", "SYNTHEA"), "medications": ("RXNORM",), "immunizations": ("CVX",)}
    plain = kind in own.get(table, tuple(_SYSTEMS))
    return (value if plain else code), _SYSTEMS.get(kind, kind)


def _fact(code: str) -> tuple[str | None, ...]:
    """sex, born, race, ethnicity, died: as the exporter writes them, None where the code does not say."""
    value, kind = code.partition("/")[2], system(code)
    year = year_of_birth(value) if kind == "AGE" else None
    ethnicity = {"RACE/hispanic": "hispanic", "RACE/unknown": None}.get(code, "nonhispanic")
    return (
        {"male": "M", "female": "F"}.get(value) if kind == "SEX" else None,
        None if year is None else f"{year}-{BORN}",
        _RACES.get(value, value) if kind == "RACE" else None,
        ethnicity if kind == "RACE" else None,
        END if code == DIED else None,
    )
