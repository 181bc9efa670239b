import numpy as np
from scipy import sparse

from synthehr.models.private.pairs import asked_columns, scaled_part
from synthehr.models.private.prevalences import Prevalences


def test_the_scaled_part_is_what_scaling_leaves_of_pairs() -> None:
    rng = np.random.default_rng(0)
    d, n = 30, 40_000
    prevalence = np.geomspace(0.5, 0.02, d)
    records = rng.random((n, d)) < prevalence
    weights = prevalence**-0.25
    inverse = 1 / np.maximum((records * weights**2).sum(axis=1), 1e-9)
    inverse[~records.any(axis=1)] = 0
    both = np.einsum("ni,nj->ij", records[:, :8].astype(float), records[:, :8].astype(float))
    exact = np.einsum("ni,nj,n->ij", records[:, :8].astype(float), records[:, :8].astype(float), inverse) / both
    told = scaled_part(sparse.csr_matrix(records), weights)[:8, :8]
    off = ~np.eye(8, dtype=bool)
    assert np.abs(told[off] / exact[off] - 1).max() < 0.1


def test_a_column_without_carriers_is_read_off_the_others() -> None:
    rng = np.random.default_rng(1)
    records = np.hstack([rng.random((5_000, 12)) < 0.3, np.zeros((5_000, 1), dtype=bool)])
    told = scaled_part(sparse.csr_matrix(records), np.ones(13))
    assert 0.7 < told[0, 12] / told[0, 1] < 1.4


def test_only_columns_that_stand_out_are_asked_for() -> None:
    share, noise = np.array([0.5, 0.049, 0.2, 0.2]), np.array([1.0, 1.0, 10.0, 60.0])
    found = Prevalences((), np.arange(4), 1_000.0, share, noise)
    # 500, 49, 200 and 200 patients: at least 50, and at least 4 standard deviations
    assert list(asked_columns(found)) == [0, 2]
