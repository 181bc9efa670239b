"""One command and its descendants: wall and processor seconds, and the peak of their memory together."""

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

EVERY = 0.05  # seconds between two samples


@dataclass(frozen=True)
class Measured:
    """wall_s, cpu_s: of all processes; rss_gib: sum of their resident memory at its peak, pages that they share counted
    in each; pss_gib: the same with shared pages divided among those that share them.
    """

    wall_s: float
    cpu_s: float
    rss_gib: float
    pss_gib: float


def measured(command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command to its end; raises SystemExit where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(environment))
    tree = psutil.Process(process.pid)
    processor: dict[int, float] = {}
    rss, pss = 0, 0
    while True:
        found, status, usage = os.wait4(process.pid, os.WNOHANG)
        if found:
            break
        here = _sample(tree, processor)
        rss, pss = max(rss, here[0]), max(pss, here[1])
        time.sleep(EVERY)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    # of children that were waited for the system knows best; a JVM that was left is in the samples alone
    cpu = max(usage.ru_utime + usage.ru_stime, sum(processor.values()))
    return Measured(wall, cpu, rss / 2**30, pss / 2**30)


def _sample(tree: psutil.Process, processor: dict[int, float]) -> tuple[int, int]:
    rss, pss = 0, 0
    with contextlib.suppress(psutil.Error):
        for one in [tree, *tree.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                memory = one.memory_full_info()
                rss, pss = rss + memory.rss, pss + memory.pss
                times = one.cpu_times()
                processor[one.pid] = times.user + times.system
    return rss, pss
