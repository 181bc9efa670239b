import importlib.util
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from privacy import neighbours
from privacy.neighbours import default_engine, nearest, nearest_distance

needs_faiss = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="faiss-cpu is not installed")
ENGINES = [pytest.param("faiss", marks=needs_faiss), "product"]


def csr(rows: list[list[int]] | NDArray[np.uint8]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.uint8))


def random_records(seed: int, n: int, d: int, prevalence: float = 0.15) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random((n, d)) < prevalence).astype(np.uint8)


def by_definition(queries: NDArray[np.uint8], base: NDArray[np.uint8]) -> NDArray[np.int64]:
    return (queries[:, None, :] != base[None, :, :]).sum(axis=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_nearest_on_paper(engine: neighbours.Engine) -> None:
    base = csr([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
    distances, indices = nearest(csr([[1, 1, 0, 0], [0, 0, 0, 0]]), base, 3, engine=engine)
    assert distances.tolist() == [[0, 0, 1], [1, 2, 2]]
    assert indices.tolist() == [[0, 3, 2], [2, 0, 1]]


@needs_faiss
@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 30), st.integers(2, 60), st.integers(1, 70), st.integers(1, 6), st.booleans(), st.integers(0, 9999)
)
def test_engines_agree_with_each_other_and_with_the_definition(
    n: int, n_base: int, d: int, k: int, exclude_self: bool, seed: int
) -> None:
    base = random_records(seed, n_base, d)
    queries = base if exclude_self else random_records(seed + 1, n, d)
    k = min(k, n_base - exclude_self)
    by_faiss = nearest(csr(queries), csr(base), k, exclude_self=exclude_self, engine="faiss")
    by_product = nearest(csr(queries), csr(base), k, exclude_self=exclude_self, engine="product")
    truth = by_definition(queries, base).astype(float)
    if exclude_self:
        np.fill_diagonal(truth, np.inf)
    order = np.argsort(truth, axis=1, kind="stable")[:, :k]  # stable: the lowest index first among ties
    for distances, indices in (by_faiss, by_product):
        np.testing.assert_array_equal(indices, order)
        np.testing.assert_array_equal(distances, np.take_along_axis(truth, order, axis=1))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_record_is_not_its_own_neighbour_but_its_duplicate_is(engine: neighbours.Engine) -> None:
    records = csr([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]])
    distances, indices = nearest(records, records, 1, exclude_self=True, engine=engine)
    assert distances.ravel().tolist() == [0, 0, 0, 0, 3]
    assert all(index != row for row, index in enumerate(indices.ravel()))
    assert nearest_distance(records, records, engine=engine).max() == 0  # the control: with itself all are at 0


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, base = csr(random_records(0, 50, 40)), csr(random_records(1, 80, 40))
    whole = nearest(queries, base, 5, engine="product")
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", 80 * 7)
    monkeypatch.setattr(neighbours, "PACK_ROWS", 11)
    for engine in ("product", default_engine()):
        for one, other in zip(whole, nearest(queries, base, 5, engine=engine), strict=True):
            np.testing.assert_array_equal(one, other)


def test_weighted_distance_is_the_sum_of_the_weights_of_codes_that_differ() -> None:
    queries, base = random_records(4, 15, 30), random_records(5, 40, 30)
    weights = np.random.default_rng(6).integers(0, 500, 30) / 64  # whole steps: nothing is rounded
    truth = ((queries[:, None, :] != base[None, :, :]) * weights).sum(axis=2)
    np.testing.assert_array_equal(nearest_distance(csr(queries), csr(base), weights=weights), truth.min(axis=1))
    np.fill_diagonal(own := ((base[:, None, :] != base[None, :, :]) * weights).sum(axis=2), np.inf)
    found = nearest_distance(csr(base), csr(base), weights=weights, exclude_self=True)
    np.testing.assert_array_equal(found, own.min(axis=1))


def test_weighted_ties_stay_ties() -> None:
    # 0.1 + 0.2 + 0.3 and 0.6 differ in floating point; in whole steps of 1/64 equal sets of codes give equal sums
    weights = np.random.default_rng(7).random(200) * 7
    record = random_records(8, 1, 200, 0.4)
    copies = csr(np.repeat(record, 50, axis=0))
    assert (nearest_distance(copies, copies, weights=weights) == 0.0).all()


@needs_faiss
def test_faiss_gives_its_threads_back() -> None:
    import faiss

    before = faiss.omp_get_max_threads()
    nearest(csr(random_records(0, 5, 8)), csr(random_records(1, 5, 8)), engine="faiss", threads=before + 1)
    assert faiss.omp_get_max_threads() == before


def test_without_faiss_the_product_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, base = csr(random_records(0, 9, 20)), csr(random_records(1, 9, 20))
    expected = nearest(queries, base, 2)
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None)
    assert default_engine() == "product"
    np.testing.assert_array_equal(nearest(queries, base, 2)[1], expected[1])


def test_what_cannot_be_asked_is_refused() -> None:
    three, two = csr(random_records(0, 3, 8)), csr(random_records(1, 2, 9))
    with pytest.raises(ValueError, match="8 codes and base has 9"):
        nearest(three, two)
    with pytest.raises(ValueError, match="k must be between 1 and the 2 records"):
        nearest(three, three, 3, exclude_self=True)
    with pytest.raises(ValueError, match="needs base to be the queries"):
        nearest(three[:2], three, 1, exclude_self=True)
    with pytest.raises(ValueError, match="no neighbour to find"):
        nearest_distance(three, three[:0])
    with pytest.raises(ValueError, match="finite numbers of 0 or more"):
        nearest_distance(three, three, weights=np.full(8, -1.0))
