from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from privacy.comparators.generalised import SUPPRESSED_AT_MOST, k_anonymised, levels

SEX, AGE = (0, 1), (2, 3, 4, 5, 6)
CODES = 4


def table(n: int, seed: int) -> sparse.csr_matrix:
    rng = np.random.default_rng(seed)
    rows = np.zeros((n, 7 + CODES), dtype=np.uint8)
    rows[np.arange(n), rng.integers(0, 2, n)] = 1
    rows[np.arange(n), 2 + rng.choice(5, n, p=[0.02, 0.18, 0.4, 0.35, 0.05])] = 1
    rows[:, 7:] = rng.random((n, CODES)) < 0.3
    return sparse.csr_matrix(rows)


def classes(records: sparse.csr_matrix) -> Counter[bytes]:
    return Counter(row.tobytes() for row in records[:, [*SEX, *AGE]].toarray())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 80), st.integers(1, 12), st.integers(0, 1_000))
def test_no_class_has_fewer_than_k_records_and_few_are_left_out(n: int, k: int, seed: int) -> None:
    records = table(n, seed)
    shown = k_anonymised(records, [SEX, AGE], k)
    assert all(count >= k for count in classes(shown).values())
    assert set(np.unique(shown.data)) <= {1}
    if n >= k:
        assert shown.shape[0] >= (1 - SUPPRESSED_AT_MOST) * n
    else:
        assert shown.shape[0] == 0


def test_the_codes_stay_as_they_were_and_quasi_identifiers_are_coarsened_by_hand() -> None:
    # 3 women of age band 1, 3 of band 0 and one man: k = 2 joins nobody's age; the man is 1 of 7, above 5 %
    rows = np.zeros((7, 11), dtype=np.uint8)
    rows[:6, 0], rows[6, 1] = 1, 1
    rows[:3, 3], rows[3:, 2] = 1, 1
    rows[:, 7] = [1, 0, 1, 0, 1, 0, 1]
    shown = k_anonymised(sparse.csr_matrix(rows), [SEX, AGE], 2).toarray()
    assert np.array_equal(shown[:, 7], rows[:, 7])
    assert not shown[:, [0, 1]].any()  # sex is what had to go
    assert np.array_equal(shown[:, [2, 3]], rows[:, [2, 3]])


def test_one_anonymity_is_the_records_themselves() -> None:
    records = table(50, 3)
    assert (k_anonymised(records, [SEX, AGE], 1) != records).nnz == 0


def test_without_quasi_identifiers_nothing_is_coarsened() -> None:
    records = table(20, 4)
    assert (k_anonymised(records, [(0,)], 1) != records).nnz == 0


def test_levels_by_hand() -> None:
    # ten age bands: as they are, in twos, fours, eights, and nothing
    assert [levels(size) for size in (1, 2, 3, 10)] == [2, 2, 3, 5]


@pytest.mark.parametrize(("groups", "k"), [([SEX, SEX], 5), ([SEX], 0)])
def test_what_cannot_be_is_refused(groups: list[tuple[int, ...]], k: int) -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        k_anonymised(table(9, 0), groups, k)
