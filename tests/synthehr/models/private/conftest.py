"""Simulated patients with a factor in common, a public vocabulary, and a curator that asks them under a budget."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from privacy.accountant import gaussian_multiplier
from privacy.budget import Budget
from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.noise import NoiseSource
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.private.records import private_records

CODES = 40
Asked = tuple[Curator, Ledger]


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    codes = ("SEX/female", "SEX/male", *(f"ICD9CM/{100 + j}" for j in range(CODES)))
    return Vocabulary(codes, ("",) * len(codes), ("sex", "sex", *(None for _ in range(CODES))))


@pytest.fixture(scope="session")
def train(vocabulary: Vocabulary) -> CodeMatrix:
    """6,000 patients; the first ten codes come together (one factor), code prevalences fall from 20 % to 0.2 %."""
    rng = np.random.default_rng(0)
    n, prevalence = 6_000, np.geomspace(0.2, 0.002, CODES)
    ill = rng.random(n) < 0.3
    chance = np.tile(prevalence, (n, 1))
    chance[:, :10] *= np.where(ill, 2.6, 0.3)[:, None]  # 0.3 x 2.6 + 0.7 x 0.3 = 0.99: the prevalence stays
    sex = np.eye(2)[rng.integers(0, 2, n)]
    present = np.hstack([sex, rng.random((n, CODES)) < np.minimum(chance, 1)])
    return CodeMatrix(sparse.csr_matrix(present.astype(np.uint16)), np.arange(n), vocabulary)


@pytest.fixture(scope="session")
def asking(train: CodeMatrix) -> Callable[..., Asked]:
    """A curator of these patients with a budget of this epsilon, or without one, and its ledger."""

    def under(epsilon: float | None, key: int = 1) -> Asked:
        ledger = Ledger(budget=None if epsilon is None else Budget(epsilon=epsilon, delta=1e-6))
        return Curator(private_records(train).binary(), ledger, NoiseSource(bytes([key] * 32))), ledger

    return under


@pytest.fixture(scope="session")
def whole() -> Callable[[float], float]:
    """Noise multiplier of one question that spends all of epsilon."""
    return lambda epsilon: gaussian_multiplier(epsilon=epsilon, delta=1e-6)
