from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from synthehr.events.ingest import ingest_events

Event = tuple[int, str | None, str, int | None]


@pytest.fixture
def events(tmp_path: Path) -> Callable[[Sequence[Event]], Path]:
    """An events landing of (subject, day or None, code, visit or None)."""

    def write(rows: Sequence[Event]) -> Path:
        lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
        (tmp_path / "long.csv").write_text("\n".join(["subject_id,time,code,visit_id", *lines]) + "\n")
        ingest_events(tmp_path / "long.csv", tmp_path / "events")
        return tmp_path / "events"

    return write
