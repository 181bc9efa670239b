from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.events import write
from synthehr.events.engine import engine
from synthehr.events.schema import EVENTS


def made(rows: list[tuple[int, str]]) -> pa.Table:
    columns = {field.name: pa.nulls(len(rows), field.type) for field in EVENTS}
    columns |= {"subject_id": pa.array([r[0] for r in rows]), "code": pa.array([r[1] for r in rows])}
    return pa.table(columns)


def test_no_patient_straddles_two_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "SHARD_EVENTS", 10)
    rows = [(subject, f"A/{k}") for k in range(4) for subject in (9, 1, 5, 3, 7, 2, 8)]  # 28 events of 7 patients
    with engine(tmp_path / "work") as connection:
        connection.register("made", made(rows * 2))
        connection.execute("CREATE TABLE descriptions (code VARCHAR, description VARCHAR)")
        written = write.write_events(connection, tmp_path, dataset="x")
    shards = [pq.read_table(file).column("subject_id").to_pylist() for file in sorted((tmp_path / "data").iterdir())]
    assert len(shards) > 1
    assert [s for shard in shards for s in shard] == [s for s in (1, 2, 3, 5, 7, 8, 9) for _ in range(4)]
    assert sum(len(set(shard)) for shard in shards) == 7
    assert (written.events, written.events_repeated, written.patients, written.codes) == (28, 28, 7, 4)
