import importlib.util
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse

from privacy import neighbours
from privacy.engines import bits, product, tensors
from privacy.neighbours import default_engine, distance_blocks, nearest, nearest_distance

needs_faiss = pytest.mark.skipif(importlib.util.find_spec("faiss") is None, reason="faiss-cpu is not installed")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
ENGINES = [pytest.param("faiss", marks=needs_faiss), "product", "torch"]
ANYWHERE = [*ENGINES, pytest.param("cuda", marks=needs_cuda)]


def of_engine(name: str) -> dict[str, Any]:
    """The arguments of `nearest`; torch is on the CPU unless it is asked for as cuda."""
    return {"engine": "torch", "device": name} if name == "cuda" else {"engine": name, "device": "cpu"}


def csr(rows: list[list[int]] | NDArray[np.uint8]) -> sparse.csr_matrix:
    return sparse.csr_matrix(np.array(rows, dtype=np.uint8))


def random_records(seed: int, n: int, d: int, prevalence: float = 0.15) -> NDArray[np.uint8]:
    return (np.random.default_rng(seed).random((n, d)) < prevalence).astype(np.uint8)


def weighted_by_definition(
    queries: NDArray[np.uint8], base: NDArray[np.uint8], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    return np.asarray(((queries[:, None, :] != base[None, :, :]) * weights).sum(axis=2), dtype=np.float64)


def smaller(patch: pytest.MonkeyPatch, tile: int) -> None:
    """Tiles of so many base records, fewer queries, and packing in even smaller blocks."""
    patch.setattr(product, "TILE_ROWS", (tile, tile))
    patch.setattr(product, "QUERY_ROWS", tile // 2 + 1)
    patch.setattr(tensors, "TILE_ROWS", {"cpu": (tile // 2 + 1, tile), "cuda": (tile // 2 + 1, tile)})
    patch.setattr(bits, "PACK_ROWS", tile // 3 + 1)


@pytest.mark.parametrize("engine", ENGINES)
def test_nearest_on_paper(engine: neighbours.Engine) -> None:
    base = csr([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
    distances, indices = nearest(csr([[1, 1, 0, 0], [0, 0, 0, 0]]), base, 3, engine=engine)
    assert distances.tolist() == [[0, 0, 1], [1, 2, 2]]
    assert indices.tolist() == [[0, 3, 2], [2, 0, 1]]


def by_sorting(distances: NDArray[np.floating], k: int, exclude_self: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    if exclude_self:
        np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]  # stable: the lowest index first among ties
    return np.take_along_axis(distances, order, axis=1), order


@pytest.mark.parametrize("engine", ANYWHERE)
@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 30),
    n_base=st.integers(2, 60),
    d=st.integers(1, 70),
    k=st.integers(1, 6),
    tile=st.integers(1, 40),
    exclude_self=st.booleans(),
    weighted=st.booleans(),
    threads=st.integers(1, 3),
    seed=st.integers(0, 9999),
)
def test_every_engine_gives_what_sorting_all_distances_gives(
    engine: str,
    n: int,
    n_base: int,
    d: int,
    k: int,
    tile: int,
    exclude_self: bool,
    weighted: bool,
    threads: int,
    seed: int,
) -> None:
    base = random_records(seed, n_base, d)
    queries = base if exclude_self else random_records(seed + 1, n, d)
    # few different weights, 0 among them: many ties
    weights = np.random.default_rng(seed).integers(0, 5, d) / 64 if weighted else None
    asked: dict[str, Any] = {"k": min(k, n_base - exclude_self), "exclude_self": exclude_self}
    by_hand = weighted_by_definition(queries, base, np.ones(d) if weights is None else weights)
    with pytest.MonkeyPatch.context() as patch:
        smaller(patch, tile)
        distances, indices = nearest(
            csr(queries), csr(base), **asked, **of_engine(engine), weights=weights, threads=threads
        )
    expected = by_sorting(by_hand, **asked)
    np.testing.assert_array_equal(distances, expected[0])
    np.testing.assert_array_equal(indices, expected[1])
    assert (distances.dtype, indices.dtype) == (np.float64 if weighted else np.int32, np.int64)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_record_is_not_its_own_neighbour_but_its_duplicate_is(engine: neighbours.Engine) -> None:
    records = csr([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 1, 1]])
    distances, indices = nearest(records, records, 1, exclude_self=True, engine=engine)
    assert distances.ravel().tolist() == [0, 0, 0, 0, 3]
    assert all(index != row for row, index in enumerate(indices.ravel()))
    assert nearest_distance(records, records, engine=engine).max() == 0  # the control: with itself all are at 0


def test_blocks_do_not_change_a_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, base = random_records(0, 50, 40), random_records(1, 80, 40)
    monkeypatch.setattr(neighbours, "BLOCK_CELLS", 80 * 7)
    blocks = dict(distance_blocks(csr(queries), csr(base)))
    assert list(blocks) == list(range(0, 50, 7))
    by_hand = weighted_by_definition(queries, base, np.ones(40))
    np.testing.assert_array_equal(np.concatenate(list(blocks.values()), axis=1), by_hand.T)


@pytest.mark.parametrize("engine", ANYWHERE)
def test_with_more_than_a_tile_of_neighbours_all_come_in_order(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queries, base = random_records(0, 20, 30), random_records(1, 90, 30)
    smaller(monkeypatch, 7)
    found = nearest(csr(queries), csr(base), 90, **of_engine(engine))
    expected = by_sorting(weighted_by_definition(queries, base, np.ones(30)), 90, False)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("engine", ANYWHERE)
def test_what_is_stored_as_zero_counts_as_absent(engine: str) -> None:
    queries, base = csr(random_records(2, 9, 20, 0.4)), csr(random_records(3, 30, 20, 0.4))
    stored = [side.copy() for side in (queries, base)]
    for side in stored:
        side.data[::3] = 0
    plain = [csr(side.toarray()) for side in stored]
    for one, other in zip(nearest(*stored, 4, **of_engine(engine)), nearest(*plain, 4, engine="product"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert stored[0].nnz == queries.nnz  # the callers' matrices are left as they are


@pytest.mark.parametrize("engine", ENGINES)
def test_no_query_has_no_neighbours(engine: str) -> None:
    distances, indices = nearest(csr(random_records(0, 3, 8))[:0], csr(random_records(1, 3, 8)), 2, **of_engine(engine))
    assert distances.shape == indices.shape == (0, 2)


def test_weighted_distance_is_the_sum_of_the_weights_of_codes_that_differ() -> None:
    queries, base = random_records(4, 15, 30), random_records(5, 40, 30)
    weights = np.random.default_rng(6).integers(0, 500, 30) / 64  # whole steps: nothing is rounded
    truth = weighted_by_definition(queries, base, weights)
    np.testing.assert_array_equal(nearest_distance(csr(queries), csr(base), weights=weights), truth.min(axis=1))
    np.fill_diagonal(own := weighted_by_definition(base, base, weights), np.inf)
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
    monkeypatch.setattr(neighbours, "_has_cuda", lambda: False)
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None)
    assert default_engine(csr(random_records(0, 9, 20, 0.5))) == "product"
    np.testing.assert_array_equal(nearest(queries, base, 2)[1], expected[1])


def test_the_default_is_torch_only_where_there_is_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = csr(random_records(0, 9, 20))
    assert (default_engine(queries) == "torch") == torch.cuda.is_available()
    monkeypatch.setattr(neighbours, "_has_cuda", lambda: True)
    assert default_engine(queries) == "torch"


@needs_faiss
@pytest.mark.parametrize(
    ("codes", "codes_a_record", "engine"), [(1_000, 4, "product"), (1_000, 20, "faiss"), (400, 4, "faiss")]
)
def test_short_records_of_many_codes_go_to_the_product(
    monkeypatch: pytest.MonkeyPatch, codes: int, codes_a_record: int, engine: str
) -> None:
    monkeypatch.setattr(neighbours, "_has_cuda", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    records = np.zeros((3, codes), dtype=np.uint8)
    records[:, :codes_a_record] = 1
    assert default_engine(csr(records)) == engine


def test_torch_is_imported_only_where_it_searches() -> None:
    # the ground floor can be read and run without it
    program = "import sys; import privacy.neighbours as n; n._has_cuda() or print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert shown.stdout.strip() in ("", "False")


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
    with pytest.raises(ValueError, match="sum to less than 262,144 to be exact"):
        nearest(three, three, weights=np.full(8, 32_768.0))
    with pytest.raises(ValueError, match="engine must be faiss, product or torch"):
        nearest(three, three, engine="annoy")  # type: ignore[arg-type]
