"""The attack on copies for whole releases: what it sees of each, beside real patients never seen.

    python -m benchmarks.membership COHORT NAME=SYNTHETIC [NAME=SYNTHETIC ...] [--seed 0]

The strongest single attack of the evaluation, without the rest of it: half a minute a release instead of minutes.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import sparse

from pipelines.evaluate import read_synthetic
from pipelines.holdout import split_holdout
from privacy.membership.density import kernel_ratio
from privacy.membership.tier import MOST_TARGETS
from privacy.ranks import Targets, auc, tpr_at_fpr
from synthehr.cohort.cohort import Cohort, read_cohort
from synthehr.cohort.matrix import CodeMatrix

FPR = 0.01

Attack = Callable[[CodeMatrix], dict[str, list[float]]]


def kernel_attack(members: sparse.csr_matrix, nonmembers: sparse.csr_matrix, reference: sparse.csr_matrix) -> Attack:
    """Of a release AUC and TPR at 1 % FPR, each with its 95 % interval; patients are binary CSR (n, n_codes).

    reference: other patients whom the attacker compares with.
    """
    scorer, n = kernel_ratio(sparse.vstack([members, nonmembers], format="csr"), reference), members.shape[0]

    def attack(release: CodeMatrix) -> dict[str, list[float]]:
        scores = scorer(release.binary())
        found = Targets(scores[:n], scores[n:])
        return {"auc": list(auc(found)), f"tpr_at_fpr_{FPR:g}": list(tpr_at_fpr(found, FPR))}

    return attack


def attack_on(cohort: Cohort, seed: int) -> Attack:
    """The attack on members and non-members of a cohort, as many as the evaluation takes at the most.

    By lot: patients stand in the order of their ids, which drift with time, and the first are not like the others.
    """
    holdout, rng = split_holdout(cohort.part("holdout"), seed=seed), np.random.default_rng([seed, 31])
    members, nonmembers = (
        side.rows(rng.permutation(len(side))[:MOST_TARGETS]).binary() for side in (cohort.part("train"), holdout.test)
    )
    return kernel_attack(members, nonmembers, holdout.reference.binary())


def main() -> None:
    """Print a row a release, the control first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cohort", type=Path)
    parser.add_argument("synthetic", nargs="+", metavar="NAME=SYNTHETIC")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    cohort = read_cohort(asked.cohort)
    attack = attack_on(cohort, asked.seed)
    releases = {"real, never seen": split_holdout(cohort.part("holdout"), seed=asked.seed).control}
    releases |= {name: read_synthetic(Path(path)) for name, path in (x.split("=", 1) for x in asked.synthetic)}
    for name, release in releases.items():
        for metric, (value, low, high) in attack(release).items():
            print(f"{name}: {metric} {value:.4f} [{low:.4f}, {high:.4f}]", flush=True)


if __name__ == "__main__":
    main()
