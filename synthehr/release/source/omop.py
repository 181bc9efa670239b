"""A synthetic cohort as OMOP CDM 5.4: a Parquet file a table, for queries and tools that know the CDM.

What the cohort does not say is null, or the concept 0 where the CDM wants one; what the dates are worth says
`source.dates`. Ids are negative. Relationships are there and empty.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.engine import engine
from synthehr.release.source.cdm import DOMAINS, EMPTY, ERAS, PEOPLE, RECORDS, VERSION, VERSION_CONCEPT, schema
from synthehr.release.source.codes import load_codes
from synthehr.release.source.concepts import Concepts, concepts_of
from synthehr.release.source.dates import DAY, END, NOMINAL, START
from synthehr.release.source.occurrences import each_shard, eras_sql, records_sql, visits_sql
from synthehr.release.source.routes import source_tables, tables_of

ROWS = 65_536
LAST = "observation"  # where the CDM puts what fits nowhere else
_PERSONS = """SELECT synthetic_id AS person_id, coalesce(sex, 0) AS sex, born, coalesce(race, 0) AS race,
  coalesce(ethnicity, 0) AS ethnicity
FROM people LEFT JOIN (
  SELECT person_id AS synthetic_id, max(sex) AS sex, max(born) AS born, max(race) AS race, max(ethnicity) AS ethnicity
  FROM occurrence JOIN fact USING (code_index) GROUP BY person_id
) USING (synthetic_id) ORDER BY person_id DESC"""
_DEATHS = (
    """SELECT DISTINCT person_id FROM occurrence JOIN fact USING (code_index) WHERE died ORDER BY person_id DESC"""
)
_FILLED: Mapping[str, Mapping[str, str]] = {  # column -> SQL
    "person": {
        "person_id": "person_id",
        "gender_concept_id": "sex",
        "year_of_birth": "born",
        "race_concept_id": "race",
        "ethnicity_concept_id": "ethnicity",
    },
    "observation_period": {
        "observation_period_id": "person_id",
        "person_id": "person_id",
        "observation_period_start_date": f"DATE '{START}'",
        "observation_period_end_date": f"DATE '{END}'",
        "period_type_concept_id": "0",
    },
    "visit_occurrence": {
        "visit_occurrence_id": "visit_id",
        "person_id": "person_id",
        "visit_concept_id": "0",
        "visit_start_date": f"DATE '{DAY}'",
        "visit_end_date": f"DATE '{DAY}'",
        "visit_type_concept_id": "0",
    },
    "death": {"person_id": "person_id", "death_date": f"DATE '{END}'"},
}
_MAY_BE_NULL = {"born", "source_value"}


def write_omop(
    folder: Path,
    *,
    events: Path,
    shards: Sequence[Path],
    vocabulary: Vocabulary,
    stamp: Mapping[str, str],
    scratch: Path,
) -> None:
    """Write `folder/<table>.parquet` of CDM 5.4, stamped, from the shards of a code matrix.

    events: the landing with the concepts and tables of the codes. A code stands in the table of the source in which
    most of its events stood, else in that of its concept's domain. A code that is no concept (a rolled-up one, say) has
    the concept 0 and itself as its source value. scratch: an existing folder to spill to. Same inputs, same bytes.
    """
    folder.mkdir(parents=True)
    concepts = concepts_of(events, vocabulary.code)
    known = source_tables(events)
    domains = {code: DOMAINS.get(row["domain_id"], LAST) for code, row in concepts.known.items()}
    tables = tables_of(vocabulary.code, known, allowed=RECORDS, otherwise=domains, last=LAST)
    with engine(scratch) as connection, contextlib.ExitStack() as stack:
        load_codes(connection, vocabulary, tables, concepts)
        open_tables = {name: stack.enter_context(_Table(folder, name, stamp)) for name in (*PEOPLE, *RECORDS, *ERAS)}
        for _ in each_shard(connection, shards):
            for name, table in open_tables.items():
                table.add(connection, _rows(name, table.rows))
    _write_vocabulary(folder, concepts, stamp)
    _write(folder, "cdm_source", [_cdm_source(stamp)], stamp)
    for name in EMPTY:
        _write(folder, name, [], stamp)


def _rows(table: str, before: int) -> str:
    """SQL of the rows of a table in the shard, which has the columns that `_filled` names."""
    if table in RECORDS:
        return records_sql(table, before)
    if table in ERAS:
        return eras_sql(ERAS[table][0], before)
    return {"visit_occurrence": visits_sql(), "death": _DEATHS}.get(table, _PERSONS)


def _filled(table: str) -> Mapping[str, str]:
    """Column -> SQL; the other columns are null."""
    if table in _FILLED:
        return _FILLED[table]
    if table in ERAS:
        records, prefix = ERAS[table]
        return {
            f"{table}_id": "record_id",
            "person_id": "person_id",
            f"{prefix}_concept_id": "concept_id",
            f"{table}_start_date": f"DATE '{DAY}'",
            f"{table}_end_date": f"DATE '{DAY}'",
            f"{records}_count": "n",
            **({"gap_days": "0"} if table == "drug_era" else {}),
        }
    prefix, dates = RECORDS[table]
    return {
        f"{table}_id": "record_id",
        "person_id": "person_id",
        f"{prefix}_concept_id": "concept_id",
        **dict.fromkeys(dates, f"DATE '{DAY}'"),
        f"{prefix}_type_concept_id": "0",
        "visit_occurrence_id": "visit_id",
        f"{prefix}_source_value": "source_value",
    }


class _Table:
    """One file that shards are added to."""

    def __init__(self, folder: Path, name: str, stamp: Mapping[str, str]) -> None:
        self.filled = _filled(name)
        never_null = frozenset(column for column, sql in self.filled.items() if sql not in _MAY_BE_NULL)
        self.schema = schema(name, stamp, never_null)
        self.rows = 0
        self._writer = pq.ParquetWriter(folder / f"{name}.parquet", self.schema, compression="zstd")

    def __enter__(self) -> "_Table":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def add(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Write the rows of a query, which has the columns that `filled` names."""
        wanted = ", ".join(f"{sql} AS {name}" for name, sql in self.filled.items())
        for batch in _batches(connection, f"SELECT {wanted} FROM ({sql})"):
            given = {name: batch.column(name) for name in batch.schema.names}
            columns = [
                given[field.name].cast(field.type) if field.name in given else pa.nulls(len(batch), field.type)
                for field in self.schema
            ]
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self.schema), row_group_size=ROWS)
            self.rows += len(batch)


def _batches(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[pa.RecordBatch]:
    relation = connection.sql(sql)
    reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader  # DuckDB 2, DuckDB 1
    yield from reader(ROWS)


def _write_vocabulary(folder: Path, concepts: Concepts, stamp: Mapping[str, str]) -> None:
    _write(folder, "concept", concepts.rows, stamp)
    _write(folder, "concept_ancestor", concepts.ancestors, stamp)
    for table in ("vocabulary", "domain", "concept_class"):
        rows = [
            {f"{table}_id": name, f"{table}_name": name, f"{table}_concept_id": 0}
            for name in concepts.distinct(f"{table}_id")
        ]
        _write(folder, table, rows, stamp)


def _cdm_source(stamp: Mapping[str, str]) -> dict[str, Any]:
    return {
        "cdm_source_name": "Synthetic patients",
        "cdm_source_abbreviation": "SYNTHETIC",
        "cdm_holder": "not stated",
        "source_description": f"Synthetic data: no row is a real patient. {NOMINAL}",
        "cdm_etl_reference": f"synthehr {stamp.get('synthehr_version', '')}".strip(),
        "source_release_date": START,
        "cdm_release_date": START,
        "cdm_version": VERSION,
        "cdm_version_concept_id": VERSION_CONCEPT,
        "vocabulary_version": "of the source",
    }


def _write(folder: Path, table: str, rows: Iterable[Mapping[str, Any]], stamp: Mapping[str, str]) -> None:
    given = list(rows)
    shape = schema(table, stamp)
    columns = [_column([row.get(field.name) for row in given], field.type) for field in shape]
    pq.write_table(pa.Table.from_arrays(columns, schema=shape), folder / f"{table}.parquet", compression="zstd")


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    """An array of these values; a date may be written as text."""
    texts = pa.types.is_date(kind) and any(isinstance(value, str) for value in values)
    return pa.array(values, pa.string()).cast(kind) if texts else pa.array(values, kind)
