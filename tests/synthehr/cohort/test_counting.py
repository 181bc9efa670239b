"""One file, counted; the expected values are written out by hand."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthehr.cohort.counting import Counted, CountTask, count_file, write_columns

Event = tuple[int, str | None, str, int | None]
Events = Callable[..., Path]

ROWS: list[Event] = [
    (5, "2020-01-01", "A/x", 1),
    (5, "2020-01-01", "B/y", 1),
    (5, "2020-01-02", "A/x", 1),
    (5, "2020-01-03", "A/x", 2),
    (5, "2020-01-04", "A/x", None),
    (5, "2020-01-05", "SEX/f", 2),
    (5, "2020-01-06", "SEX/m", 2),
    (9, "2020-01-01", "C/left_out", 3),
]
COLUMNS = [
    ("A/x", 1, None, None, False),
    ("B/y", 0, None, None, False),
    ("C/left_out", None, None, None, False),
    ("SEX/f", None, 0, 0, False),
    ("SEX/m", None, 0, 1, False),
]


@pytest.fixture
def task(events: Events, tmp_path: Path) -> CountTask:
    write_columns(tmp_path / "columns.parquet", COLUMNS)
    return CountTask(
        events=str(events(ROWS) / "data" / "00000.parquet"),
        columns=str(tmp_path / "columns.parquet"),
        out=str(tmp_path / "out.parquet"),
        groups=1,
        by_encounter=False,
        by_events=False,
        first_days=None,
        last_days=None,
    )


def test_rows_are_patients_and_counts_are_encounters(task: CountTask, tmp_path: Path) -> None:
    assert count_file(task) == Counted(outside_window=0, without_time=0, without_visit=0)
    assert pq.read_table(task.out).to_pydict() == {
        "subject_id": [5, 9],
        "codes": [[0, 1], []],
        "counts": [[1, 3], []],
        "member_0": [0, -1],  # the earlier of two
        "differs_0": [True, False],
    }
    assert sorted(file.name for file in tmp_path.iterdir()) == ["columns.parquet", "events", "out.parquet"]


def test_rows_are_encounters(task: CountTask) -> None:
    assert count_file(replace(task, by_encounter=True, by_events=True)).without_visit == 1
    assert pq.read_table(task.out).to_pydict() == {
        "subject_id": [5, 5, 9],
        "visit_id": [1, 2, 3],
        "codes": [[0, 1], [1], []],
        "counts": [[1, 2], [1], []],
        "member_0": [-1, 0, -1],
        "differs_0": [False, True, False],
    }


def test_a_file_that_is_there_is_not_counted_again(task: CountTask) -> None:
    first = count_file(replace(task, last_days=1))
    assert first == Counted(outside_window=4, without_time=0, without_visit=0)
    Path(task.events).unlink()
    assert count_file(task) == first


def test_counts_end_at_65535(events: Events, task: CountTask) -> None:
    rows: list[Event] = [(5, "2020-01-01", "A/x", visit) for visit in range(65_540)]
    count_file(replace(task, events=str(events([*rows, (5, "2020-01-01", "B/y", 1)]) / "data" / "00000.parquet")))
    assert pq.read_table(task.out).column("counts").to_pylist() == [[1, 65_535]]


def test_a_file_without_an_event_of_a_column_is_no_error(events: Events, task: CountTask) -> None:
    count_file(replace(task, events=str(events([(1, None, "D/unknown_to_all", None)]) / "data" / "00000.parquet")))
    assert pq.read_table(task.out).to_pydict() == {
        "subject_id": [1],
        "codes": [[]],
        "counts": [[]],
        "member_0": [-1],
        "differs_0": [False],
    }


def test_a_worker_starts_light() -> None:
    script = (
        "import sys, synthehr.cohort.counting; print([m for m in ('torch', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
