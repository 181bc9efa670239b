from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.events.schema import EVENTS
from synthehr.landing import land

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
Event = tuple[int, str | None, str, int | None]


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., Path]:
    """An events landing of (subject, day or None, code, visit or None), each subject in one of `files`."""

    def write(rows: Sequence[Event], *, files: int = 1, words: Mapping[str, str] | None = None) -> Path:
        name = "events" if files == 1 else f"events_{files}"
        with land(tmp_path / name, kind="events", config={"files": files}, made_from={}) as folder:
            (folder / "data").mkdir()
            (folder / "metadata").mkdir()
            for k in range(files):
                here = sorted({row for row in rows if row[0] % files == k}, key=lambda row: (row[0], row[1] or ""))
                pq.write_table(_table(here), folder / "data" / f"{k:05d}.parquet")
            described = dict.fromkeys((code for _, _, code, _ in rows), None) | dict(words or {})
            table = {"code": pa.array(list(described)), "description": pa.array(list(described.values()), pa.string())}
            pq.write_table(pa.table(table), folder / "metadata" / "codes.parquet")
        return tmp_path / name

    return write


def _table(rows: Sequence[Event]) -> pa.Table:
    times = [None if day is None else datetime.fromisoformat(day) for _, day, _, _ in rows]
    nothing = [None] * len(rows)
    columns = [[row[0] for row in rows], times, [row[2] for row in rows], nothing, nothing, [row[3] for row in rows]]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, EVENTS, strict=True)]
    return pa.Table.from_arrays(arrays, schema=EVENTS)


@pytest.fixture
def shared() -> Path:
    """The folder of genuine extracts, which only this house has."""
    if not SHARED.is_dir():
        pytest.skip(f"no extracts at {SHARED}")
    return SHARED
