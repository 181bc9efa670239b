import numpy as np
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.sizes import extended, size_heads, size_values

VOCABULARY = Vocabulary(("SEX/f", "A/1", "A/2", "A/3", "B/1"), ("",) * 5, ("sex", None, None, None, None))


def matrix(rows: list[list[int]]) -> CodeMatrix:
    return CodeMatrix(canonical(sparse.csr_matrix(rows)), np.arange(len(rows), dtype=np.int64), VOCABULARY)


def test_sizes_count_distinct_codes_of_a_system() -> None:
    m = matrix([[1, 4, 0, 0, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 1], [1, 0, 1, 1, 0]])
    values = {"A": np.array([0, 1, 2])}
    wide = extended(m, size_heads(VOCABULARY, values))
    assert wide.vocabulary.code[5:] == ("SIZE/A/0", "SIZE/A/1", "SIZE/A/2")
    assert wide.counts[:, 5:].toarray().tolist() == [[0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 1]]
    assert set(wide.vocabulary.groups) == {"sex", "size of A"}


def test_rare_sizes_are_merged_into_the_next_smaller() -> None:
    m = matrix([[1, 1, 0, 0, 0]] * 30 + [[1, 1, 1, 0, 0]] * 25 + [[1, 1, 1, 1, 0]] * 3)
    values = size_values(m)
    assert values["A"].tolist() == [1, 2]
    assert extended(m, size_heads(VOCABULARY, values)).counts[-1, 5:].toarray().tolist() == [[0, 1]]


def test_a_system_of_one_code_or_one_size_has_no_head() -> None:
    assert size_values(matrix([[1, 1, 0, 0, 1]] * 50 + [[1, 0, 1, 0, 0]] * 50)) == {}
