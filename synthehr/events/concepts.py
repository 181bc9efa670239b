"""What the way back to the source's own schema needs of each code: its table in the source, and its concept.

Facts of the source's vocabulary and layout, none of a patient's; kept beside `ancestors.parquet` (`events.hierarchy`).
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.events.engine import engine, literal
from synthehr.events.hierarchy import ANCESTORS
from synthehr.events.mapping import Mapping
from synthehr.events.sql.compile import made_events

CONCEPTS = "concepts.parquet"
SOURCE_TABLES = "source_tables.parquet"
EVENT_COUNTS = "event_counts.parquet"
# of the CDM's CONCEPT, in its order
COLUMNS = (
    *("concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_class_id", "standard_concept"),
    *("concept_code", "valid_start_date", "valid_end_date", "invalid_reason"),
)


def settle_concepts(connection: duckdb.DuckDBPyConnection, mapping: Mapping, present: Sequence[str], out: Path) -> None:
    """Write what the mapping's SQL says of all concepts, over views of its tables, if the source has them."""
    if mapping.concept and set(mapping.concept.tables) <= set(present):
        connection.execute(f"COPY ({mapping.concept.sql}) TO {literal(str(out / CONCEPTS))}")


def write_concepts(settled: Path, metadata: Path) -> None:
    """Write `metadata/concepts.parquet`: code and `COLUMNS` (int32, dates, else strings), one row a code.

    Of the codes in `codes.parquet` and their ancestors alone; of several concepts with one code the standard one, then
    the smallest id. Nothing where the source has no table of concepts.
    """
    if not (settled / CONCEPTS).is_file():
        return
    wanted = f"SELECT code FROM read_parquet({literal(str(metadata / 'codes.parquet'))})"
    if (metadata / ANCESTORS).is_file():
        wanted += f" UNION SELECT ancestor FROM read_parquet({literal(str(metadata / ANCESTORS))})"
    dates = ", ".join(f"{_date(name)} AS {name}" for name in COLUMNS if name.endswith("_date"))
    with engine(settled / ".work") as connection:
        connection.execute(
            f"""COPY (
              SELECT code, {", ".join(COLUMNS)} FROM (
                SELECT * REPLACE (TRY_CAST(concept_id AS INTEGER) AS concept_id, {dates})
                FROM read_parquet({literal(str(settled / CONCEPTS))})
              ) SEMI JOIN ({wanted}) USING (code) WHERE concept_id > 0
              QUALIFY row_number() OVER (
                PARTITION BY code ORDER BY standard_concept IS NOT DISTINCT FROM 'S' DESC, concept_id
              ) = 1 ORDER BY code
            ) TO {literal(str(metadata / CONCEPTS))}"""
        )


def _date(column: str) -> str:
    """SQL of a date that databases write as 2099-12-31 and OHDSI's Athena as 20991231; null where it is neither."""
    return f"coalesce(TRY_CAST({column}[:10] AS DATE), CAST(try_strptime({column}[:8], '%Y%m%d') AS DATE))"


def write_event_counts(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write how many events of a partition each of the mapping's events made of each code."""
    counted = (
        "SELECT code, event_, count(*) AS events FROM _made WHERE problem_ IS NULL AND code IS NOT NULL GROUP BY ALL"
    )
    connection.execute(f"COPY ({counted} ORDER BY ALL) TO {literal(str(out / EVENT_COUNTS))}")


def write_source_tables(mapping: Mapping, present: Sequence[str], made: Path, metadata: Path) -> None:
    """Write `metadata/source_tables.parquet`: code, source_table (strings), one row a code.

    The table is that of most events with the code, of as many the first by alphabet. made: the folder of all
    partitions. Nothing unless the mapping says that it `returns`.
    """
    if not mapping.returns:
        return
    tables = [event.table for event in made_events(mapping, present)]
    counted: dict[tuple[str, str], int] = {}
    for path in sorted(made.glob(f"*/{EVENT_COUNTS}")):
        for row in pq.read_table(path).to_pylist():
            key = (row["code"], tables[row["event_"]])
            counted[key] = counted.get(key, 0) + row["events"]
    best: dict[str, str] = {}
    for (code, table), _ in sorted(counted.items(), key=lambda item: (-item[1], item[0][1])):
        best.setdefault(code, table)
    columns = {"code": sorted(best), "source_table": [best[code] for code in sorted(best)]}
    pq.write_table(
        pa.table({name: pa.array(given, pa.string()) for name, given in columns.items()}), metadata / SOURCE_TABLES
    )
