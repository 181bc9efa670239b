"""The noun of the house: a patient x code matrix, sparse, with its vocabulary."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData

UNKNOWN = "/unknown"  # how the member of a group ends of which nothing is known
MAX_COUNT = int(np.iinfo(np.uint16).max)


@dataclass(frozen=True)
class CodeMatrix:
    """Patients x codes.

    counts: CSR (n_patients, n_codes) uint16, canonical: column indices ascending, no explicit zero; a stored value is
    how often the patient has the code. ids: (n_patients,) int64, unique; subject ids, or negative synthetic ids.
    """

    counts: sparse.csr_matrix
    ids: NDArray[np.int64]
    vocabulary: Vocabulary

    def __post_init__(self) -> None:
        if self.counts.shape != (len(self.ids), len(self.vocabulary)):
            raise ValueError(f"counts has shape {self.counts.shape}, expected {(len(self.ids), len(self.vocabulary))}")

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, positions: NDArray[np.integer] | NDArray[np.bool_]) -> "CodeMatrix":
        """The patients at `positions` (integer positions or a boolean mask), in that order."""
        return CodeMatrix(self.counts[positions], self.ids[positions], self.vocabulary)

    def binary(self) -> sparse.csr_matrix:
        """CSR (n_patients, n_codes) uint8 of 0 and 1: counts clipped to 1, sharing the index arrays."""
        ones = np.ones(self.counts.nnz, dtype=np.uint8)
        return sparse.csr_matrix((ones, self.counts.indices, self.counts.indptr), shape=self.counts.shape)

    def prevalence(self) -> NDArray[np.float64]:
        """(n_codes,) share of patients with each code, in [0, 1]."""
        present = np.bincount(self.counts.indices, minlength=self.counts.shape[1])
        return np.asarray(present / max(len(self), 1), dtype=np.float64)

    def onto(self, vocabulary: Vocabulary) -> "CodeMatrix":
        """The same patients over the columns of another vocabulary: codes that it lacks are dropped, others are empty.

        Who has no member of an exclusive group left gets its member `unknown`.

        Raises:
            BadData: patients are left without a member of a group that has no `unknown`.
        """
        place = np.array([vocabulary.index.get(code, -1) for code in self.vocabulary.code], dtype=np.int64)
        found = self.counts.tocoo()
        kept = place[found.col] >= 0
        shape = (len(self), len(vocabulary))
        moved = sparse.coo_matrix((found.data[kept], (found.row[kept], place[found.col[kept]])), shape=shape)
        counts = sparse.csr_matrix(moved, dtype=np.uint16)
        for name, members in vocabulary.groups.items():
            without = np.flatnonzero(np.diff(counts[:, members].indptr) == 0)
            if not len(without):
                continue
            unknown = [j for j in members if vocabulary.code[j].endswith(UNKNOWN)]
            if not unknown:
                raise BadData(
                    f"{len(without)} patients have no member of {name!r} in the new vocabulary: add `unknown`."
                )
            filled = (np.ones(len(without), dtype=np.uint16), (without, np.full(len(without), unknown[0])))
            counts = counts + sparse.csr_matrix(filled, shape=shape)
        return CodeMatrix(canonical(counts), self.ids, vocabulary)

    def codes_per_patient(self) -> NDArray[np.int64]:
        """(n_patients,) number of distinct codes of each patient."""
        return np.asarray(np.diff(self.counts.indptr), dtype=np.int64)


def canonical(counts: sparse.spmatrix) -> sparse.csr_matrix:
    """CSR uint16 with ascending column indices, duplicates summed, zeros dropped and counts clipped at 65,535."""
    wide = sparse.csr_matrix(counts, dtype=np.int64, copy=True)  # the next two lines work in place
    wide.sum_duplicates()
    wide.eliminate_zeros()
    if wide.nnz and wide.data.min() < 0:
        raise ValueError("counts must not be negative")
    narrow = np.minimum(wide.data, MAX_COUNT).astype(np.uint16)
    return sparse.csr_matrix((narrow, wide.indices.astype(np.int32), wide.indptr.astype(np.int32)), shape=wide.shape)


def schema(id_name: str, metadata: dict[str, str] | None = None) -> pa.Schema:
    """Arrow schema of a matrix file: `id_name` int64, `codes` list<uint32> ascending, `counts` list<uint16>."""
    fields = [(id_name, pa.int64()), ("codes", pa.list_(pa.uint32())), ("counts", pa.list_(pa.uint16()))]
    return pa.schema(fields, metadata=metadata)


def to_arrow(counts: sparse.csr_matrix, ids: NDArray[np.int64], arrow_schema: pa.Schema) -> pa.Table:
    """One row a patient, as `schema` says; the index arrays are shared, not copied, where the types allow."""
    offsets = pa.array(counts.indptr.astype(np.int32, copy=False))
    codes = pa.ListArray.from_arrays(offsets, pa.array(counts.indices.astype(np.int32, copy=False).view(np.uint32)))
    values = pa.ListArray.from_arrays(offsets, pa.array(counts.data.astype(np.uint16, copy=False)))
    return pa.Table.from_arrays([pa.array(ids), codes, values], schema=arrow_schema)


def from_arrow(table: pa.Table, n_codes: int, source: str) -> tuple[sparse.csr_matrix, NDArray[np.int64]]:
    """Counts (CSR) and ids of a matrix table whose first column is the id.

    Raises:
        BadData: another schema, a null, a code index outside the vocabulary, codes that do not ascend, a count of zero,
            or lists of unequal length.
    """
    expected = schema(table.schema.names[0] if table.num_columns else "subject_id")
    if not table.schema.equals(expected, check_metadata=False):
        raise BadData(f"{source}: expected the schema {expected.names} of a code matrix, found {table.schema.names}.")
    combined = table.combine_chunks()
    codes, values = (_one_chunk(combined.column(k)) for k in (1, 2))
    if any(column.null_count for column in (combined.column(0), codes, values, codes.flatten(), values.flatten())):
        raise BadData(f"{source}: a patient's id, codes or counts are null; a patient without codes has empty lists.")
    lengths = np.asarray(codes.value_lengths(), dtype=np.int64)
    if not np.array_equal(lengths, np.asarray(values.value_lengths(), dtype=np.int64)):
        raise BadData(f"{source}: codes and counts of a patient differ in length.")
    wide = np.asarray(codes.flatten(), dtype=np.int64)
    if len(wide) and wide.max() >= n_codes:
        raise BadData(f"{source}: a code index is {wide.max()}, the vocabulary has {n_codes} codes.")
    indices = wide.astype(np.int32)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    data = np.asarray(values.flatten(), dtype=np.uint16)
    ascends = np.diff(indices) > 0
    ascends[indptr[(indptr > 0) & (indptr < len(indices))] - 1] = True  # from one patient to the next it need not
    if not ascends.all() or not data.all():
        raise BadData(f"{source}: the codes of each patient must ascend, without repeats, and their counts be above 0.")
    counts = sparse.csr_matrix((data, indices, indptr), shape=(table.num_rows, n_codes))
    return counts, np.asarray(combined.column(0), dtype=np.int64)


def _one_chunk(column: pa.ChunkedArray) -> pa.ListArray:
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def write_matrix(path: Path, matrix: CodeMatrix, *, id_name: str, metadata: dict[str, str] | None = None) -> None:
    """Write one matrix file (zstd Parquet, row groups of 65,536 patients)."""
    table = to_arrow(matrix.counts, matrix.ids, schema(id_name, metadata))
    repeating = ["codes.list.element", "counts.list.element"]  # ids do not: a dictionary of them would cost
    pq.write_table(table, path, compression="zstd", row_group_size=65_536, use_dictionary=repeating)


def read_matrix(paths: Sequence[Path], vocabulary: Vocabulary) -> CodeMatrix:
    """Read one matrix from its shards, in the order given."""
    parts = [from_arrow(pq.read_table(path), len(vocabulary), str(path)) for path in paths]
    counts = sparse.vstack([part[0] for part in parts], format="csr")
    return CodeMatrix(counts, np.concatenate([part[1] for part in parts]), vocabulary)


def dense_blocks(counts: sparse.csr_matrix, rows: int) -> Iterator[NDArray[np.float32]]:
    """Consecutive dense float32 blocks (<= rows, n_codes): the matrix is never dense as a whole."""
    for start in range(0, counts.shape[0], rows):
        yield np.asarray(counts[start : start + rows].toarray(), dtype=np.float32)
