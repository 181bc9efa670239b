"""Cohorts of 1,500 patients made by hand: half have A, and B comes with A or with nobody else."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.release.fitness.query import Query

VOCABULARY = Vocabulary(
    code=("X/A", "X/B", "X/RARE", "SEX/female", "SEX/male"),
    description=("", "", "", "", ""),
    group=(None, None, None, "sex", "sex"),
)
N = 1_500


@pytest.fixture(scope="session")
def population() -> Callable[..., CodeMatrix]:
    """(together, rare): sexes in turn, A in every second pair of patients; B in the same ones, or in none of them."""

    def made(*, together: bool = True, rare: int = 0, n: int = N) -> CodeMatrix:
        counts = np.zeros((n, 5), dtype=np.uint16)
        who = np.arange(n)
        counts[:, 3], counts[:, 4] = who % 2 == 0, who % 2 == 1
        a = who // 2 % 2 == 0
        counts[:, 0], counts[:, 1] = a, a if together else ~a
        counts[:rare, 2] = 1
        return CodeMatrix(canonical(sparse.csr_matrix(counts)), 10_000 + who.astype(np.int64), VOCABULARY)

    return made


@pytest.fixture(scope="session")
def query() -> Callable[..., Query]:
    return lambda sql, name="q": Query(name, name, sql)
