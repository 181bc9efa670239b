import numpy as np
import pytest
from scipy import sparse

from synthehr.cohort.cohort import Cohort
from synthehr.models.held_out import HeldOut, correlations


def test_correlations_are_pearsons_with_a_zero_diagonal() -> None:
    x = (np.random.default_rng(0).random((300, 4)) < [0.2, 0.5, 0.7, 0.5]).astype(int)
    x[:, 3] = x[:, 1]
    expected = np.corrcoef(x.T) - np.eye(4)
    assert correlations(sparse.csr_matrix(x)) == pytest.approx(expected, abs=1e-12)


def test_a_constant_column_correlates_with_nothing() -> None:
    x = np.column_stack([np.ones(50), np.arange(50) % 2])
    assert (correlations(sparse.csr_matrix(x)) == 0).all()


def test_real_patients_are_nearer_than_the_same_codes_shuffled(cohort: Cohort) -> None:
    held_out, train = HeldOut(cohort.part("validation")), cohort.part("train").counts
    rng = np.random.default_rng(0)
    columns = [train[rng.permutation(train.shape[0]), j] for j in range(train.shape[1])]
    shuffled = sparse.hstack(columns, format="csr")
    assert held_out.distance(cohort.part("validation").counts) == pytest.approx(0)
    assert held_out.distance(train) < 0.6 * held_out.distance(shuffled)
