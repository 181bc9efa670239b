from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.events.engine import engine
from synthehr.events.schema import EVENTS
from synthehr.events.write import Written, added, write_events


def made(rows: list[tuple[int, str]]) -> pa.Table:
    columns = {field.name: pa.nulls(len(rows), field.type) for field in EVENTS}
    columns |= {"subject_id": pa.array([r[0] for r in rows]), "code": pa.array([r[1] for r in rows])}
    return pa.table(columns)


def test_repeated_events_are_written_once_in_order(tmp_path: Path) -> None:
    rows = [(subject, f"A/{k}") for k in range(4) for subject in (9, 1, 5)]
    with engine(tmp_path / "work") as connection:
        connection.register("_events", made(rows * 2))
        written = write_events(connection, tmp_path / "00000.parquet")
    table = pq.read_table(tmp_path / "00000.parquet")
    assert table.schema.equals(EVENTS)
    found = zip(table.column("subject_id").to_pylist(), table.column("code").to_pylist(), strict=True)
    assert list(found) == sorted(rows)
    assert (written.events, written.events_repeated, written.patients) == (12, 12, 3)


def test_an_empty_partition_is_no_file(tmp_path: Path) -> None:
    with engine(tmp_path / "work") as connection:
        connection.register("_events", made([]))
        assert write_events(connection, tmp_path / "x.parquet").events == 0
    assert not (tmp_path / "x.parquet").exists()


def test_the_counts_of_partitions_add_up_and_days_span_them() -> None:
    parts = [
        Written(
            patients=k,
            patients_without_codes=1,
            events=10 * k,
            events_repeated=k,
            events_without_time=0,
            first_day=first,
            last_day=last,
        )
        for k, first, last in ((1, "2020-01-05", "2020-02-01"), (2, None, None), (3, "2019-12-31", "2020-01-01"))
    ]
    whole = added(parts)
    assert (whole.patients, whole.events, whole.events_repeated, whole.patients_without_codes) == (6, 60, 6, 3)
    assert (whole.first_day, whole.last_day) == ("2019-12-31", "2020-02-01")
