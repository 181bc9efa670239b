"""An outside yardstick of fidelity, cheaper and coarser than `synthehr evaluate`: does the default generator pass it?

    python -m benchmarks.yardstick COHORT NAME=SYNTHETIC [NAME=SYNTHETIC ...] [--json FILE]

Detection: gradient boosting on the 150 commonest codes and the row sum, 8,000 patients a side, half of them to learn
from. DWPred: over 30 codes of 2 to 60 % logistic regressions from all others, fitted on the training patients and on as
many synthetic ones, tested on holdout patients: mean absolute gap of AUROC, and correlation. Correlation r over pairs
of the 200 commonest codes, Kolmogorov-Smirnov of codes per patient, DWP Pearson and Spearman, all against holdout.
Code coverage: share of the training patients' codes that occur among as many synthetic patients. The first row is the
ceiling: training patients in the place of synthetic ones, except that regressions of one half of them are compared with
those of the other, which is noisier than the rows below; and holdout patients for coverage. The second is the floor:
the independent sampler. Skill, (floor - x) / (floor - ceiling), is told of the figures in which the two differ.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from benchmarks.generators import drawn
from pipelines.evaluate import read_synthetic
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.prediction import predict_codes
from synthehr.landing import versions, write_text
from synthehr.models.held_out import correlations

A_SIDE, SHOWN, PREDICTED, CORRELATED = 8_000, 150, 30, 200
BETWEEN = 0.02, 0.60
SKILLED = ("detection", "dwpred_gap", "dwpred_r", "correlation_r", "ks")  # an independent sampler has prevalences right


def detection(holdout: CodeMatrix, candidate: CodeMatrix, rng: np.random.Generator) -> float:
    """AUROC of holdout against candidate patients on patients that the classifier has not seen."""
    common = np.argsort(-holdout.prevalence(), kind="stable")[:SHOWN]
    sides = [m.binary()[rng.permutation(len(m))[:A_SIDE]] for m in (holdout, candidate)]
    both = sparse.vstack(sides, format="csr")
    shown = np.hstack([both[:, common].toarray(), np.asarray(both.sum(axis=1))])
    label = np.arange(both.shape[0]) >= sides[0].shape[0]
    learned = rng.random(len(label)) < 0.5
    trees = HistGradientBoostingClassifier(random_state=0).fit(shown[learned], label[learned])
    return float(roc_auc_score(label[~learned], trees.predict_proba(shown[~learned])[:, 1]))


class Yardstick:
    """The real patients of a cohort, halved once, and what half of them predict."""

    def __init__(self, cohort: Cohort, seed: int) -> None:
        self.train, self.holdout, self.seed = cohort.part("train"), cohort.part("holdout"), seed
        prevalence = self.holdout.prevalence()
        middle = np.flatnonzero((prevalence >= BETWEEN[0]) & (prevalence <= BETWEEN[1]))
        self.codes = np.sort(np.random.default_rng(seed).permutation(middle)[:PREDICTED])
        self.real = self.predicted(self.train)

    def predicted(self, fitted: CodeMatrix) -> NDArray[np.float64]:
        """AUROC of each of the codes among holdout patients, by regressions fitted on others."""
        return predict_codes(fitted, self.holdout, self.codes).auroc

    def measure(self, candidate: CodeMatrix, real: NDArray[np.float64], found: NDArray[np.float64]) -> dict[str, float]:
        """Every figure of a candidate; real and found are AUROCs."""
        rng = np.random.default_rng([self.seed, 1])
        common = np.argsort(-self.holdout.prevalence(), kind="stable")[:CORRELATED]
        pairs = [_pairs(m.binary()[:, common]) for m in (self.holdout, candidate)]
        prevalences = self.holdout.prevalence(), candidate.prevalence()
        known = np.bincount(self.train.counts.indices, minlength=self.train.counts.shape[1]) > 0
        return {
            "detection": detection(self.holdout, candidate, rng),
            "dwpred_gap": float(np.abs(found - real).mean()),
            "dwpred_r": float(np.corrcoef(found, real)[0, 1]),
            "correlation_r": float(np.corrcoef(*pairs)[0, 1]),
            "ks": float(stats.ks_2samp(self.holdout.codes_per_patient(), candidate.codes_per_patient()).statistic),
            "dwp_pearson": float(np.corrcoef(*prevalences)[0, 1]),
            "dwp_spearman": float(stats.spearmanr(*prevalences).statistic),
            "coverage": float((prevalences[1] > 0)[known].mean()),
        }

    def of_synthetic(self, synthetic: CodeMatrix) -> dict[str, float]:
        """As many synthetic patients as there are training patients."""
        chosen = synthetic.rows(np.arange(min(len(synthetic), len(self.train))))
        return self.measure(chosen, self.real, self.predicted(chosen))

    def of_real(self) -> dict[str, float]:
        """The training patients in the place of synthetic ones; coverage is that of the holdout patients."""
        halves = np.array_split(np.random.default_rng(self.seed).permutation(len(self.train)), 2)
        found = self.measure(self.train, *(self.predicted(self.train.rows(half)) for half in halves))
        present = np.bincount(self.holdout.counts.indices, minlength=self.holdout.counts.shape[1]) > 0
        return found | {"coverage": float(present.mean())}


def skill(row: dict[str, float], rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """Skill by figure: 0 as good as the independent sampler, 1 as good as real patients."""
    floor, ceiling = rows["independent"], rows["real"]
    return {name: (floor[name] - row[name]) / (floor[name] - ceiling[name]) for name in SKILLED}


def _pairs(binary: sparse.csr_matrix) -> NDArray[np.float64]:
    found = correlations(binary)
    return np.asarray(found[np.triu_indices(len(found), 1)])


def main() -> None:
    """Print a row a candidate and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("synthetic", nargs="+", metavar="NAME=SYNTHETIC")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    cohort = read_cohort(given.cohort)
    yardstick = Yardstick(cohort, given.seed)
    floor, _ = drawn("independent", {}, cohort, given.seed)
    rows: dict[str, Any] = {"real": yardstick.of_real(), "independent": yardstick.of_synthetic(floor)}
    for named in given.synthetic:
        name, folder = named.split("=", 1)
        rows[name] = yardstick.of_synthetic(read_synthetic(Path(folder)))
    print("| | " + " | ".join(rows["real"]) + " |")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in row.values()) + " |")
    skills = {name: skill(row, rows) for name, row in rows.items() if name not in ("real", "independent")}
    print(json.dumps(skills))
    if given.json:
        document = {"seed": given.seed, "versions": versions(), "rows": rows, "skill": skills}
        write_text(given.json, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
