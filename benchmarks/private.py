"""Utility under a privacy budget: the private generators at several epsilons, beside the same without a budget.

    python -m benchmarks.private COHORT OUT.json [--epsilons 1 3 8] [--seeds 0 1 2] [--models copula ...]
        [--beside NAME=SYNTHETIC ...]

COHORT has a public vocabulary (`[cohort] vocabulary` of a recipe). Each generator is trained with fresh noise for every
seed, as many patients are drawn as were trained on, and the figures are those of the evaluation stage. Epsilon is that
of the ledger. `--beside`: synthetic cohorts of generators without a budget, over the same codes.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from pipelines.evaluate import read_synthetic, split_holdout
from pipelines.private import fit_private, private_plan
from pipelines.recipe import validated
from pipelines.sections import Train
from privacy.noise import NoiseSource, new_key
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.compare import compare
from synthehr.landing import versions, write_text

FULL = ("dwp_pearson, all patients", "dwp_spearman, all patients", "mean codes, relative difference")
SHOWN = {
    "dwp_pearson": "all",
    "dwp_spearman": "all",
    "codes_per_patient_mean_difference": "all",
    "codes_per_patient_ks": "all",
    "dwpred_auroc_retention": "all",
    "detection_auroc_boosted": "all",
    "correlation_r_200": "all",
    "correlation_cmd": ">=1%",
    "code_coverage": "all",
    "spurious_mass": "all",
    "knowledge_violations": "all",
    "subgroup_rmse": "all",
}
MODELS = ("copula", "transformer", "independent")
SPENT = ("fit_s", "draw_s")


def drawn(folder: Path, cohort: Cohort, model: str, epsilon: float, seed: int) -> tuple[CodeMatrix, dict[str, float]]:
    """As many patients as were trained on, and what it took: epsilon spent, seconds."""
    options = validated(Train, {"model": model, "epsilon": epsilon, "delta": 1e-6}, "benchmark")
    start = time.perf_counter()
    generator, vocabulary, ledger = fit_private(
        private_plan(folder, options), cohort, options, seed=seed, source=NoiseSource(new_key())
    )
    fitted = time.perf_counter()
    n = int((cohort.split == 0).sum())
    counts = generator.sample(n, rng=np.random.default_rng([seed, 1]))
    spent = {"epsilon": ledger.epsilon, "fit_s": fitted - start, "draw_s": time.perf_counter() - fitted}
    return CodeMatrix(counts, -np.arange(1, n + 1, dtype=np.int64), vocabulary), spent


def main() -> None:
    """Fit, draw, compare; print a row a generator and write all values."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--epsilons", type=float, nargs="+", default=[1.0, 3.0, 8.0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--beside", nargs="*", default=[], metavar="NAME=SYNTHETIC")
    asked = parser.parse_args()
    cohort = read_cohort(asked.cohort)
    vocabulary, rows = cohort.matrix.vocabulary, []
    for seed in asked.seeds:
        samples, spent = {}, {}
        for epsilon in asked.epsilons:
            for model in asked.models:
                label = f"private_{model}, epsilon {epsilon:g}"
                made, spent[label] = drawn(asked.cohort, cohort, model, epsilon, seed)
                samples[label] = made if made.vocabulary == vocabulary else made.onto(vocabulary)
                print(seed, label, spent[label], flush=True)
        for named in asked.beside:
            name, folder = named.split("=", 1)
            samples[name] = read_synthetic(Path(folder)).onto(vocabulary)
        rows += _compared(cohort, samples, spent, seed)
    _print(rows)
    write_text(asked.out, json.dumps({"versions": versions(), "rows": rows}, indent=1) + "\n")


def _compared(
    cohort: Cohort, samples: dict[str, CodeMatrix], spent: dict[str, dict[str, float]], seed: int
) -> list[dict[str, Any]]:
    holdout = split_holdout(cohort.part("holdout"), seed=seed)
    first = next(iter(samples))
    floor = {"independent": samples.get("independent", samples[first])}
    found = compare(
        train=cohort.part("train"),
        test=holdout.test,
        fresh=holdout.fresh,
        synthetic=samples[first],
        comparators={**floor, **{name: made for name, made in samples.items() if name != first}},
        seed=seed,
    ).comparators
    chosen = found[[SHOWN.get(name) == stratum for name, stratum in zip(found["name"], found["stratum"], strict=True)]]
    rows = []
    for generator, part in chosen.groupby("generator"):
        label = first if generator == "synthetic" else str(generator)
        if label == "independent" and "independent" not in samples:
            continue  # compare wants a floor; here it would be the first again
        figures = dict(zip(part["name"], part["value"], strict=True))
        made = samples.get(label, cohort.part("train"))
        rows.append({"generator": label, "seed": seed, **_full(cohort, made), **figures, **spent.get(label, {})})
    return rows


def _full(cohort: Cohort, made: CodeMatrix) -> dict[str, float]:
    """Prevalences of all that were drawn against all holdout patients, over the codes of training patients.

    In the place of the holdout stand the training patients: the ceiling.
    """
    real, seen = cohort.part("holdout"), cohort.part("train").prevalence() > 0
    p, q = real.prevalence()[seen], made.prevalence()[seen]
    mean = made.codes_per_patient().mean() / real.codes_per_patient().mean() - 1
    values = (float(np.corrcoef(p, q)[0, 1]), float(stats.spearmanr(p, q).statistic), float(mean))
    return dict(zip(FULL, values, strict=True))


def _print(rows: list[dict[str, Any]]) -> None:
    names = [*FULL, *SHOWN, *SPENT]
    print("| generator | " + " | ".join(names) + " |")
    for label in dict.fromkeys(row["generator"] for row in rows):
        own = [row for row in rows if row["generator"] == label]
        means = [np.mean([row.get(name, np.nan) for row in own]) for name in names]
        print(f"| {label} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")


if __name__ == "__main__":
    main()
