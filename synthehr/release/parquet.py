"""The Parquet files of a bundle: the code matrix and its MEDS form, each stamped as synthetic in its own metadata."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.cohort.matrix import schema as matrix_schema
from synthehr.cohort.vocabulary import SCHEMA as VOCABULARY_SCHEMA
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.landing import write_text

ROWS = 65_536
MEDS_VERSION = "0.4.1"
EVENTS_SCHEMA = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us")),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
    ]
)
CODES_SCHEMA = pa.schema([("code", pa.string()), ("description", pa.string()), ("parent_codes", pa.list_(pa.string()))])


def copy_matrix(source: Path, target: Path, stamp: Mapping[str, str]) -> None:
    """Copy one shard of the code matrix, row group by row group, with `stamp` as its key-value metadata.

    Raises:
        BadData: the shard has another schema.
    """
    with pq.ParquetWriter(target, matrix_schema("synthetic_id", dict(stamp)), compression="zstd") as writer:
        for batch in _batches(source):
            writer.write_batch(batch.cast(writer.schema), row_group_size=ROWS)


def copy_vocabulary(source: Path, target: Path, stamp: Mapping[str, str]) -> None:
    """Copy `vocabulary.parquet` with `stamp` as its key-value metadata."""
    table = pq.read_table(source, schema=VOCABULARY_SCHEMA)
    pq.write_table(table.replace_schema_metadata(dict(stamp)), target)


def write_events(source: Path, target: Path, vocabulary: Vocabulary, stamp: Mapping[str, str]) -> None:
    """Write one shard as MEDS 0.4 events: `subject_id` is the synthetic id, `numeric_value` the count, `time` null.

    A code matrix has no times, so none is made up: each event is what MEDS calls static.
    """
    codes = pa.array(vocabulary.code, pa.string())
    with pq.ParquetWriter(target, EVENTS_SCHEMA.with_metadata(dict(stamp)), compression="zstd") as writer:
        for batch in _batches(source):
            lists, counts = batch.column("codes"), batch.column("counts")
            ids = np.repeat(np.asarray(batch.column("synthetic_id")), np.asarray(lists.value_lengths()))
            columns = [
                pa.array(ids, pa.int64()),
                pa.nulls(len(ids), pa.timestamp("us")),
                codes.take(lists.flatten()),
                counts.flatten().cast(pa.float32()),
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=writer.schema))


def write_events_metadata(folder: Path, vocabulary: Vocabulary, *, name: str, stamp: Mapping[str, str]) -> None:
    """Write `codes.parquet` and `dataset.json` as MEDS 0.4 has them into an existing `metadata` folder."""
    none = pa.nulls(len(vocabulary), CODES_SCHEMA.field("parent_codes").type)
    table = pa.table([list(vocabulary.code), list(vocabulary.description), none], schema=CODES_SCHEMA)
    pq.write_table(table.replace_schema_metadata(dict(stamp)), folder / "codes.parquet")
    facts = {
        "dataset_name": f"{name} (synthetic)",
        "dataset_version": stamp["synthetic_sha256"][:12],
        "etl_name": "synthehr",
        "etl_version": stamp["synthehr_version"],
        "meds_version": MEDS_VERSION,
    }
    write_text(folder / "dataset.json", json.dumps(facts, indent=1) + "\n")


def _batches(source: Path) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(source) as file:
        found, expected = file.schema_arrow, matrix_schema("synthetic_id")
        if not found.equals(expected, check_metadata=False):
            raise BadData(
                f"{source.name}: expected the columns {expected.names} of a synthetic shard, found {found.names}."
            )
        yield from file.iter_batches(batch_size=ROWS)
