"""How long the no-box tier takes, and how much memory, at the size of Diabetes-130.

    python -m benchmarks.attacks benchmarks/results/attacks.json

50,000 members, a release of 50,000, 21,000 holdout patients, 920 codes, simulated (`benchmarks.leaks.population`); the
release, its control and its ceiling are attacked, as by `synthehr attack`, without comparators. Each round is a process
of its own, so that its peak memory is that of the tier.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from scipy import sparse

from benchmarks.leaks.population import world_of
from privacy.assess import assess
from synthehr.landing import versions, write_text

MEMBERS, RELEASE, HOLDOUT, CODES = 50_000, 50_000, 21_000, 920


def one_round() -> dict[str, object]:
    """Seconds of each attack and in all, and the peak memory of this process in GiB."""
    world = world_of(0, MEMBERS, HOLDOUT // 2, HOLDOUT // 4, CODES)
    patients, release = world.patients(), sparse.csr_matrix(world.verbatim(0.001, RELEASE))
    seconds: dict[str, float] = {}
    last = start = time.perf_counter()

    def heard(task: str, done: int, total: int, unit: str) -> None:
        nonlocal last
        now = time.perf_counter()
        seconds[task], last = seconds.get(task, 0.0) + now - last, now

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = assess(patients, release, seed=0, progress=heard)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gib = 1024**2
    return {
        "seconds": time.perf_counter() - start,
        "peak_gib": peak / gib,
        "before_gib": before / gib,
        "by_attack": seconds,
        "risks": len(found.risks),
        "smallest_p": min(risk.p_adjusted for risk in found.risks if risk.p_adjusted is not None),
    }


def main() -> None:
    """Run the rounds and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.out is None:
        print(json.dumps(one_round()))
        return
    rounds = []
    for _ in range(given.rounds):
        told = subprocess.run([sys.executable, "-m", "benchmarks.attacks"], capture_output=True, text=True, check=True)
        rounds.append(json.loads(told.stdout))
        print(f"{rounds[-1]['seconds']:.0f} s, {rounds[-1]['peak_gib']:.2f} GiB", flush=True)
    size = {"members": MEMBERS, "release": RELEASE, "holdout": HOLDOUT, "codes": CODES}
    document = {"size": size, "threads": torch.get_num_threads(), "versions": versions(), "rounds": rounds}
    write_text(given.out, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
