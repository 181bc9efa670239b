import os

import pytest

from pipelines import executor
from pipelines.executor import POOL_START_SECONDS, map_shards, worth


def squared(x: int) -> tuple[int, int]:
    return x * x, os.getpid()


def end_at_two(x: int) -> int:
    if x == 2:
        os._exit(9)
    return x


def complain(x: int) -> int:
    raise ValueError(f"shard {x}")


def test_order_and_results_are_the_same_for_one_process_and_two() -> None:
    one = list(map_shards(squared, range(5), processes=1))
    two = list(map_shards(squared, range(5), processes=2))
    assert [value for value, _ in one] == [value for value, _ in two] == [0, 1, 4, 9, 16]
    assert {pid for _, pid in one} == {os.getpid()}
    assert os.getpid() not in {pid for _, pid in two}


def test_quick_shards_start_no_pool() -> None:
    assert {pid for _, pid in map_shards(squared, range(50))} == {os.getpid()}


def test_slow_shards_do_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "worth", lambda seconds, shards, available: 2)
    pids = [pid for _, pid in map_shards(squared, range(3))]
    assert pids[0] == os.getpid()
    assert os.getpid() not in pids[1:]


@pytest.mark.parametrize(
    ("seconds", "shards", "available", "expected"),
    [
        (0.5, 6, 2, 1),  # 3 s serial; a pool takes its start plus 1.5 s
        (60.0, 4, 2, 2),  # 240 s serial, 120 s and a start on two
        (60.0, 4, 1, 1),  # one core
        (60.0, 1, 8, 1),  # one shard
        (60.0, 3, 8, 3),  # no more processes than shards
        (POOL_START_SECONDS, 2, 2, 1),  # a tie starts nothing
    ],
)
def test_a_pool_is_started_where_it_ends_sooner(seconds: float, shards: int, available: int, expected: int) -> None:
    assert worth(seconds, shards, available) == expected


def test_an_error_of_a_shard_comes_through() -> None:
    with pytest.raises(ValueError, match="shard 0"):
        list(map_shards(complain, [0, 1, 2], processes=2))


def test_a_killed_worker_is_named_as_what_it_mostly_is() -> None:
    with pytest.raises(MemoryError, match="one of 2 workers"):
        list(map_shards(end_at_two, range(4), processes=2))


def test_no_shards_are_no_work() -> None:
    assert list(map_shards(squared, [])) == []


def test_less_than_one_process_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        list(map_shards(squared, [1], processes=0))


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= executor.cores() <= (os.cpu_count() or 1)
