from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from synthehr.cohort.matrix import (
    MAX_COUNT,
    CodeMatrix,
    canonical,
    dense_blocks,
    from_arrow,
    read_matrix,
    schema,
    to_arrow,
    write_matrix,
)
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData

dense = hnp.arrays(
    np.int64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12), elements=st.integers(0, 70_000)
)


def vocabulary(n: int) -> Vocabulary:
    return Vocabulary(tuple(f"A/{k}" for k in range(n)), ("",) * n, (None,) * n)


def code_matrix(values: np.ndarray) -> CodeMatrix:
    ids = np.arange(len(values), dtype=np.int64) * 3 - 5
    return CodeMatrix(canonical(sparse.csr_matrix(values)), ids, vocabulary(values.shape[1]))


def is_canonical(counts: sparse.csr_matrix) -> bool:
    ascending = all((np.diff(counts[k].indices) > 0).all() for k in range(counts.shape[0]))
    return ascending and bool((counts.data > 0).all()) and counts.dtype == np.uint16


@given(dense)
def test_canonical_keeps_the_numbers_and_clips_them(values: np.ndarray) -> None:
    counts = canonical(sparse.csr_matrix(values))
    assert is_canonical(counts)
    assert (counts.toarray() == np.minimum(values, MAX_COUNT)).all()
    assert (counts.indices.dtype, counts.indptr.dtype) == (np.int32, np.int32)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 3)), max_size=40))
def test_canonical_sums_duplicates_and_drops_zeros_in_any_order(entries: list[tuple[int, int, int]]) -> None:
    rows, columns, values = np.array(entries, dtype=np.int64).reshape(-1, 3).T
    expected = np.zeros((5, 7), dtype=np.int64)
    np.add.at(expected, (rows, columns), values)
    counts = canonical(sparse.coo_matrix((values, (rows, columns)), shape=(5, 7)))
    assert is_canonical(counts)
    assert (counts.toarray() == expected).all()
    assert counts.nnz == (expected > 0).sum()


def test_canonical_leaves_its_argument_and_refuses_negative_counts() -> None:
    given_counts = sparse.csr_matrix(np.array([[0, 2], [1, 0]]))
    given_counts.data[0] = 0
    canonical(given_counts)
    assert given_counts.nnz == 2
    with pytest.raises(ValueError, match="negative"):
        canonical(sparse.csr_matrix(np.array([[-1]])))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(dense, st.integers(1, 4))
def test_what_is_written_in_shards_is_read_as_one(tmp_path: Path, values: np.ndarray, n_shards: int) -> None:
    matrix = code_matrix(values)
    paths = []
    for k, rows in enumerate(np.array_split(np.arange(len(matrix)), n_shards)):
        paths.append(tmp_path / f"{k}.parquet")
        write_matrix(paths[-1], matrix.rows(rows), id_name="subject_id", metadata={"synthetic": "true"})
    read = read_matrix(paths, matrix.vocabulary)
    assert is_canonical(read.counts)
    assert (read.counts.toarray() == matrix.counts.toarray()).all()
    assert (read.ids == matrix.ids).all()


@given(dense)
def test_the_views_of_a_matrix_agree_with_a_dense_one(values: np.ndarray) -> None:
    matrix = code_matrix(values)
    present = values > 0
    assert (matrix.binary().toarray() == present).all()
    assert matrix.prevalence() == pytest.approx(present.mean(axis=0))
    assert (matrix.codes_per_patient() == present.sum(axis=1)).all()
    assert (matrix.rows(present[:, 0]).counts.toarray() == np.minimum(values[present[:, 0]], MAX_COUNT)).all()
    blocks = list(dense_blocks(matrix.counts, 5))
    assert max(map(len, blocks)) <= 5
    assert (np.concatenate(blocks) == np.minimum(values, MAX_COUNT)).all()


def test_a_matrix_without_patients_has_no_prevalence() -> None:
    matrix = code_matrix(np.zeros((0, 3), dtype=np.int64))
    assert matrix.prevalence().tolist() == [0, 0, 0]
    table = to_arrow(matrix.counts, matrix.ids, schema("subject_id"))
    assert from_arrow(table, 3, "x")[0].shape == (0, 3)


def test_shapes_that_do_not_meet_are_refused() -> None:
    counts = canonical(sparse.csr_matrix(np.eye(3)))
    with pytest.raises(ValueError, match=r"expected \(2, 3\)"):
        CodeMatrix(counts, np.arange(2), vocabulary(3))


def test_tables_that_are_no_matrix_are_refused() -> None:
    good = to_arrow(canonical(sparse.csr_matrix(np.eye(3))), np.arange(3), schema("subject_id"))
    assert from_arrow(good, 3, "x")[0].nnz == 3
    with pytest.raises(BadData, match="a code index is 2, the vocabulary has 2"):
        from_arrow(good, 2, "x")
    with pytest.raises(BadData, match="expected the schema"):
        from_arrow(good.drop_columns(["counts"]), 3, "x")
    one = schema("subject_id")
    with pytest.raises(BadData, match="differ in length"):
        from_arrow(pa.table([[1], [[0, 1]], [[1]]], schema=one), 3, "x")


@pytest.mark.parametrize(
    ("ids", "codes", "values", "expected"),
    [
        ([1], [[1, 0]], [[1, 1]], "must ascend"),
        ([1], [[1, 1]], [[1, 1]], "must ascend"),
        ([1], [[0, 1]], [[1, 0]], "above 0"),
        ([1, 2], [[0], None], [[1], None], "are null"),
        ([None], [[0]], [[1]], "are null"),
        ([1], [[None]], [[1]], "are null"),
        ([1, 2], [[0], [1, 2]], [[1, 1], [1]], "differ in length"),
        ([1], [[2**32 - 1]], [[1]], "a code index is 4294967295"),
    ],
)
def test_a_matrix_file_that_breaks_the_promise_is_refused(
    ids: list[int | None], codes: list[object], values: list[object], expected: str
) -> None:
    with pytest.raises(BadData, match=expected):
        from_arrow(pa.table([ids, codes, values], schema=schema("subject_id")), 3, "x")


def test_the_next_patient_may_start_below_the_last(tmp_path: Path) -> None:
    table = pa.table([[1, 2, 3, 4], [[1, 2], [0], [], [0, 2]], [[1, 1], [1], [], [1, 1]]], schema=schema("subject_id"))
    assert from_arrow(table, 3, "x")[0].toarray().tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 0, 1]]


def test_onto_another_vocabulary_codes_keep_their_counts_and_lost_members_become_unknown() -> None:
    own = Vocabulary(("SEX/f", "SEX/m", "A/1", "A/2"), ("",) * 4, ("sex", "sex", None, None))
    counts = sparse.csr_matrix(np.array([[1, 0, 2, 1], [0, 1, 0, 3]], dtype=np.uint16))
    other = Vocabulary(("A/2", "SEX/unknown", "SEX/f", "A/9"), ("",) * 4, (None, "sex", "sex", None))
    moved = CodeMatrix(counts, np.arange(2), own).onto(other)
    assert moved.counts.toarray().tolist() == [[1, 0, 1, 0], [3, 1, 0, 0]]
    assert moved.counts.dtype == np.uint16
    without = Vocabulary(("A/2", "SEX/f"), ("",) * 2, (None, "sex"))
    with pytest.raises(BadData, match="1 patients have no member of 'sex'"):
        CodeMatrix(counts, np.arange(2), own).onto(without)


@given(st.integers(0, 2**32 - 1))
def test_onto_its_own_vocabulary_in_another_order_and_back_nothing_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = tuple(f"A/{j}" for j in range(6))
    own = Vocabulary(codes, ("",) * 6, (None,) * 6)
    matrix = CodeMatrix(canonical(sparse.csr_matrix(rng.integers(0, 3, (5, 6)))), np.arange(5), own)
    order = rng.permutation(6)
    turned = Vocabulary(tuple(codes[j] for j in order), ("",) * 6, (None,) * 6)
    there = matrix.onto(turned)
    assert (there.counts.toarray() == matrix.counts.toarray()[:, order]).all()
    assert (there.onto(own).counts != matrix.counts).nnz == 0
