"""Generators of a binary patient x code matrix side by side: four of others and four of this house, one budget.

    python -m benchmarks.peers.run COHORT WORK --json FILE [--tools ctgan mostlyai ...] [--seconds 900] [--core 1]

Each is given the same training patients and as many seconds of fitting on one core with one thread, by its own time
limit where it has one, in an environment of its own under WORK; each draws as many patients as it was given. Seconds
are of CPU time, since a machine may have other work; on an idle core they are those of the wall clock. They contain
what the tool does to prepare the data, not the import of its packages; peak memory is the resident memory of the whole
process, packages included. What it drew stays under WORK, to be measured at once or by a later call with `--stages
measure`. FILE is written anew after every tool; rows of earlier calls that lie in it are kept.
"""

import argparse
import json
import os
import platform
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.environments import interpreter
from benchmarks.peers.judge import Judge
from benchmarks.peers.tools import PEERS, Limits, Peer, run_worker
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.landing import versions, write_text

Record = dict[str, Any]

HEAD = (
    "detection",
    "dwpred_gap",
    "dwpred_r",
    "correlation_r",
    "ks",
    "dwp_pearson",
    "dwp_spearman",
    "coverage",
    "exclusive_group_violations",
    "knowledge_violations",
    "membership_auc",
    "membership_tpr",
    "fit_seconds",
    "draw_seconds",
    "peak_gib",
)


def written(folder: Path, cohort: Cohort, patients: int | None, **options: Any) -> Path:
    """The task of a worker: all training patients, or the first so many of them; an earlier one is removed.

    options: what the worker is told besides, if anything.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    train = cohort.part("train")
    train = train.rows(np.arange(min(len(train), patients or len(train))))
    sparse.save_npz(folder / "train.npz", train.binary())
    np.save(folder / "ids.npy", train.ids)
    groups = {name: [int(k) for k in columns] for name, columns in train.vocabulary.groups.items()}
    columns = {"codes": list(train.vocabulary.code), "groups": groups, "options": options}
    (folder / "columns.json").write_text(json.dumps(columns))
    return folder


def draw(peer: Peer, asked: argparse.Namespace, cohort: Cohort) -> None:
    """Run the worker of a peer; what it said, or how it ended, goes beside what it drew."""
    task = written(asked.work / "tasks" / peer.name, cohort, asked.patients)
    limits = Limits(**{name: getattr(asked, name) for name in ("seconds", "wall_seconds", "all_seconds", "memory_gb")})
    try:
        python = interpreter(peer.name, peer.installs, asked.work / "environments")
        told = run_worker(peer, python, task.resolve(), cohort=asked.cohort, seed=asked.seed, limits=limits)
    except RuntimeError as error:
        told = {"ended": str(error)}
    told["limits"] = vars(limits)
    print(peer.name, told, flush=True)
    write_text(task / "told.json", json.dumps(told))


def measure(peer: Peer, asked: argparse.Namespace, judge: Judge) -> dict[str, Record]:
    """A row for each of the peer's ways of drawing, or one that says how it ended."""
    task = asked.work / "tasks" / peer.name
    told = json.loads((task / "told.json").read_text())
    if "ended" in told:
        return dict.fromkeys(peer.rows, told)
    return {
        name: told
        | {"draw_seconds": told["draw_seconds"][name]}
        | judge.of_drawn(sparse.load_npz(task / f"{name}.npz").tocsr())
        for name in peer.rows
    }


def shown(rows: dict[str, Record]) -> str:
    """The rows as a table in Markdown."""
    lines = ["| | " + " | ".join(HEAD) + " |", "|---" * (len(HEAD) + 1) + "|"]
    for name, row in rows.items():
        cells = [_cell(row.get(figure)) for figure in HEAD]
        lines.append(f"| {name} | " + " | ".join(cells) + f" |{'  ' + row['ended'] if 'ended' in row else ''}")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return f"{value[0]:.3f} [{value[1]:.3f}, {value[2]:.3f}]"
    return "" if value is None else f"{value:.4g}"


def asked_for() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("work", type=Path, help="folder of the environments and of what was drawn")
    parser.add_argument("--json", type=Path, required=True)
    names = [peer.name for peer in PEERS]
    parser.add_argument("--tools", nargs="*", choices=names, default=names)
    parser.add_argument("--stages", nargs="+", choices=["draw", "measure"], default=["draw", "measure"])
    parser.add_argument("--seconds", type=float, default=900.0, help="of CPU time, to fit")
    parser.add_argument("--wall-seconds", type=float, default=86_400.0, help="of wall clock, to fit at most")
    parser.add_argument("--all-seconds", type=float, default=14_400.0, help="of wall clock, where a process is stopped")
    parser.add_argument("--memory-gb", type=float, default=8.0, help="resident memory where a process is stopped")
    parser.add_argument("--core", type=int, help="the only core to use, also for measuring")
    parser.add_argument("--patients", type=int, help="the first so many training patients only, to try it out")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """One tool after the other; write after each; print the table."""
    asked = asked_for()
    if asked.core is not None:
        os.sched_setaffinity(0, {asked.core})
    cohort = read_cohort(asked.cohort)
    chosen = [peer for peer in PEERS if peer.name in asked.tools]
    if "draw" in asked.stages:
        for peer in chosen:
            draw(peer, asked, cohort)
    if "measure" in asked.stages:
        print(shown(measured(chosen, asked, cohort)))


def measured(chosen: list[Peer], asked: argparse.Namespace, cohort: Cohort) -> dict[str, Record]:
    """All rows of the file after measuring the chosen; it is written after each of them."""
    document: Record = json.loads(asked.json.read_text()) if asked.json.is_file() else {"rows": {}}
    document |= {"seed": asked.seed, "versions": versions()}
    document["machine"] = {"system": platform.system(), "machine": platform.machine(), "cores": 1}
    judge = Judge(cohort, asked.seed)
    if "real" not in document["rows"]:
        document["rows"]["real"] = judge.of_real()
    for peer in chosen:
        document["rows"] |= measure(peer, asked, judge)
        write_text(asked.json, json.dumps(document, indent=1) + "\n")
    rows: dict[str, Record] = document["rows"]
    return rows


if __name__ == "__main__":
    main()
