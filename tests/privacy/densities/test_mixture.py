import numpy as np
import pytest
from scipy import sparse

from privacy.densities.mixture import fit_mixture

SEED = np.random.SeedSequence


def two_groups(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rates = np.array([[0.9, 0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.9, 0.9, 0.1]])
    return (rng.random((n, 5)) < rates[rng.integers(0, 2, n)]).astype(np.uint8)


def test_one_group_is_the_independent_density_by_hand() -> None:
    records = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], dtype=np.uint8)
    # shares are drawn to themselves with half a patient more: (3 + .5) / 5 and (1 + .5) / 5, then a pseudo-patient
    overall = np.array([3.5, 1.5]) / 5
    share = (np.array([3, 1]) + overall) / 5
    expected = np.log(share[0]) + np.log(1 - share[1])
    found = fit_mixture(sparse.csr_matrix(records), 1, seed=SEED(0)).log_density(sparse.csr_matrix([[1, 0]]))
    assert found[0] == pytest.approx(expected, abs=1e-5)


def test_it_is_a_density_and_finds_the_groups() -> None:
    everything = sparse.csr_matrix(np.array([[i >> j & 1 for j in range(5)] for i in range(32)], dtype=np.uint8))
    train, fresh = (sparse.csr_matrix(two_groups(3_000, seed)) for seed in (0, 1))
    fitted = {k: fit_mixture(train, k, seed=SEED(0)) for k in (1, 2)}
    for mixture in fitted.values():
        assert np.exp(mixture.log_density(everything)).sum() == pytest.approx(1, abs=1e-4)
    # one group takes 4 fair coins and one of .1 for what are two groups: about .9 nats a record worse
    gain = fitted[2].log_density(fresh).mean() - fitted[1].log_density(fresh).mean()
    assert 0.5 < gain < 1.2


def test_a_code_that_no_record_has_is_not_impossible() -> None:
    records = sparse.csr_matrix(np.array([[1, 0]] * 9, dtype=np.uint8))
    assert np.isfinite(fit_mixture(records, 3, seed=SEED(0)).log_density(sparse.csr_matrix([[0, 1]]))).all()


def test_the_same_seed_fits_the_same_mixture() -> None:
    records = sparse.csr_matrix(two_groups(500, 2))
    one, same, other = (fit_mixture(records, 4, seed=SEED(s)).log_density(records) for s in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("components", [0, 10])
def test_more_groups_than_records_are_refused(components: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the 9 records"):
        fit_mixture(sparse.csr_matrix(np.eye(9, dtype=np.uint8)), components, seed=SEED(0))
