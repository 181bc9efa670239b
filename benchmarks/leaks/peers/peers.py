"""Three outside privacy tools and this house on planted leaks: seconds, rows, and what each says of each leak.

    python -m benchmarks.leaks.peers.peers --json benchmarks/results/peers.json [--venvs VENVS] [--seeds 0 1 2]

SDMetrics, SynthEval and Anonymeter run each in a virtual environment of its own, made by pip under VENVS (a temporary
folder by default) and used again if it lies there finished. A tool that crashes, refuses or runs out of time or memory
has that as its answer. Seconds are those of the tool alone, without imports; the limit is on the whole process.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.environments import interpreter
from benchmarks.leaks.peers.tools import TOOLS, Limits, Size, Tool, run_worker
from benchmarks.leaks.population import World, world_of

Release = NDArray[np.uint8]
Record = dict[str, Any]

SPEED_SIZES = ["500x60", "1000x200", "2000x400", "5000x920", "20000x920", "50000x920"]
# an expected time beyond the limit by this factor is believed; nearer to it the tool is tried
FAR = 3.0


class Run(Protocol):
    """One tool on one release: `run_worker` with all but these settled."""

    def __call__(self, tool: Tool, tables: Path, *, seed: int) -> Record:
        """What the tool said of the tables."""


def planted(world: World, n: int) -> dict[str, Release]:
    """Releases of `n` records, without a leak and with planted ones, always drawn in this order."""
    return {
        "no leak": world.no_leak(n),
        "independent marginals": world.independent(n),
        "1 % verbatim": world.verbatim(0.01, n),
        "10 % verbatim": world.verbatim(0.10, n),
        "30 % verbatim": world.verbatim(0.30, n),
        "copy, 30 % redrawn": world.redrawn(0.30, n),
        "training copy": world.copy(n),
    }


def world_at(size: Size, seed: int) -> World:
    """As many members as non-members; the two other groups are not needed here."""
    return world_of(seed, size.rows, size.rows, 2, codes=size.codes)


def written(folder: Path, world: World, release: Release) -> Path:
    """The tables that a worker reads."""
    path = folder / "tables.npz"
    np.savez(path, train=world.members, holdout=world.nonmembers, synthetic=release)
    return path


def leak_records(tools: list[Tool], seeds: list[int], run: Run, folder: Path) -> Iterator[Record]:
    """Every tool on every planted release of every seed, at the tool's sizes; tools of one size get the same tables."""
    for size in sorted({size for tool in tools for size in tool.leak_sizes}):
        for seed in seeds:
            world = world_at(size, seed)
            for name, release in planted(world, size.rows).items():
                tables = written(folder, world, release)
                for tool in tools:
                    if size in tool.leak_sizes:
                        told = run(tool, tables, seed=seed)
                        yield {"tool": tool.name, "size": str(size), "seed": seed, "release": name} | told


def speed_records(tool: Tool, sizes: list[Size], seed: int, limit: float, run: Run, folder: Path) -> Iterator[Record]:
    """The tool on a release without a leak, at growing sizes until one is not finished or is hopeless to try."""
    last: tuple[float, Size] | None = None
    for size in sizes:
        record = {"tool": tool.name, "size": str(size), "seed": seed}
        expected = tool.expected(*last, size) if last else 0.0
        if expected > FAR * limit:
            yield record | {"finished": False, "ended": "not tried", "expected_seconds": expected}
            return
        world = world_at(size, seed)
        told = run(tool, written(folder, world, world.no_leak(size.rows)), seed=seed)
        yield record | told
        if not told["finished"]:
            return
        last = told["seconds"], size


def largest_finished(records: list[Record]) -> dict[str, Record]:
    """By tool: the largest size that it finished, with seconds; then what came of the next."""
    found: dict[str, Record] = {}
    for record in records:
        tool = found.setdefault(record["tool"], {"size": None, "seconds": None})
        if record["finished"]:
            tool |= {"size": record["size"], "seconds": record["seconds"]}
        else:
            tool["next"] = {name: record[name] for name in ("size", "ended", "expected_seconds") if name in record}
    return found


def summary(records: list[Record]) -> list[Record]:
    """Mean, smallest and largest over the seeds of each figure of each tool on each release, and how many seeds."""
    rows = [
        {"tool": record["tool"], "size": record["size"], "part": part, "figure": figure, "release": record["release"]}
        | {"value": value}
        for record in records
        for part, told in record["parts"].items()
        for figure, value in told.get("figures", {}).items()
    ]
    if not rows:
        return []
    keys = ["tool", "size", "part", "figure", "release"]
    table = pd.DataFrame(rows).astype({"value": float}).groupby(keys, sort=False)["value"]
    kept = table.agg(mean="mean", low="min", high="max", seeds="count").reset_index()
    told: list[Record] = json.loads(kept.to_json(orient="records"))
    return told


def failures(records: list[Record]) -> list[Record]:
    """The runs that did not come to their end or in which a part failed, in words."""
    keys = ("tool", "size", "seed", "release", "ended")
    return [{key: record[key] for key in keys} for record in records if not record["finished"]]


def shown(rows: list[Record]) -> str:
    """The summary as a table, a column for each release."""
    if not rows:
        return "no figures"
    table = pd.DataFrame(rows)
    wide = table.pivot(index=["tool", "size", "part", "figure"], columns="release", values="mean")
    order = list(dict.fromkeys(table["release"]))
    return wide[order].to_string(float_format="{:.3f}".format)


def asked_for() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--venvs", type=Path, help="folder of the environments; a temporary one by default")
    parser.add_argument("--tools", nargs="+", choices=[tool.name for tool in TOOLS], default=[t.name for t in TOOLS])
    parser.add_argument("--only", choices=["leaks", "speed"], help="leave the other out")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2], help="the first is that of the speed sizes")
    parser.add_argument("--sizes", nargs="+", default=SPEED_SIZES, metavar="ROWSxCODES", help="the speed sizes")
    parser.add_argument("--leak-size", metavar="ROWSxCODES", help="planted leaks at this size only, for every tool")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds a tool and size")
    parser.add_argument("--memory-gb", type=float, default=16.0, help="address space a tool and size")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def size_of(text: str) -> Size:
    """`500x60` as a size."""
    rows, codes = text.split("x")
    return Size(int(rows), int(codes))


def measure(asked: argparse.Namespace, tools: list[Tool], folder: Path) -> Record:
    """All that was asked for, written to the JSON file after every run, so that nothing is lost if one is cut off."""
    pythons = {tool.name: interpreter(tool.name, (tool.requirements,), asked.venvs or folder) for tool in tools}
    limits = Limits(seconds=asked.limit, memory_gb=asked.memory_gb, threads=asked.threads)

    def run(tool: Tool, tables: Path, *, seed: int) -> Record:
        return run_worker(tool, pythons[tool.name], tables, seed=seed, limits=limits)

    sizes, seed = [size_of(text) for text in asked.sizes], asked.seeds[0]
    stages = {"speed": [partial(speed_records, tool, sizes, seed, asked.limit, run, folder) for tool in tools]}
    stages["leaks"] = [partial(leak_records, tools, asked.seeds, run, folder)]
    result: Record = {
        "limits": vars(limits),
        "seeds": asked.seeds,
        "machine": {"system": platform.system(), "machine": platform.machine(), "cpus": os.cpu_count()},
    }
    for stage, sources in stages.items():
        if asked.only in (None, stage):
            result[stage] = []
            for record in (record for source in sources for record in source()):
                result[stage].append(record)
                spoken = {name: value for name, value in record.items() if name not in ("parts", "versions")}
                print(stage, spoken, flush=True)
                asked.json.write_text(json.dumps(result, indent=1) + "\n")
    return result


def main() -> None:
    """Measure, summarise, write one JSON object, print the table."""
    asked = asked_for()
    tools = [tool for tool in TOOLS if tool.name in asked.tools]
    if asked.leak_size:
        tools = [replace(tool, leak_sizes=(size_of(asked.leak_size),)) for tool in tools]
    with tempfile.TemporaryDirectory() as folder:
        result = measure(asked, tools, Path(folder))
    result["largest_finished"] = largest_finished(result.get("speed", []))
    result["summary"] = summary(result.get("leaks", []))
    result["leak_failures"] = failures(result.get("leaks", []))
    asked.json.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({name: result[name] for name in ("largest_finished", "leak_failures")}, indent=1))
    print(shown(result["summary"]))


if __name__ == "__main__":
    main()
