"""The default settings under five seeds, on one split: how far do figures move by the seed of training and drawing?

    python -m benchmarks.seeds COHORT --json FILE [--models transformer medgan] [--seeds 0 1 2 3 4]

Every seed starts over: weights, batches, calibration, sifting and drawing. The patients and what they are judged by
stay the same: the outside yardstick, impossible patients and the kernel attack (8,000 members, 8,000 others). FILE is
written anew after every fit, and fits that lie in it are not repeated.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generators import drawn
from benchmarks.peers.judge import Judge
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.landing import versions, write_text

Figures = dict[str, float]

MODELS: dict[str, dict[str, Any]] = {"transformer": {}, "medgan": {"epochs": 100}}


def measured(cohort: Cohort, judge: Judge, model: str, seed: int) -> Figures:
    """Every figure of one fit; of an interval, its middle value."""
    candidate, seconds = drawn(model, MODELS[model], cohort, seed)
    found = judge.of_drawn(candidate.counts) | seconds
    return {name: float(value[0] if isinstance(value, list) else value) for name, value in found.items()}


def spread(fits: list[Figures]) -> dict[str, tuple[float, float]]:
    """Of each figure the mean over fits and the standard deviation, (mean, sd); sd with n - 1."""
    return {
        name: (float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan"))
        for name in fits[0]
        if (values := [fit[name] for fit in fits])
    }


def main() -> None:
    """Fit what is missing, write after each, print mean and sd."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    asked = parser.parse_args()
    cohort = read_cohort(asked.cohort)
    judge = Judge(cohort, 0)
    document: dict[str, Any] = json.loads(asked.json.read_text()) if asked.json.is_file() else {"fits": {}}
    document |= {"versions": versions(), "real": judge.of_real()}
    for model in asked.models:
        fits = document["fits"].setdefault(model, {})
        for seed in asked.seeds:
            if str(seed) not in fits:
                fits[str(seed)] = measured(cohort, judge, model, seed)
                print(model, seed, fits[str(seed)], flush=True)
                write_text(asked.json, json.dumps(document, indent=1) + "\n")
        for name, (mean, sd) in spread(list(fits.values())).items():
            print(f"| {model} | {name} | {mean:.4f} | {sd:.4f} |")


if __name__ == "__main__":
    main()
