"""Exact nearest neighbours of sparse 0/1 records in Hamming distance, and in a weighted one.

Two engines give equal results: faiss (`IndexBinaryFlat`, packed bits) and a blocked sparse-times-dense product. The
product is the reference, knows weights, and is used where faiss cannot be imported. Among records at the same distance
the lowest index comes first, in both.
"""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Engine = Literal["faiss", "product"]

BLOCK_CELLS = 16_000_000  # distances held at once by the product: 64 MB of float32
PACK_ROWS = 8_192  # rows unpacked at once: 8 MB at 1,000 codes
PACK_BYTES = 32  # faiss reads whole words; 128-byte codes were 1.4 times as fast as 115-byte ones
WEIGHT_STEP = 1 / 64  # weights in whole steps make every float32 sum exact, so that ties stay ties


def default_engine() -> Engine:
    """Faiss on Linux where it is installed, else the product: elsewhere its OpenMP clashes with that of torch."""
    return "faiss" if sys.platform == "linux" and find_spec("faiss") is not None else "product"


def nearest(
    queries: sparse.csr_matrix,
    base: sparse.csr_matrix,
    k: int = 1,
    *,
    exclude_self: bool = False,
    engine: Engine | None = None,
    threads: int = 1,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The k records of `base` nearest to each query: Hamming distances and row indices, both (n_queries, k).

    queries, base: CSR of 0 and 1 over the same codes. Rows are ordered by (distance, index). exclude_self: query i is
    row i of base and is not its own neighbour (its duplicates are). threads: pinned for faiss, restored afterwards.

    Raises:
        ValueError: k is not in [1, number of candidates], the codes differ, or exclude_self with unequal matrices.
    """
    _check(queries, base, exclude_self)
    candidates = base.shape[0] - exclude_self
    if not 1 <= k <= candidates:
        raise ValueError(f"k must be between 1 and the {candidates} records to choose from. Got {k} instead.")
    search = _search_faiss if (engine or default_engine()) == "faiss" else _search_product
    distances, indices = search(queries, base, k + exclude_self, threads)
    return _drop_self(distances, indices) if exclude_self else (distances, indices)


def nearest_distance(
    queries: sparse.csr_matrix,
    base: sparse.csr_matrix,
    *,
    weights: NDArray[np.floating] | None = None,
    exclude_self: bool = False,
    engine: Engine | None = None,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Distance from each query to its nearest record in `base`, (n_queries,): codes that differ, or their weights.

    weights: (n_codes,) not negative, rounded to 1/64; with weights the product is always the engine.

    Raises:
        ValueError: as `nearest`, or weights of another length or below 0.
    """
    if weights is None:
        distances, _ = nearest(queries, base, exclude_self=exclude_self, engine=engine, threads=threads)
        return distances[:, 0].astype(np.float64)
    _check(queries, base, exclude_self)
    found = np.empty(queries.shape[0])
    for start, block in distance_blocks(queries, base, weights=weights):
        if exclude_self:
            _mask_self(block, start)
        found[start : start + block.shape[1]] = block.min(axis=0)
    return found


def distance_blocks(
    queries: sparse.csr_matrix, base: sparse.csr_matrix, *, weights: NDArray[np.floating] | None = None
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first query, distances (n_base, n_block)) over blocks of queries; a block holds at most 64 MB.

    |x - y| over bits is x + y(1 - 2x), so one product of the sparse base with a dense block gives all distances.
    """
    step = exact_weights(weights, base.shape[1])
    wide = base.astype(np.float32)
    rows = max(1, BLOCK_CELLS // max(1, base.shape[0]))
    for start in range(0, queries.shape[0], rows):
        block = queries[start : start + rows].toarray().astype(np.float32)
        distances = wide @ np.ascontiguousarray(((1 - 2 * block) * step).T)
        distances += block @ step
        yield start, distances


def exact_weights(weights: NDArray[np.floating] | None, n_codes: int) -> NDArray[np.float32]:
    """(n_codes,) weights rounded to whole steps of 1/64, ones where none are given.

    Raises:
        ValueError: another length, a negative weight, or one that is not finite.
    """
    if weights is None:
        return np.ones(n_codes, dtype=np.float32)
    if weights.shape != (n_codes,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights must be {n_codes} finite numbers of 0 or more. Got shape {weights.shape} instead.")
    return (np.round(weights / WEIGHT_STEP) * WEIGHT_STEP).astype(np.float32)


def packed(records: sparse.csr_matrix) -> NDArray[np.uint8]:
    """Records as packed bits, (n, whole 32-byte words): what faiss searches and what equality compares."""
    width = -(-records.shape[1] // (8 * PACK_BYTES)) * PACK_BYTES
    bits = np.zeros((records.shape[0], width), dtype=np.uint8)
    for start in range(0, records.shape[0], PACK_ROWS):
        block = np.packbits(records[start : start + PACK_ROWS].toarray() != 0, axis=1)
        bits[start : start + len(block), : block.shape[1]] = block
    return bits


def _check(queries: sparse.csr_matrix, base: sparse.csr_matrix, exclude_self: bool) -> None:
    if queries.shape[1] != base.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} codes and base has {base.shape[1]}; they must be the same.")
    if base.shape[0] <= exclude_self:
        raise ValueError(f"base has {base.shape[0]} records: there is no neighbour to find.")
    if exclude_self and queries.shape != base.shape:
        raise ValueError(f"exclude_self needs base to be the queries. Got {base.shape} and {queries.shape} instead.")


def _search_faiss(
    queries: sparse.csr_matrix, base: sparse.csr_matrix, k: int, threads: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    import faiss

    bits = packed(base)
    index = faiss.IndexBinaryFlat(bits.shape[1] * 8)
    index.add(bits)
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        distances, indices = index.search(packed(queries), k)
    finally:
        faiss.omp_set_num_threads(before)
    return distances, indices


def _search_product(
    queries: sparse.csr_matrix, base: sparse.csr_matrix, k: int, threads: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    distances = np.empty((queries.shape[0], k), dtype=np.int32)
    indices = np.empty((queries.shape[0], k), dtype=np.int64)
    place = np.arange(base.shape[0], dtype=np.int64)
    for start, block in distance_blocks(queries, base):
        # distance in the high half and index in the low half of one integer: sorting it is sorting by both
        key = (block.T.astype(np.int64) << 32) | place
        if k < key.shape[1]:
            key = np.partition(key, k - 1, axis=1)[:, :k]
        key.sort(axis=1)
        distances[start : start + len(key)] = key >> 32
        indices[start : start + len(key)] = key & 0xFFFFFFFF
    return distances, indices


def _mask_self(block: NDArray[np.float32], start: int) -> None:
    inside = np.arange(block.shape[1])
    block[start + inside, inside] = np.inf


def _drop_self(distances: NDArray[np.int32], indices: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    self_at = indices == np.arange(len(indices))[:, None]
    # with more than k duplicates of lower index the query itself is not in the list: the last one goes instead
    self_at[~self_at.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return distances[~self_at].reshape(shape), indices[~self_at].reshape(shape)
