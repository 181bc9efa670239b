import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthehr.models.barred import Barred


def test_a_member_bars_what_its_rules_say() -> None:
    barred = Barred(np.array([[2, 0], [3, 0], [3, 5]]), 7)  # sex: 0 and 1; age: 5 and 6
    found = barred.of(np.array([[0, 6], [1, 5], [1, 6], [0, 5]]))
    expected = np.zeros((4, 7), dtype=bool)
    expected[0, [2, 3]] = True
    expected[1, 3] = True
    expected[3, [2, 3]] = True
    np.testing.assert_array_equal(found, expected)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(5, 9)), max_size=8),
    st.lists(st.tuples(st.integers(5, 7), st.integers(8, 9)), max_size=6),
)
def test_it_agrees_with_reading_the_rules_one_by_one(
    rules: list[tuple[int, int]], patients: list[tuple[int, int]]
) -> None:
    found = Barred(np.array(rules, dtype=np.int64).reshape(-1, 2), 10).of(
        np.array(patients, dtype=np.int64).reshape(-1, 2)
    )
    for row, members in zip(found, patients, strict=True):
        assert set(np.flatnonzero(row)) == {code for code, member in rules if member in members}
