import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from synthehr.fidelity.agreement import pearson, r_squared, spearman

VECTORS = hnp.arrays(np.float64, 6, elements=st.floats(0, 1))


def test_pearson_by_hand() -> None:
    # centred: (-1, 0, 1) and (-1, 1, 0): product 1, both norms root 2
    assert pearson(np.array([0.0, 1, 2]), np.array([0.0, 2, 1])) == pytest.approx(0.5)


def test_spearman_sees_order_only_and_gives_ties_their_mean_rank() -> None:
    assert spearman(np.array([0.1, 0.2, 0.9]), np.array([0.1, 0.8, 0.81])) == pytest.approx(1.0)
    # ranks (1, 2.5, 2.5) and (1, 2, 3): centred (-1, .5, .5), (-1, 0, 1): 1.5 / root(1.5 x 2)
    assert spearman(np.array([0.0, 1, 1]), np.array([0.0, 1, 2])) == pytest.approx(1.5 / np.sqrt(3))


def test_r_squared_falls_for_a_slope_that_pearson_forgives() -> None:
    real, doubled = np.array([0.0, 1, 2]), np.array([0.0, 2, 4])
    assert pearson(real, doubled) == pytest.approx(1.0)
    assert r_squared(real, doubled) == pytest.approx(1 - 5 / 2)  # residuals 0, 1, 2; total 2


def test_a_constant_tells_nothing_unless_it_is_right() -> None:
    real, constant = np.array([0.1, 0.2]), np.array([0.2, 0.2])
    assert pearson(real, constant) == pearson(constant, real) == spearman(real, constant) == 0.0
    assert r_squared(constant, real) == 0.0
    assert pearson(constant, constant) == r_squared(constant, constant) == 1.0


@given(VECTORS, VECTORS, st.permutations(range(6)))
def test_ranges_identity_and_order(x: np.ndarray, y: np.ndarray, order: list[int]) -> None:
    for agreement in (pearson, spearman):
        assert -1 <= agreement(x, y) <= 1
        assert agreement(x, x) == 1
        assert agreement(x[order], y[order]) == pytest.approx(agreement(x, y), abs=1e-6)
    assert r_squared(x, x) == 1 >= r_squared(x, y)
