"""Generators side by side on one split: medGAN as published and as it grew, copula, independent sampler, holdout.

    python -m benchmarks.generators COHORT OUT.json [--minutes 15] [--seed 0]

Every generator is fitted to the train split, and as many patients as it has are drawn from each; the figures are those
of the evaluation stage, at equal numbers of patients. A membership AUC by the attack on copies stands
beside them: what is won in fidelity must not be memory.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.membership import attack_on
from pipelines.evaluate import split_holdout
from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.compare import compare
from synthehr.landing import versions, write_text
from synthehr.models.registry import create

SHOWN = {
    "detection_auroc_boosted": "all",
    "dwpred_auroc_gap": "all",
    "dwpred_auroc_loss": "all",
    "dwpred_auroc_r": "all",
    "correlation_r_200": "all",
    "correlation_cmd": ">=1%",
    "codes_per_patient_ks": "all",
    "dwp_pearson": "all",
    "dwp_spearman": "all",
    "code_coverage": "all",
}


def drawn(name: str, options: dict[str, Any], cohort: Cohort, seed: int) -> tuple[CodeMatrix, dict[str, float]]:
    """As many patients as were trained on, and the seconds that fitting and drawing took."""
    model, train = create(name, options=options), cohort.part("train")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as workspace:
        model.fit(cohort, seed=seed, workspace=Path(workspace), ledger=Ledger())
    fitted = time.perf_counter()
    counts = model.sample(len(train), rng=np.random.default_rng([seed, 1]))
    ids = -np.arange(1, len(train) + 1, dtype=np.int64)
    seconds = {"fit_s": fitted - start, "draw_s": time.perf_counter() - fitted}
    return CodeMatrix(counts, ids, train.vocabulary), seconds


def main() -> None:
    """Fit, draw, compare, write one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cohort", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    cohort = read_cohort(asked.cohort)
    holdout = split_holdout(cohort.part("holdout"), seed=asked.seed)
    budget = {"minutes": asked.minutes}
    wanted = {
        "medgan": ("medgan", budget),
        "medgan, not trained": ("medgan", {"minutes": 1e-6}),
        "medgan_paper": ("medgan_paper", budget),
        "medgan_paper, sizes learned": ("medgan_paper", {**budget, "sizes": True}),
        "copula": ("copula", {}),
        "independent": ("independent", {}),
    }
    membership = attack_on(cohort, asked.seed)
    samples, table = {}, {}
    for label, (name, options) in wanted.items():
        samples[label], table[label] = drawn(name, options, cohort, asked.seed)
        table[label] |= membership(samples[label])
        print(label, table[label], flush=True)
    comparison = compare(
        train=cohort.part("train"),
        test=holdout.test,
        fresh=holdout.fresh,
        synthetic=samples["medgan"],
        comparators={label: sample for label, sample in samples.items() if label != "medgan"},
        seed=asked.seed,
    )
    values = comparison.comparators.replace({"generator": {"synthetic": "medgan"}})
    for row in values.itertuples():
        if SHOWN.get(str(row.name)) == row.stratum:
            table.setdefault(str(row.generator), {})[str(row.name)] = float(row.value)
    result = {"minutes": asked.minutes, "seed": asked.seed, "threads": torch.get_num_threads(), "versions": versions()}
    write_text(asked.out, json.dumps(result | {"table": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
