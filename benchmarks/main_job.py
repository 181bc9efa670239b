"""The main job on several splits: what each generator scored on each, and the mean with its range.

for each seed: synthehr run RECIPE_WITH_THAT_SEED --extract EXTRACT --out OUT/SEED
python benchmarks/main_job.py OUT/0 OUT/1 OUT/2 --json benchmarks/results/main_job.json
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from synthehr.evaluation import Evaluation
from synthehr.landing import read_manifest, versions

COMMON = ">=1%"
SCORES = {
    "detection_auroc_boosted": "detection, boosted, AUROC",
    "dwpred_auroc_gap": "DWPred, mean AUROC gap",
    "dwpred_auroc_loss": "DWPred, mean AUROC loss",
    "dwpred_auroc_r": "DWPred, r of AUROC over codes",
    "correlation_r_200": "correlation r, 200 commonest codes",
    "correlation_cmd": "correlation distance (CMD), codes of 1 % and more",
    "codes_per_patient_ks": "codes per patient, Kolmogorov-Smirnov",
    "dwp_pearson": "DWP Pearson",
    "dwp_spearman": "DWP Spearman",
    "code_coverage": "code coverage",
}
GENERATORS = ("synthetic", "copula", "independent", "holdout")


def scores(out: Path) -> pd.DataFrame:
    """Columns generator, name, seed, value: the scores of one finished run."""
    found = Evaluation.read(out / "evaluation").comparators
    # the distance of correlations over all codes is mostly noise: that of the common ones
    wanted = found["name"].map(lambda name: COMMON if name == "correlation_cmd" else "all")
    whole = found[found["name"].isin(SCORES) & (found["stratum"] == wanted)]
    seed = read_manifest(out / "cohort", "cohort").config["seed"]
    return whole.assign(seed=seed)[["generator", "name", "seed", "value"]]


def main() -> None:
    """Print one row a score and write every value."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path, nargs="+", help="folders that `synthehr run` wrote")
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    table = pd.concat([scores(out) for out in given.out], ignore_index=True)
    for name, words in SCORES.items():
        cells = []
        for generator in GENERATORS:
            values = table[(table["name"] == name) & (table["generator"] == generator)]["value"]
            cells.append(f"{values.mean():.4g} ({values.min():.4g} to {values.max():.4g})" if len(values) else "")
        if any(cells):
            print(f"| {words} | {' | '.join(cells)} |")
    if given.json:
        records = table.sort_values(["name", "generator", "seed"]).to_dict("records")
        document = {"versions": versions(), "values": records}
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
