import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from privacy.densities import kernel
from privacy.densities.kernel import log_kernel_density, prevalence

BITS = arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(4)), elements=st.integers(0, 1))
P = np.array([0.5, 0.1, 0.02, 0.9])


def by_definition(x: np.ndarray, s: np.ndarray, redraw: float) -> float:
    drawn = np.where(x == 1, P, 1 - P)
    return float(np.prod((1 - redraw) * (x == s) + redraw * drawn))


@given(BITS, BITS, st.floats(0.01, 0.99))
def test_the_density_is_the_mean_of_the_kernels(targets: np.ndarray, base: np.ndarray, redraw: float) -> None:
    expected = [np.log(np.mean([by_definition(x, s, redraw) for s in base])) for x in targets]
    found = log_kernel_density(sparse.csr_matrix(targets), sparse.csr_matrix(base), P, redraw)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@given(BITS, st.floats(0.01, 0.99))
def test_it_is_a_density(base: np.ndarray, redraw: float) -> None:
    everything = np.array([[i >> j & 1 for j in range(4)] for i in range(16)], dtype=np.uint8)
    found = log_kernel_density(sparse.csr_matrix(everything), sparse.csr_matrix(base), P, redraw)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-4)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    targets, base = (sparse.csr_matrix((rng.random((n, 4)) < 0.4).astype(np.uint8)) for n in (57, 23))
    whole = log_kernel_density(targets, base, P, 0.1)
    monkeypatch.setattr(kernel, "BLOCK_CELLS", 23 * 10)
    np.testing.assert_allclose(log_kernel_density(targets, base, P, 0.1), whole, rtol=1e-6)


def test_prevalences_are_never_certain() -> None:
    np.testing.assert_allclose(prevalence(sparse.csr_matrix([[1, 0], [1, 0]])), [2.5 / 3, 0.5 / 3])


@pytest.mark.parametrize(("p", "redraw"), [(P, 0.0), (P, 1.0), (np.array([0.5, 0, 0.5, 0.5]), 0.1), (P[:3], 0.1)])
def test_what_is_no_kernel_is_refused(p: np.ndarray, redraw: float) -> None:
    records = sparse.csr_matrix(np.eye(4, dtype=np.uint8))
    with pytest.raises(ValueError, match=r"strictly between|over the codes"):
        log_kernel_density(records, records, p, redraw)
