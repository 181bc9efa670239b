import numpy as np
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.private.records import MOST_CODES, private_records, public_heads


def test_a_patient_adds_a_row_and_changes_no_other(train: CodeMatrix) -> None:
    with_all = private_records(train).binary()
    without = private_records(train.rows(np.arange(1, len(train)))).binary()
    assert (with_all[1:] != without).nnz == 0


def test_columns_do_not_depend_on_patients(train: CodeMatrix) -> None:
    few = train.rows(np.arange(3))
    assert private_records(few).vocabulary == private_records(train).vocabulary


def test_every_patient_has_one_size_of_each_system_and_more_than_the_most_count_as_the_most() -> None:
    codes = tuple(f"LAB/{j}" for j in range(100))
    vocabulary = Vocabulary(codes, ("",) * 100, (None,) * 100)
    counts = sparse.csr_matrix(np.vstack([np.zeros(100), np.arange(100) < 5, np.ones(100)]).astype(np.uint16))
    records = private_records(CodeMatrix(counts, np.arange(3), vocabulary))
    (head,) = public_heads(vocabulary)
    sizes = records.counts[:, head.members].toarray()
    assert np.array_equal(sizes.sum(axis=1), [1, 1, 1])
    assert np.array_equal(head.values[sizes.argmax(axis=1)], [0, 5, MOST_CODES])
