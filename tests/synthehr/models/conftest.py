"""A small population with structure: three phenotypes, a sex and an age group, two code systems, repeat encounters."""

import numpy as np
import pytest
from scipy import sparse

from synthehr.cohort.cohort import Cohort, draw_splits
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary

PHENOTYPES = 3


def population(n: int, seed: int) -> CodeMatrix:
    rng = np.random.default_rng(seed)
    codes = [f"ICD9CM/{100 + j}" for j in range(24)] + [f"DRUG/d{j}" for j in range(6)]
    groups: list[str | None] = ["sex"] * 2 + ["age"] * 3 + [None] * len(codes)
    names = ["SEX/female", "SEX/male", "AGE/0-40", "AGE/40-60", "AGE/60-100", *codes]
    phenotype = rng.integers(PHENOTYPES, size=n)
    chance = np.full((PHENOTYPES, len(codes)), 0.04)
    for k in range(PHENOTYPES):
        chance[k, k * 8 : k * 8 + 8] = 0.35
        chance[k, 24 + 2 * k : 26 + 2 * k] = 0.5
    present = rng.random((n, len(codes))) < chance[phenotype]
    counts = present * (1 + rng.poisson(0.4, size=present.shape))
    sex, age = np.eye(2)[rng.integers(2, size=n)], np.eye(3)[phenotype]
    matrix = canonical(sparse.csr_matrix(np.hstack([sex, age, counts]).astype(np.int64)))
    vocabulary = Vocabulary(tuple(names), ("",) * len(names), tuple(groups))
    return CodeMatrix(matrix, np.arange(n, dtype=np.int64), vocabulary)


@pytest.fixture(scope="session")
def cohort() -> Cohort:
    matrix = population(3000, seed=1)
    return Cohort(matrix, draw_splits(matrix.ids, shares=(0.7, 0.15, 0.15), seed=2))
