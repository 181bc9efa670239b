import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from privacy.densities.chow_liu import fit_chow_liu

BITS = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(2, 5)), elements=st.integers(0, 1))


@given(BITS)
def test_it_is_a_density(records: np.ndarray) -> None:
    d = records.shape[1]
    everything = sparse.csr_matrix(np.array([[i >> j & 1 for j in range(d)] for i in range(2**d)], dtype=np.uint8))
    found = fit_chow_liu(sparse.csr_matrix(records)).log_density(everything)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-9)


def test_a_chain_is_found_and_two_codes_are_their_joint_by_hand() -> None:
    pairs = sparse.csr_matrix(np.array([[1, 1], [1, 1], [0, 0], [1, 0]], dtype=np.uint8))
    found = fit_chow_liu(pairs).log_density(sparse.csr_matrix([[1, 1], [0, 1]]))
    # half a patient is added to each of four cells: (2 + .5) / 6 and .5 / 6
    np.testing.assert_allclose(np.exp(found), [2.5 / 6, 0.5 / 6])
    rng = np.random.default_rng(0)
    chain = np.zeros((20_000, 4), dtype=np.uint8)
    chain[:, 2] = rng.random(20_000) < 0.5
    for child, parent in ((0, 2), (3, 0), (1, 3)):
        chain[:, child] = chain[:, parent] ^ (rng.random(20_000) < 0.1)
    tree = fit_chow_liu(sparse.csr_matrix(chain))
    assert {frozenset(edge) for edge in zip(tree.child, tree.parent, strict=True)} == {
        frozenset((0, 2)),
        frozenset((3, 0)),
        frozenset((1, 3)),
    }


@pytest.mark.parametrize("shape", [(5, 1), (0, 3)])
def test_what_has_no_pairs_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least two codes"):
        fit_chow_liu(sparse.csr_matrix(shape, dtype=np.uint8))
