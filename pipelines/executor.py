"""The same shards on one process or many: order and bytes do not depend on how they were run."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# what a spawned worker costs before its first shard: importing torch, scipy and pyarrow; 5 to 8 s a worker with two
# starting at once, measured on 2 cores. A wrong value costs time, never bytes.
POOL_START_SECONDS = 6.0


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_shards(function: Callable[[T], R], shards: Sequence[T], *, processes: int | None = None) -> Iterator[R]:
    """`function` of each shard, in order.

    processes: how many; None runs the first shard here, measures it, and starts a spawn pool only where that ends
    sooner. `function` and the shards must be picklable, and `function` must depend on its shard alone.

    Raises:
        ValueError: processes < 1. MemoryError: the system killed a worker.
    """
    if processes is not None and processes < 1:
        raise ValueError(f"The 'processes' parameter of map_shards must be at least 1. Got {processes} instead.")
    rest = list(shards)
    if processes is None and rest:
        start = time.monotonic()
        yield function(rest.pop(0))
        processes = worth(time.monotonic() - start, len(rest), cores())
    if processes == 1 or len(rest) < 2:
        yield from map(function, rest)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_leave_interrupts_to_the_parent) as pool:
        try:
            yield from pool.map(function, rest)
        except BrokenProcessPool:
            raise MemoryError(f"the system ended one of {processes} workers, as it does when memory runs out") from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def worth(seconds: float, shards: int, available: int) -> int:
    """How many processes end `shards` shards of `seconds` each soonest: 1, or as many as there are cores and shards."""
    many = min(available, shards)
    if many < 2:
        return 1
    rounds = -(-shards // many)
    return many if POOL_START_SECONDS + rounds * seconds < shards * seconds else 1


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
