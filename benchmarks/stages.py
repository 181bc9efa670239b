"""Wall time, processor time and peak memory of each stage as a user runs it, start of Python included.

    python -m benchmarks.stages EXTRACT RUN_FOLDER [--rounds 3]

RUN_FOLDER is what `synthehr run` left: its cohort and run are reused, so that training is not repeated here. Each stage
is a command of its own, in a process of its own; the peak is the largest of its processes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measured(command: list[str]) -> dict[str, float]:
    """Run a command to its end; wall and processor seconds, peak memory in GiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "wall_s": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_gib": usage.ru_maxrss / 2**20,
    }


def stages(extract: Path, made: Path, out: Path) -> dict[str, list[str]]:
    """The commands, by stage."""
    synthehr = [sys.executable, "-m", "pipelines.cli"]
    cohort, synthetic = str(made / "cohort"), str(made / "synthetic")
    return {
        "ingest": [*synthehr, "ingest", str(extract), "--out", str(out / "ingested")],
        "generate 100,000": [*synthehr, "generate", str(made / "run"), "--out", str(out / "syn"), "-n", "100000"],
        "evaluate": [*synthehr, "evaluate", "--cohort", cohort, "--synthetic", synthetic, "--out", str(out / "eval")],
        "release": [
            *[*synthehr, "release", "--cohort", cohort, "--synthetic", synthetic, "--override", "benchmark"],
            *["--evaluation", str(made / "evaluation"), "--out", str(out / "bundle")],
        ],
    }


def main() -> None:
    """Measure all stages in turn, several rounds, and print one JSON object of medians and ranges."""
    parser = argparse.ArgumentParser()
    parser.add_argument("extract", type=Path)
    parser.add_argument("made", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as folder:
            for stage, command in stages(asked.extract, asked.made, Path(folder)).items():
                found.setdefault(stage, []).append(measured(command))
    table = {
        stage: {
            key: {"median": statistics.median(r[key] for r in runs), "max": max(r[key] for r in runs)}
            for key in ("wall_s", "cpu_s", "peak_gib")
        }
        for stage, runs in found.items()
    }
    print(json.dumps({"cores": os.cpu_count(), "rounds": asked.rounds, "stages": table}, indent=1))


if __name__ == "__main__":
    main()
