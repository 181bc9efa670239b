import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.errors import BadData
from synthehr.release.parquet import EVENTS_SCHEMA, copy_matrix
from synthehr.release.stamp import content_hash


def test_every_parquet_file_says_synthetic(public: Path) -> None:
    files = sorted(public.rglob("*.parquet"))
    assert len(files) == 2 + 2 + 1 + 1
    for file in files:
        found = {key.decode(): value.decode() for key, value in pq.read_metadata(file).metadata.items()}
        assert found["synthetic"] == "true"
        assert found["synthehr_version"]
        assert found["synthetic_sha256"] == content_hash(public.parent.parent / "synthetic")


def test_the_matrix_is_copied_whole(public: Path) -> None:
    for shard in sorted((public.parent.parent / "synthetic" / "data").glob("*.parquet")):
        copied = pq.read_table(public / "data" / shard.name)
        assert copied.equals(pq.read_table(shard))


def test_events_are_meds(public: Path) -> None:
    tables = [pq.read_table(file) for file in sorted((public / "events" / "data").glob("*.parquet"))]
    assert all(table.schema.equals(EVENTS_SCHEMA, check_metadata=False) for table in tables)
    events = pa.concat_tables(tables).to_pylist()
    assert [(e["subject_id"], e["code"], e["numeric_value"]) for e in events[:4]] == [
        (-1, "ICD9CM/250", 1.0),
        (-1, "DRUG/insulin", 2.0),
        (-1, "SEX/female", 1.0),
        (-1, "AGE/70-80", 1.0),
    ]
    assert all(event["time"] is None for event in events)
    # nine (patient, code) pairs, and a sex and an age for each of six patients
    assert len(events) == 9 + 12
    assert [event["subject_id"] for event in events] == sorted((e["subject_id"] for e in events), reverse=True)


def test_events_metadata(public: Path) -> None:
    codes = pq.read_table(public / "events" / "metadata" / "codes.parquet")
    assert codes.schema.names == ["code", "description", "parent_codes"]
    facts = json.loads((public / "events" / "metadata" / "dataset.json").read_text(encoding="utf-8"))
    assert facts["dataset_name"] == "trial-cohort (synthetic)"
    assert "created_at" not in facts


def test_a_shard_of_another_schema_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"subject_id": [1], "diagnosis": ["x"]}), tmp_path / "real.parquet")
    with pytest.raises(BadData, match=r"real\.parquet: expected the columns .*, found \['subject_id', 'diagnosis'\]"):
        copy_matrix(tmp_path / "real.parquet", tmp_path / "copy.parquet", {"synthetic": "true"})
