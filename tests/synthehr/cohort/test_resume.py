"""Counting file by file: on any executor, in any order, and on from where it was interrupted."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from synthehr.cohort.build import build_cohort
from synthehr.cohort.counting import CountTask
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadData
from synthehr.executor import Unfinished
from synthehr.landing import partial_path, read_manifest

Event = tuple[int, str | None, str, int | None]
Events = Callable[..., Path]

ROWS: list[Event] = [
    (who, f"2020-01-{1 + (7 * who + k) % 28:02d}", code, 3 * who + k % 2)
    for who in range(120)
    for k, code in enumerate(
        ["SEX/male", "AGE/50-60", f"ICD9CM/{401 + who % 5}.{who % 3}", "DRUG/insulin", "DRUG/insulin"]
    )
]


def backwards(function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
    """The last task first."""
    done = [function(task) for task in reversed(tasks)]
    return reversed(done)


def two_processes(function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(function, tasks)


class Killed(BaseException):
    """As Ctrl-C, or the end of a worker."""


class Counting:
    """Runs tasks here; remembers which were not done before; may stop after a few."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.stop_after = stop_after
        self.made: list[str] = []

    def __call__(self, function: Callable[[Any], Any], tasks: Sequence[CountTask]) -> Iterator[Any]:
        for task in tasks:
            if len(self.made) == self.stop_after:
                raise Killed
            if not Path(task.out).is_file():
                self.made.append(Path(task.out).name)
            yield function(task)


def bytes_of(landing: Path) -> dict[str, str]:
    return dict(read_manifest(landing).files)


@pytest.mark.parametrize("unit", ["patient", "encounter"])
def test_the_same_bytes_on_any_executor_and_from_any_number_of_files(events: Events, tmp_path: Path, unit: Any) -> None:
    options = CohortOptions(unit=unit)
    one, four = events(ROWS), events(ROWS, files=4)
    build_cohort(one, tmp_path / "one", options=options)
    build_cohort(four, tmp_path / "four", options=options)
    build_cohort(four, tmp_path / "backwards", options=options, executor=backwards)
    build_cohort(four, tmp_path / "processes", options=options, executor=two_processes)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "four")
    assert bytes_of(tmp_path / "backwards") == bytes_of(tmp_path / "processes") == bytes_of(tmp_path / "four")
    build_cohort(one, tmp_path / "other", options=CohortOptions(unit=unit, seed=1))
    assert bytes_of(tmp_path / "other") != bytes_of(tmp_path / "one")  # the control


def test_what_was_counted_before_a_kill_is_not_counted_again(events: Events, tmp_path: Path) -> None:
    landing = events(ROWS, files=4)
    with pytest.raises(Killed):
        build_cohort(landing, tmp_path / "c", executor=Counting(stop_after=2))
    assert not (tmp_path / "c").exists()
    again = Counting()
    build_cohort(landing, tmp_path / "c", executor=again)
    assert again.made == ["00002.parquet", "00003.parquet"]
    build_cohort(landing, tmp_path / "straight")
    assert bytes_of(tmp_path / "c") == bytes_of(tmp_path / "straight")
    assert not partial_path(tmp_path / "c").exists()


@pytest.mark.parametrize("change", ["options", "events"])
def test_what_was_counted_for_another_request_is_never_used(events: Events, tmp_path: Path, change: str) -> None:
    landing = events(ROWS, files=4)
    with pytest.raises(Killed):
        build_cohort(landing, tmp_path / "c", executor=Counting(stop_after=2))
    options = CohortOptions(counts="events") if change == "options" else CohortOptions()
    if change == "events":
        landing = events([*ROWS, (0, "2020-01-01", "DRUG/new", 0)], files=4)
    again = Counting()
    build_cohort(landing, tmp_path / "c", options=options, executor=again)
    assert len(again.made) == 4
    build_cohort(landing, tmp_path / "straight", options=options)
    assert bytes_of(tmp_path / "c") == bytes_of(tmp_path / "straight")


def test_jobs_share_the_tasks_and_one_of_them_ends_it(events: Events, tmp_path: Path) -> None:
    landing = events(ROWS, files=4)

    def share(i: int) -> Any:
        def executor(function: Callable[[Any], Any], tasks: Sequence[CountTask]) -> Iterator[Any]:
            mine = [task for task in tasks if int(Path(task.out).stem) % 2 == i]
            yield from map(function, mine)
            if len(mine) < len(tasks):
                raise Unfinished("the other half is left")

        return executor

    with pytest.raises(Unfinished, match="other half"):
        build_cohort(landing, tmp_path / "c", executor=share(0), alone=False)
    with pytest.raises(Unfinished, match="without --shard"):
        build_cohort(landing, tmp_path / "c", executor=share(1), alone=False)
    assert not (tmp_path / "c").exists()
    last = Counting()
    build_cohort(landing, tmp_path / "c", executor=last)
    assert last.made == []
    build_cohort(landing, tmp_path / "straight")
    assert bytes_of(tmp_path / "c") == bytes_of(tmp_path / "straight")


def test_a_half_written_file_is_made_again(events: Events, tmp_path: Path) -> None:
    landing = events(ROWS, files=4)
    with pytest.raises(Killed):
        build_cohort(landing, tmp_path / "c", executor=Counting(stop_after=2))
    (work,) = (partial_path(tmp_path / "c") / ".work").iterdir()
    (work / "00002.tmp").write_bytes(b"PAR1 and no more")
    build_cohort(landing, tmp_path / "c")
    build_cohort(landing, tmp_path / "straight")
    assert bytes_of(tmp_path / "c") == bytes_of(tmp_path / "straight")


def test_a_refusal_leaves_nothing_behind(events: Events, tmp_path: Path) -> None:
    with pytest.raises(BadData, match="none fell into"):
        build_cohort(events(ROWS[:5], files=2), tmp_path / "c")
    assert [file.name for file in tmp_path.iterdir()] == ["events_2"]


def test_a_patient_in_two_files_is_refused(events: Events, tmp_path: Path) -> None:
    landing = events(ROWS, files=2)
    (landing / "data" / "00002.parquet").write_bytes((landing / "data" / "00000.parquet").read_bytes())
    with pytest.raises(BadData, match=r"^60 patients have events in more than one file"):
        build_cohort(landing, tmp_path / "c")


def test_a_file_that_is_not_sorted_is_counted_alike(events: Events, tmp_path: Path) -> None:
    landing = events(ROWS)
    build_cohort(landing, tmp_path / "sorted")
    table = pq.read_table(landing / "data" / "00000.parquet")
    pq.write_table(table.take(list(range(len(table) - 1, -1, -1))), landing / "data" / "00000.parquet")
    build_cohort(landing, tmp_path / "turned")
    assert bytes_of(tmp_path / "sorted") == bytes_of(tmp_path / "turned")
