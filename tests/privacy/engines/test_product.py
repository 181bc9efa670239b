import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from privacy.engines import product
from privacy.engines.product import search


def test_records_of_too_many_codes_for_16_bits_are_searched_in_wider_numbers() -> None:
    # 33,000 codes that differ are -32,536 in 16 bits, and would be the nearest
    full, none = np.ones((1, 33_000), dtype=np.uint8), np.zeros((1, 33_000), dtype=np.uint8)
    base = sparse.csr_matrix(np.vstack([none, full]))
    distances, indices = search(sparse.csr_matrix(full), base, 2, None, 1)
    assert (distances.tolist(), indices.tolist()) == ([[0, 33_000]], [[1, 0]])


def test_the_largest_exact_weights_keep_a_difference_of_one_step() -> None:
    steps = np.array([2**24 - 3, 1, 1], dtype=np.float32)
    base = sparse.csr_matrix(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=np.uint8))
    query = sparse.csr_matrix(np.array([[1, 0, 0]], dtype=np.uint8))
    distances, indices = search(query, base, 3, steps, 1)
    assert distances.tolist() == [[2**24 - 3, 2**24 - 2, 2**24 - 1]]
    assert indices.tolist() == [[2, 1, 0]]


def test_working_memory_does_not_grow_with_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "TILE_ROWS", (64, 64))
    rng = np.random.default_rng(0)
    queries = sparse.random(300, 50, 0.1, format="csr", rng=rng, data_rvs=np.ones)
    peaks = []
    for n in (5_000, 50_000):
        base = sparse.random(n, 50, 0.02, format="csr", rng=rng, data_rvs=np.ones)
        tracemalloc.start()
        search(queries, base, 2, None, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # of the ten times longer base only its count of codes a record, 4 and 8 bytes, is held
    assert peaks[1] - peaks[0] < 16 * 45_000 < 300 * 45_000
