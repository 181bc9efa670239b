from pathlib import Path

import numpy as np
import pytest
from scipy import sparse, special

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.copula import Copula, _orthant_gain, factors, tetrachoric
from synthehr.models.held_out import correlations
from synthehr.models.independent import Independent


@pytest.mark.parametrize("r", [-0.8, -0.3, 0.0, 0.5, 0.9])
def test_orthant_probability_is_sheppards_at_zero(r: float) -> None:
    """Sheppard (1899): P(X > 0, Y > 0) = 1/4 + arcsin(r) / (2 pi)."""
    zero = np.zeros(1)
    assert _orthant_gain(zero, zero, np.array([r]))[0] == pytest.approx(np.arcsin(r) / (2 * np.pi), abs=2e-4)


def test_tetrachoric_correlation_is_recovered() -> None:
    rng = np.random.default_rng(0)
    latent = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=200_000)
    present = latent > special.ndtri([0.7, 0.9])
    vocabulary = Vocabulary(("A/1", "A/2"), ("", ""), (None, None))
    matrix = CodeMatrix(canonical(sparse.csr_matrix(present.astype(int))), np.arange(200_000), vocabulary)
    # the standard error of a tetrachoric correlation here is about 0.004
    assert tetrachoric(matrix, 1.0)[0, 1] == pytest.approx(0.6, abs=0.016)
    shuffled = present.copy()
    rng.shuffle(shuffled[:, 1])
    control = CodeMatrix(canonical(sparse.csr_matrix(shuffled.astype(int))), np.arange(200_000), vocabulary)
    assert abs(tetrachoric(control, 1.0)[0, 1]) < 0.02


def test_two_rare_codes_never_seen_together_do_not_read_as_exclusive() -> None:
    rows = np.zeros((2000, 2), dtype=int)
    rows[0, 0] = rows[1, 1] = 1
    vocabulary = Vocabulary(("A/1", "A/2"), ("", ""), (None, None))
    matrix = CodeMatrix(canonical(sparse.csr_matrix(rows)), np.arange(2000), vocabulary)
    assert abs(tetrachoric(matrix, 5.0)[0, 1]) < 0.05
    assert tetrachoric(matrix, 1e-9)[0, 1] < -0.5


def test_factors_recover_a_one_factor_model() -> None:
    loading = np.array([0.9, 0.7, 0.5, 0.3, 0.6])
    correlation = np.outer(loading, loading)
    np.fill_diagonal(correlation, 1.0)
    found = factors(correlation, 1, rounds=200)[:, 0]
    assert np.abs(found) == pytest.approx(loading, abs=0.01)


def test_it_keeps_correlation_that_the_independent_sampler_loses(cohort: Cohort, tmp_path: Path) -> None:
    train = cohort.part("train")
    real = correlations(train.binary())
    gaps = {}
    for model in (Copula(rank=10), Independent()):
        model.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
        out = model.sample(10_000, rng=np.random.default_rng(0))
        assert np.asarray((out > 0).mean(axis=0)).ravel() == pytest.approx(train.prevalence(), abs=0.03)
        for columns in train.vocabulary.groups.values():
            assert (out[:, columns].sum(axis=1) == 1).all()
        gaps[model.name] = np.linalg.norm(correlations(out > 0) - real) / np.linalg.norm(real)
    assert gaps["copula"] < 0.45 < 0.6 < gaps["independent"]


def test_saved_and_loaded_it_draws_the_same(cohort: Cohort, tmp_path: Path) -> None:
    model = Copula(rank=5, data="count")
    model.fit(cohort, seed=0, workspace=tmp_path, ledger=Ledger())
    model.save(tmp_path)
    again = Copula.load(tmp_path, cohort.matrix.vocabulary)
    one, two = (m.sample(500, rng=np.random.default_rng(3)) for m in (model, again))
    assert (one != two).nnz == 0
    assert one.data.max() > 1
