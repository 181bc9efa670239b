import numpy as np
import pytest
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.marginals import Marginals

VOCABULARY = Vocabulary(("SEX/f", "SEX/m", "ICD9CM/001", "ICD9CM/002"), ("",) * 4, ("sex", "sex", None, None))
# four patients: 001 is recorded 1, 3, 0, 1 times; 002 never
MATRIX = CodeMatrix(
    canonical(sparse.csr_matrix([[1, 0, 1, 0], [0, 2, 3, 0], [1, 0, 0, 0], [1, 0, 1, 0]])),
    np.arange(4, dtype=np.int64),
    VOCABULARY,
)


def test_tails_of_counts_are_shares_of_at_least_c() -> None:
    marginals = Marginals.of(MATRIX, binary=False)
    assert marginals.offsets.tolist() == [0, 1, 2, 5, 6]
    assert marginals.tails.tolist() == [0.75, 0.25, 0.75, 0.25, 0.25, 0.0]


def test_binary_marginals_have_one_level_a_code() -> None:
    marginals = Marginals.of(MATRIX, binary=True)
    assert marginals.tails.tolist() == [0.75, 0.25, 0.75, 0.0]
    assert marginals.first().tolist() == [0.75, 0.25, 0.75, 0.0]


def test_a_group_sums_to_one() -> None:
    share = Marginals.of(MATRIX, binary=True).of_group("sex")
    assert share == pytest.approx([0.75, 0.25])
    assert share.sum() == pytest.approx(1)
