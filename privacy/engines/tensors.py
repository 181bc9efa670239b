"""Nearest records by dense products in torch, on CUDA or on the CPU. Importing this module imports torch.

Both sides come as column indices and become dense on the device, tile by tile; the search is that of the sparse product
(`privacy.engines.product`), and so are its results: every number in it is whole and small enough to be exact.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse

from privacy.engines.product import NOTHING, Found, most_codes, split

TILE_ROWS = {"cuda": (2_048, 8_192), "cpu": (512, 2_048)}  # most queries and most base records at once
TILE_CELLS = 32_000_000  # of a dense tile, cells: 128 MB of float32
HALF_EXACT = 2_048  # float16 holds every whole number up to here


def search(
    queries: sparse.csr_matrix,
    base: sparse.csr_matrix,
    k: int,
    steps: NDArray[np.float32] | None,
    threads: int,
    device: str,
) -> Found:
    """Distances and indices of the k nearest, (n_queries, k), by (distance, index).

    steps: (n_codes,) whole-number weights whose sum is below 2^24, ones if None. threads: of the CPU, restored
    afterwards. device: auto (CUDA where there is one), cpu, cuda or cuda:<index>. Memory on the device, whatever the
    number of records: two dense tiles of at most 128 MB, and 50 bytes for each of 2,048 x (8,192 + k) distances on
    CUDA (0.8 GB) or 512 x (2,048 + k) on the CPU (52 MB); besides, 8 bytes a code of a record and 8 a result.

    Raises:
        ValueError: a CUDA device is asked for where there is none.
    """
    where = chosen(device)
    weight = torch.ones(base.shape[1]) if steps is None else torch.from_numpy(steps)
    number = exact_type(where, most_codes(queries), weighted=steps is not None)
    with torch.inference_mode(), _settings(threads):
        best = _nearest_keys(_Records(queries, where), _Records(base, where), k, weight.to(where), number)
        return split(best.sort(dim=1).values.cpu().numpy())


def chosen(device: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: a CUDA device is asked for where there is none.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device is {device!r} and torch finds no CUDA device.")
    return torch.device(device)


def exact_type(where: torch.device, codes: int, *, weighted: bool) -> torch.dtype:
    """float16 on CUDA where no sum over a query's codes leaves its whole numbers, else float32."""
    return torch.float16 if where.type == "cuda" and not weighted and codes <= HALF_EXACT else torch.float32


@contextmanager
def _settings(threads: int) -> Iterator[None]:
    """So many threads, and float32 products in float32: TF32 and bfloat16 would round the weights."""
    before, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_float32_matmul_precision(precision)


class _Records:
    """A CSR of 0 and 1 on the device as row and column of each entry, int32, of which ranges of rows become dense."""

    def __init__(self, records: sparse.csr_matrix, where: torch.device):
        if not records.data.all():
            records = records.copy()
            records.eliminate_zeros()
        self.shape, self.indptr, self.where = records.shape, records.indptr, where
        rows = np.repeat(np.arange(records.shape[0], dtype=np.int32), np.diff(records.indptr))
        self.rows = torch.from_numpy(rows).to(where)
        self.columns = torch.from_numpy(records.indices.astype(np.int32)).to(where)

    def dense(self, start: int, stop: int, number: torch.dtype) -> torch.Tensor:
        """Rows start to stop, (rows, n_codes)."""
        entries = slice(int(self.indptr[start]), int(self.indptr[stop]))
        block = torch.zeros((stop - start, self.shape[1]), dtype=number, device=self.where)
        block[self.rows[entries] - start, self.columns[entries]] = 1
        return block

    def ranges(self, most: int) -> list[tuple[int, int]]:
        """(start, stop) over all rows, so that a dense tile has at most `most` rows and TILE_CELLS cells."""
        rows = max(1, min(most, TILE_CELLS // max(1, self.shape[1])))
        return [(start, min(start + rows, self.shape[0])) for start in range(0, self.shape[0], rows)]


def _nearest_keys(queries: _Records, base: _Records, k: int, weight: torch.Tensor, number: torch.dtype) -> torch.Tensor:
    """(n_queries, k) of distance << 32 | index, the k lowest of each query in no order."""
    query_rows, base_rows = TILE_ROWS["cuda" if base.where.type == "cuda" else "cpu"]
    best = torch.full((queries.shape[0], k), NOTHING, dtype=torch.int64, device=base.where)
    bar = torch.full((queries.shape[0],), torch.inf, device=base.where)  # to beat: an equal distance has a higher index
    for first, last in base.ranges(base_rows):
        tile = base.dense(first, last, torch.float32)
        own, turned = tile @ weight, ((1 - 2 * tile) * weight).to(number).T
        index = torch.arange(first, last, device=base.where)
        for start, stop in queries.ranges(query_rows):
            distances = (queries.dense(start, stop, number) @ turned).float().add_(own)
            nearer = (distances.amin(dim=1) < bar[start:stop]).nonzero().squeeze(1)
            if len(nearer):
                keys = distances[nearer].long().bitwise_left_shift_(32).bitwise_or_(index)
                keys = torch.cat([best[start + nearer], keys], dim=1).topk(k, dim=1, largest=False, sorted=False).values
                best[start + nearer] = keys
                bar[start + nearer] = (keys.amax(dim=1) >> 32).float()
    return best
