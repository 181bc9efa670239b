"""The tools: what each needs, its virtual environment, and one run of its worker under a limit."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.environments import environment


@dataclass(frozen=True, order=True)
class Size:
    """How many patients (training, holdout and synthetic each) and how many codes."""

    rows: int
    codes: int

    def __str__(self) -> str:
        return f"{self.rows}x{self.codes}"


@dataclass(frozen=True, kw_only=True)
class Tool:
    """One outside tool.

    requirements: what pip resolved for it on the day, where a version matters. rows_power, codes_power: how its seconds
    grow, as far as that is needed to leave out sizes that would run for hours. leak_sizes: where planted leaks are put
    to it. Without requirements it runs in this very environment.
    """

    name: str
    requirements: tuple[str, ...]
    rows_power: float
    codes_power: float
    leak_sizes: tuple[Size, ...]

    def expected(self, seconds: float, done: Size, size: Size) -> float:
        """Seconds at `size`, by extrapolation from `seconds` at the size `done`."""
        growth = (size.rows / done.rows) ** self.rows_power * (size.codes / done.codes) ** self.codes_power
        return seconds * float(growth)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may take: wall-clock seconds from the start of the process, GiB of address space, threads."""

    seconds: float
    memory_gb: float
    threads: int


SMALL, MIDDLE = Size(500, 60), Size(2_000, 400)
TOOLS = (
    Tool(name="synthehr", requirements=(), rows_power=1, codes_power=0, leak_sizes=(SMALL, MIDDLE)),
    Tool(
        name="sdmetrics",
        requirements=("sdmetrics==0.32.0", "copulas==0.14.1", "numpy==2.4.6", "pandas==2.3.3", "scikit-learn==1.9.1"),
        rows_power=2,
        # it copies the table of all pairs once a code
        codes_power=2,
        leak_sizes=(SMALL,),
    ),
    Tool(
        name="syntheval",
        requirements=("syntheval==1.7.3", "numpy==2.4.6", "pandas==3.1.1", "scikit-learn==1.9.1", "scipy==1.17.1"),
        rows_power=2,
        codes_power=1,
        leak_sizes=(SMALL, MIDDLE),
    ),
    Tool(
        name="anonymeter",
        # it caps numpy below 1.27, for which no wheel exists above Python 3.12
        requirements=("anonymeter==1.1.0", "numpy==1.26.4", "pandas==3.0.6", "scikit-learn==1.9.1", "numba==0.68.1"),
        # a fixed number of attacks, each on all synthetic records
        rows_power=1,
        codes_power=1,
        leak_sizes=(SMALL, MIDDLE),
    ),
)


def run_worker(tool: Tool, python: Path, tables: Path, *, seed: int, limits: Limits) -> dict[str, Any]:
    """What the tool said of the tables; if it did not come to its end, `ended` says how, beside what it finished."""
    worker = Path(__file__).with_name(f"{tool.name}_worker.py")
    command = [str(python), str(worker), str(tables), "--seed", str(seed), "--memory-gb", str(limits.memory_gb)]
    start, ended = time.perf_counter(), ""
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=limits.seconds, env=environment(limits.threads), cwd=tables.parent
        )
        output = done.stdout
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            ended = f"exit status {done.returncode}: {' '.join(last)}"[:300]
    except subprocess.TimeoutExpired as stopped:
        output, ended = stopped.stdout or b"", f"stopped at the limit of {limits.seconds:g} s"
    lines = [line for line in output.decode(errors="replace").splitlines() if line.startswith("{")]
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {"finished": False, "parts": {}}
    failed = [f"{name}: {part['failed']}" for name, part in answer["parts"].items() if "failed" in part]
    if ended or failed:
        answer |= {"finished": False, "ended": "; ".join(filter(None, [ended, *failed]))}
    return answer | {"wall_seconds": time.perf_counter() - start}
