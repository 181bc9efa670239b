"""The main job on several splits: what each generator scored on each, the mean with its range, and what attacks saw.

for each seed: synthehr run RECIPE_WITH_THAT_SEED --extract EXTRACT --out OUT/SEED
python -m benchmarks.main_job OUT/0 OUT/1 OUT/2 --json benchmarks/results/main_job.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from synthehr.evaluation import Evaluation
from synthehr.landing import read_manifest, versions

COMMON = ">=1%"
SCORES = {
    ("detection_auroc_boosted", "all"): "detection, boosted, AUROC",
    ("dwpred_auroc_gap", "all"): "DWPred, mean AUROC gap",
    ("dwpred_auroc_loss", "all"): "DWPred, mean AUROC loss",
    ("dwpred_auroc_r", "all"): "DWPred, r of AUROC over codes",
    ("downstream_tstr_auroc", "all"): "readmission, trained on synthetic patients, AUROC",
    ("correlation_r_200", "all"): "correlation r, 200 commonest codes",
    ("correlation_cmd", COMMON): "correlation distance (CMD), codes of 1 % and more",
    ("correlation_cmd", "all"): "correlation distance (CMD), all codes",
    ("codes_per_patient_ks", "all"): "codes per patient, Kolmogorov-Smirnov",
    ("dwp_pearson", "all"): "DWP Pearson",
    ("dwp_spearman", "all"): "DWP Spearman",
    ("code_coverage", "all"): "code coverage",
    ("knowledge_violations", "all"): "knowledge violations in 10,000 patients",
}
GENERATORS = ("synthetic", "copula", "independent", "holdout")
SEEN = {
    "membership_kernel": ("auc", "tpr_at_fpr_0.01"),
    "membership_neighbours_rarity": ("auc", "tpr_at_fpr_0.01"),
    "membership_stack": ("auc", "tpr_at_fpr_0.01"),
    "exact_duplicates": ("identical_excess",),  # share of members with a copy, less that of non-members
}


def scores(out: Path) -> pd.DataFrame:
    """Columns generator, name, stratum, seed, value: the scores of one finished run."""
    found = Evaluation.read(out / "evaluation").comparators
    chosen = [pair in SCORES for pair in zip(found["name"], found["stratum"], strict=True)]
    seed = read_manifest(out / "cohort", "cohort").config["seed"]
    return found[chosen].assign(seed=seed)[["generator", "name", "stratum", "seed", "value"]]


def membership(out: Path) -> dict[str, Any]:
    """What attacks on membership saw of one finished run: value, interval, control, note of each; smallest Holm p."""
    risks = json.loads((out / "evaluation" / "risk.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = {}
    for risk in risks:
        if risk["metric"] in SEEN.get(risk["attack"], ()):
            found[f"{risk['attack']} {risk['metric']}"] = [risk[k] for k in ("value", "low", "high", "control", "note")]
    tested = [r for r in risks if r["attack"].startswith("membership") and r["p_adjusted"] is not None]
    smallest = min(tested, key=lambda risk: float(risk["p_adjusted"]))
    return found | {"smallest_p": [smallest["attack"], smallest["p_adjusted"]]}


def main() -> None:
    """Print one row a score, then what attacks saw of each run, and write every value."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path, nargs="+", help="folders that `synthehr run` wrote")
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    table = pd.concat([scores(out) for out in given.out], ignore_index=True)
    for (name, stratum), words in SCORES.items():
        cells = []
        of_score = table[(table["name"] == name) & (table["stratum"] == stratum)]
        for generator in GENERATORS:
            values = of_score[of_score["generator"] == generator]["value"]
            cells.append(f"{values.mean():.4g} ({values.min():.4g} to {values.max():.4g})" if len(values) else "")
        if any(cells):
            print(f"| {words} | {' | '.join(cells)} |")
    seen = [membership(out) for out in given.out]
    for one in seen:
        print(one)
    if given.json:
        records = table.sort_values(["name", "stratum", "generator", "seed"]).to_dict("records")
        document = {"versions": versions(), "values": records, "membership": seen}
        given.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
