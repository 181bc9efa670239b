"""Synthesizers under one privacy budget: ours, and AIM, MST and PrivBayes of others, on the same patients and columns.

    python -m benchmarks.private_peers COHORT OUT.json --work WORK [--columns 16 32 64] [--epsilon 3] [--delta 1e-6]

COHORT has a public vocabulary. Others cannot take all its columns, so all are given the k codes that are commonest
among *holdout* patients (the choice takes nothing of the training patients) and sex, age and race as categories; the
domain is told to every tool, read by none. Each runs in an environment of its own, one process and one thread, up to a
limit of CPU time, wall-clock time and memory, and draws as many patients as it was given. What ends at a limit or by an
error is a row that says so, and is not started again with more columns. OUT.json is written anew after every run; rows
of other calls with the same settings are kept.
"""

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

from scipy import sparse

from benchmarks.peers.tools import Limits
from benchmarks.private_peers.columns import narrowed
from benchmarks.private_peers.judge import Judge
from benchmarks.private_peers.table import shown
from benchmarks.private_peers.tools import TOOLS, Setting, Tool, run
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.landing import versions, write_text

Record = dict[str, Any]


def asked_for() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder of what is drawn")
    parser.add_argument("--environments", type=Path, help="folder of virtual environments; WORK/environments if absent")
    parser.add_argument("--columns", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--epsilon", type=float, default=3.0)
    parser.add_argument("--delta", type=float, default=1e-6)
    names = [tool.name for tool in TOOLS]
    parser.add_argument("--tools", nargs="+", choices=names, default=names)
    parser.add_argument("--cpu-seconds", type=float, default=900.0, help="where a tool stops, by its own CPU time")
    parser.add_argument("--wall-seconds", type=float, default=3_600.0, help="where a process is stopped")
    parser.add_argument("--memory-gb", type=float, default=8.0, help="resident memory where a process is stopped")
    parser.add_argument("--patients", type=int, help="the first so many training patients only, to try it out")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def settings_of(asked: argparse.Namespace) -> Record:
    """What must be equal for rows of two calls to stand in one table."""
    names = ("epsilon", "delta", "seed", "patients", "cpu_seconds", "wall_seconds", "memory_gb")
    return {name: getattr(asked, name) for name in names}


def opened(asked: argparse.Namespace) -> Record:
    """The document of earlier calls, if its settings are these, or an empty one."""
    document: Record = json.loads(asked.out.read_text()) if asked.out.is_file() else {"settings": settings_of(asked)}
    if document["settings"] != settings_of(asked):
        raise SystemExit(f"{asked.out} was made with other settings: {document['settings']}.")
    machine = {"system": platform.system(), "machine": platform.machine(), "threads": 1}
    return document | {"versions": versions(), "machine": machine, "columns": document.get("columns", {})}


def with_columns(k: int, cohort: Cohort, asked: argparse.Namespace) -> None:
    """Run the tools that were asked for on k codes, and judge what they drew; write after each of them."""
    few = narrowed(cohort, k, asked.patients)
    judge = Judge(few, asked.seed)
    free = few.matrix.vocabulary.free
    codes = [few.matrix.vocabulary.code[j] for j in free]
    about = {"codes": codes, "training_patients": len(judge.train), "predicted_codes": len(judge.codes)}
    bounds = judge.bounds()
    for tool in (tool for tool in TOOLS if tool.name in asked.tools):
        made = rows(tool, k, few, asked, judge, opened(asked))
        print(k, tool.name, made[tool.name], flush=True)
        document = opened(asked)  # anew: another call may have written to it meanwhile
        part = document["columns"].setdefault(str(k), about | {"rows": bounds})
        part["rows"] |= made
        write_text(asked.out, json.dumps(document, indent=1) + "\n")


def rows(tool: Tool, k: int, few: Cohort, asked: argparse.Namespace, judge: Judge, document: Record) -> Record:
    """A row for each draw, with figures and what the run said; or one that says how it ended."""
    for fewer, part in document["columns"].items():
        if int(fewer) < k and "ended" in part["rows"].get(tool.name, {}):
            return {tool.name: {"ended": f"not started: did not finish with {fewer} codes"}}
    limits = Limits(
        seconds=asked.cpu_seconds,
        wall_seconds=asked.wall_seconds,
        all_seconds=asked.wall_seconds,
        memory_gb=asked.memory_gb,
    )
    environments = asked.environments or asked.work / "environments"
    setting = Setting(asked.cohort, asked.work / str(k), environments, asked.epsilon, asked.delta, asked.seed, limits)
    task, said = run(tool, few, setting)
    if "ended" in said:
        return {tool.name: said}
    return {
        name: judge.of_drawn(sparse.load_npz(task / f"{draw}.npz").tocsr()) | said for draw, name in tool.rows.items()
    }


def main() -> None:
    """Fewer columns first; print the table."""
    asked = asked_for()
    os.environ["OMP_NUM_THREADS"] = "1"
    cohort = read_cohort(asked.cohort)
    for k in sorted(asked.columns):
        with_columns(k, cohort, asked)
    print(shown(opened(asked)["columns"]))


if __name__ == "__main__":
    main()
