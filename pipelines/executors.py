"""Where independent tasks run: a pool of processes here, Ray, or one of several jobs of an array; to the same bytes."""

import importlib
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from pipelines.executor import cores, map_shards
from synthehr.errors import BadRequest
from synthehr.executor import Executor, Unfinished

T = TypeVar("T")
R = TypeVar("R")

Kind = Literal["pool", "ray"]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How a stage's tasks run.

    kind: `pool`, processes on this machine, or `ray`. processes: how many; None decides by measuring the first task.
    address: of a Ray cluster, which must see the same paths; None starts one here. shard: (i, n), this job does the
    i-th of n shares, i from 1.
    """

    kind: Kind = "pool"
    processes: int | None = None
    address: str | None = None
    shard: tuple[int, int] | None = None

    @property
    def alone(self) -> bool:
        """Whether no other job works on the same landing."""
        return self.shard is None

    def executor(self) -> Executor:
        """What runs the tasks.

        Raises:
            BadRequest: Ray is asked for and not installed.
        """
        if self.shard is not None:
            return partial(share, *self.shard)
        if self.kind == "ray":
            return partial(on_ray, self.address, self.processes)
        return partial(map_shards, processes=self.processes)


def parse_shard(text: str) -> tuple[int, int]:
    """`3/16` as (3, 16).

    Raises:
        BadRequest: it does not read so, or the first number is not in 1..n.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise BadRequest(f"--shard reads I/N, the I-th of N jobs, I from 1 to N. Got {text!r} instead.")
    return int(found[1]), int(found[2])


def share(i: int, n: int, function: Callable[[T], R], tasks: Sequence[T], /) -> Iterator[R]:
    """Run the i-th of n shares of the tasks; which share a task is in depends on where it writes alone.

    Raises:
        Unfinished: there are tasks of other shares.
    """
    mine = [task for task in tasks if zlib.crc32(_name(task).encode()) % n == i - 1]
    yield from map(function, mine)
    if left := len(tasks) - len(mine):
        raise Unfinished(
            f"Job {i} of {n} has done its share; {left} tasks are of other jobs. When all have ended, run them "
            "again, or run the same command without --shard, which does what is left."
        )


def _name(task: Any) -> str:
    return Path(task.out).name


def on_ray(
    address: str | None, processes: int | None, function: Callable[[T], R], tasks: Sequence[T], /
) -> Iterator[R]:
    """Run the tasks on Ray, one core each.

    Raises:
        BadRequest: Ray is not installed. MemoryError: a worker was killed. What a task raised comes through.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing calls home
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise BadRequest("--executor ray needs an extra: pip install 'synthehr[ray]'.") from None
    own = not ray.is_initialized()
    if own:
        here = {"num_cpus": processes or cores(), "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **({"address": address} if address else here))
    try:
        remote = ray.remote(num_cpus=1, max_retries=2)(function)
        for future in [remote.remote(task) for task in tasks]:
            yield ray.get(future)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError):
        raise MemoryError("Ray lost a worker, as it does when memory runs out") from None
    finally:
        if own:
            ray.shutdown()
