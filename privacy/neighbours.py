"""Exact nearest neighbours of sparse 0/1 records in Hamming distance, and in a weighted one.

Three engines (`privacy.engines`) give equal results: faiss over packed bits, which knows no weights; products of sparse
queries with dense tiles, which run anywhere and are faster the shorter the records; and dense products in torch, for
CUDA. Among records at the same distance the lowest index comes first, in all. None holds more than a tile of distances,
so that a million records are searched in a few hundred MB: each engine's `search` states its memory.
"""

import ctypes
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from privacy.engines import bits, product
from privacy.engines.bits import packed

__all__ = ["Engine", "default_engine", "distance_blocks", "exact_weights", "nearest", "nearest_distance", "packed"]

Engine = Literal["faiss", "product", "torch"]
Weights = NDArray[np.floating]
Distances = NDArray[np.int32] | NDArray[np.float64]

BLOCK_CELLS = 16_000_000  # distances that `distance_blocks` holds at once: 64 MB of float32
# a product costs a constant and a little for each code of a query, a popcount something for each code there is; they
# cost the same on this line, measured at 100 to 10,000 codes and 2 to 64 codes a record (benchmarks/README.md)
CODES_FOR_PRODUCT, CODES_FOR_PRODUCT_PER_CODE = 600, 37
WEIGHT_STEP = 1 / 64  # weights in whole steps make every float32 sum exact, so that ties stay ties
EXACT_SUM = 2**24 * WEIGHT_STEP  # float32 holds every whole number of steps below


def default_engine(queries: sparse.csr_matrix) -> Engine:
    """The fastest for these queries: torch with a CUDA device, the product for short records of many codes, else faiss.

    Without faiss, and elsewhere than on Linux, where its OpenMP clashes with that of torch, the product.
    """
    if _has_cuda():
        return "torch"
    if sys.platform != "linux" or find_spec("faiss") is None:
        return "product"
    codes_a_record = queries.nnz / max(1, queries.shape[0])
    short = queries.shape[1] >= CODES_FOR_PRODUCT + CODES_FOR_PRODUCT_PER_CODE * codes_a_record
    return "product" if short else "faiss"


def nearest(
    queries: sparse.csr_matrix,
    base: sparse.csr_matrix,
    k: int = 1,
    *,
    weights: Weights | None = None,
    exclude_self: bool = False,
    engine: Engine | None = None,
    threads: int = 1,
    device: str = "auto",
) -> tuple[Distances, NDArray[np.int64]]:
    """The k records of `base` nearest to each query: distances and row indices, both (n_queries, k).

    queries, base: CSR of 0 and 1 over the same codes. Rows are ordered by (distance, index). A distance is the number
    of codes that differ, int32; with weights, (n_codes,) not negative and rounded to 1/64, the sum of theirs, float64.
    exclude_self: query i is row i of base and is not its own neighbour (its duplicates are). engine: the default one if
    None; where faiss is chosen and there are weights, the product takes its place. threads: of the CPU, restored
    afterwards. device: of torch; auto, cpu, cuda or cuda:<index>.

    Raises:
        ValueError: k is not in [1, number of candidates], the codes differ, exclude_self with unequal matrices, weights
            that `exact_weights` refuses, no engine of that name, or a CUDA device where there is none.
    """
    _check(queries, base, exclude_self)
    steps = None if weights is None else exact_weights(weights, base.shape[1]) / np.float32(WEIGHT_STEP)
    candidates = base.shape[0] - exclude_self
    if not 1 <= k <= candidates:
        raise ValueError(f"k must be between 1 and the {candidates} records to choose from. Got {k} instead.")
    found = _search(queries, base, k + exclude_self, steps, engine or default_engine(queries), threads, device)
    distances, indices = _drop_self(*found) if exclude_self else found
    if steps is None:
        return distances.astype(np.int32), indices
    return distances.astype(np.float64) * WEIGHT_STEP, indices


def nearest_distance(
    queries: sparse.csr_matrix,
    base: sparse.csr_matrix,
    *,
    weights: Weights | None = None,
    exclude_self: bool = False,
    engine: Engine | None = None,
    threads: int = 1,
    device: str = "auto",
) -> NDArray[np.float64]:
    """Distance from each query to its nearest record in `base`, (n_queries,): codes that differ, or their weights.

    The arguments are those of `nearest`.

    Raises:
        ValueError: as `nearest`.
    """
    distances, _ = nearest(
        queries, base, weights=weights, exclude_self=exclude_self, engine=engine, threads=threads, device=device
    )
    return distances[:, 0].astype(np.float64)


def distance_blocks(
    queries: sparse.csr_matrix, base: sparse.csr_matrix, *, weights: Weights | None = None
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (first query, distances (n_base, n_block)) over blocks of queries: for whole columns of distances.

    A block holds at most 64 MB, or one query where its column is larger. |x - y| over bits is x + y(1 - 2x), so one
    product of the sparse base with a dense block gives all distances.
    """
    step = exact_weights(weights, base.shape[1])
    wide = base.astype(np.float32)
    rows = max(1, BLOCK_CELLS // max(1, base.shape[0]))
    for start in range(0, queries.shape[0], rows):
        block = queries[start : start + rows].toarray().astype(np.float32)
        distances = wide @ np.ascontiguousarray(((1 - 2 * block) * step).T)
        distances += block @ step
        yield start, distances


def exact_weights(weights: Weights | None, n_codes: int) -> NDArray[np.float32]:
    """(n_codes,) weights rounded to whole steps of 1/64, ones where none are given.

    Raises:
        ValueError: another length, a negative weight, one that is not finite, or a sum that float32 cannot hold in
            steps, 262,144 or more.
    """
    if weights is None:
        return np.ones(n_codes, dtype=np.float32)
    if weights.shape != (n_codes,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"weights must be {n_codes} finite numbers of 0 or more. Got shape {weights.shape} instead.")
    rounded = np.round(weights.astype(np.float64) / WEIGHT_STEP) * WEIGHT_STEP
    if rounded.sum() >= EXACT_SUM:
        raise ValueError(
            f"weights must sum to less than {EXACT_SUM:,.0f} to be exact. Got {rounded.sum():,.0f} instead."
        )
    return rounded.astype(np.float32)


@cache
def _has_cuda() -> bool:
    """Whether torch has a CUDA device; torch, seconds to import, is only asked where a driver is installed."""
    driver = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}.get(sys.platform)
    if driver is None or find_spec("torch") is None:
        return False
    try:
        ctypes.CDLL(driver)
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()


def _check(queries: sparse.csr_matrix, base: sparse.csr_matrix, exclude_self: bool) -> None:
    if queries.shape[1] != base.shape[1]:
        raise ValueError(f"queries have {queries.shape[1]} codes and base has {base.shape[1]}; they must be the same.")
    if base.shape[0] <= exclude_self:
        raise ValueError(f"base has {base.shape[0]} records: there is no neighbour to find.")
    if exclude_self and queries.shape != base.shape:
        raise ValueError(f"exclude_self needs base to be the queries. Got {base.shape} and {queries.shape} instead.")


def _search(
    queries: sparse.csr_matrix,
    base: sparse.csr_matrix,
    k: int,
    steps: NDArray[np.float32] | None,
    engine: Engine,
    threads: int,
    device: str,
) -> tuple[NDArray[np.signedinteger], NDArray[np.int64]]:
    if engine == "torch":
        from privacy.engines import tensors

        return tensors.search(queries, base, k, steps, threads, device)
    if engine == "faiss" and steps is None:
        return bits.search(queries, base, k, threads)
    if engine in ("faiss", "product"):
        return product.search(queries, base, k, steps, threads)
    raise ValueError(f"engine must be faiss, product or torch. Got {engine!r} instead.")


def _drop_self(
    distances: NDArray[np.signedinteger], indices: NDArray[np.int64]
) -> tuple[NDArray[np.signedinteger], NDArray[np.int64]]:
    self_at = indices == np.arange(len(indices))[:, None]
    # with more than k duplicates of lower index the query itself is not in the list: the last one goes instead
    self_at[~self_at.any(axis=1), -1] = True
    shape = (len(indices), indices.shape[1] - 1)
    return distances[~self_at].reshape(shape), indices[~self_at].reshape(shape)
