"""What is measured of drawn patients, whoever drew them: fidelity, impossible patients, attack on membership."""

from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.membership import Attack, kernel_attack
from benchmarks.yardstick import Yardstick
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.constraints import learn_rules
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.knowledge import clinical_knowledge

ATTACKED = 8_000  # members, as many holdout patients, and as many others for the attacker to compare with

Figures = dict[str, Any]


def membership_attack(cohort: Cohort, seed: int) -> Attack:
    """The attack on copies, on members, others and a reference drawn at random."""
    train, holdout = cohort.part("train"), cohort.part("holdout")
    rng = np.random.default_rng(seed)
    members = train.rows(rng.permutation(len(train))[:ATTACKED]).binary()
    others = rng.permutation(len(holdout))
    nonmembers, reference = (holdout.rows(part).binary() for part in np.split(others[: 2 * ATTACKED], 2))
    return kernel_attack(members, nonmembers, reference)


class Judge:
    """The real patients of a cohort, and what any candidate is measured by."""

    def __init__(self, cohort: Cohort, seed: int) -> None:
        self.cohort = cohort
        self.yardstick = Yardstick(cohort, seed)
        self.rules = learn_rules(cohort.part("train"))
        self.attack = membership_attack(cohort, seed)

    def of_real(self) -> Figures:
        """Training patients in the place of synthetic ones; violations are those of holdout patients; no attack."""
        return self.yardstick.of_real() | self.violations(self.cohort.part("holdout"))

    def of_drawn(self, drawn: sparse.csr_matrix) -> Figures:
        """Every figure of as many drawn patients as there are training patients."""
        ids = -1 - np.arange(drawn.shape[0], dtype=np.int64)
        candidate = CodeMatrix(drawn.astype(np.uint16), ids, self.cohort.matrix.vocabulary)
        sizes = {"drawn": len(candidate), "codes_per_patient": float(candidate.codes_per_patient().mean())}
        seen = dict(zip(("membership_auc", "membership_tpr"), self.attack(candidate).values(), strict=True))
        return sizes | self.yardstick.of_synthetic(candidate) | self.violations(candidate) | seen

    def violations(self, candidate: CodeMatrix) -> Figures:
        """Patients who break a rule of sex or age, and who have not one member of each group, per 10,000."""
        found = clinical_knowledge(candidate, self.rules)
        return {told.name: told.value for told in found if told.stratum == "all"}
