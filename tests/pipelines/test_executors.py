"""However its tasks run, an ingest writes the same bytes; and what was done before a worker died is not done again."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.executor import map_shards
from pipelines.executors import Execution, parse_shard, share
from pipelines.ingest import ingest
from pipelines.recipe import Recipe
from synthehr.errors import BadRequest
from synthehr.events import partition
from synthehr.events.ingest import ingest_events
from synthehr.events.making import MakeEvents, make_events
from synthehr.executor import Unfinished
from synthehr.landing import read_manifest


@pytest.fixture
def extract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three files of a long table, and partitions so small that there are several."""
    monkeypatch.setattr(partition, "PARTITION_BYTES", 8_000)
    folder = tmp_path / "extract"
    folder.mkdir()
    for k in range(3):
        rows = [f"{who},2020-01-{k + 1:02d},ICD9CM/{who % 40 + 1:03d},{k}" for who in range(100 * k, 100 * k + 300)]
        (folder / f"part-{k}.csv").write_text("subject_id,time,code,visit_id\n" + "\n".join(rows) + "\n")
    return folder


def files(out: Path) -> dict[str, str]:
    return {f"{name}/{k}": v for name in ("events", "cohort") for k, v in read_manifest(out / name).files.items()}


def test_a_pool_and_an_array_of_jobs_write_the_same_bytes(extract: Path, tmp_path: Path) -> None:
    asked = Recipe(name="ingest")
    ingest(extract, tmp_path / "one", asked, execution=Execution(processes=1))
    ingest(extract, tmp_path / "two", asked, execution=Execution(processes=2))
    for _ in range(2):  # files, then partitions
        for i in (1, 2, 3):
            with pytest.raises(Unfinished):
                ingest(extract, tmp_path / "array", asked, execution=Execution(shard=(i, 3)))
    with pytest.raises(Unfinished, match="without --shard"):
        ingest(extract, tmp_path / "array", asked, execution=Execution(shard=(1, 3)))
    ingest(extract, tmp_path / "array", asked, execution=Execution(processes=1))
    whole = files(tmp_path / "one")
    assert sum(name.startswith("events/data/") for name in whole) > 1
    assert whole == files(tmp_path / "two") == files(tmp_path / "array")


def test_ray_writes_the_same_bytes(extract: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is absent: pip install 'synthehr[ray]'")
    asked = Recipe(name="ingest")
    ingest(extract, tmp_path / "one", asked, execution=Execution(processes=1))
    ingest(extract, tmp_path / "ray", asked, execution=Execution(kind="ray", processes=2))
    assert files(tmp_path / "one") == files(tmp_path / "ray")


def test_another_seed_would_write_other_bytes(extract: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        cohort = Recipe(name="x").cohort
        ingest(extract, tmp_path / str(seed), Recipe(name="x", seed=seed, cohort=type(cohort)(seed=seed)))
    assert files(tmp_path / "0") != files(tmp_path / "1")


def dying(marker: Path, function: Callable[[Any], None], task: Any) -> None:
    """Die as a worker dies that the system kills, once, after another partition is done."""
    if isinstance(task, MakeEvents) and task.partition == 1 and not marker.exists():
        while not (task.out.parent / "00000" / "done.json").exists():
            time.sleep(0.01)
        marker.touch()
        os._exit(9)
    function(task)


def test_after_a_worker_was_killed_only_what_it_left_is_done(extract: Path, tmp_path: Path) -> None:
    marker, ran = tmp_path / "died", list[str]()

    def pool(function: Callable[[Any], None], tasks: Sequence[Any], /) -> Iterator[None]:
        ran.extend(f"{function.__name__} {task.out.name}" for task in tasks)
        processes = 2 if function is make_events and len(tasks) > 1 else 1
        yield from map_shards(partial(dying, marker, function), tasks, processes=processes)

    with pytest.raises(MemoryError):
        ingest_events(extract, tmp_path / "events", executor=pool)
    assert marker.exists()
    assert not (tmp_path / "events").exists()
    before, ran[:] = list(ran), []
    ingest_events(extract, tmp_path / "events", executor=pool)
    assert not [name for name in ran if name.startswith("partition_file")]
    assert len(ran) < len([name for name in before if name.startswith("make_events")])
    ingest_events(extract, tmp_path / "whole")
    assert read_manifest(tmp_path / "events").files == read_manifest(tmp_path / "whole").files


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/2"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="--shard reads I/N"):
        parse_shard(text)


def test_every_task_is_of_one_share(tmp_path: Path) -> None:
    tasks = [type("Task", (), {"out": tmp_path / f"{k:05d}"})() for k in range(50)]
    done: list[Any] = []
    for i in range(1, 8):
        with pytest.raises(Unfinished):
            list(share(i, 7, done.append, tasks))
    assert sorted(task.out.name for task in done) == [task.out.name for task in tasks]
    assert parse_shard("7/7") == (7, 7)
