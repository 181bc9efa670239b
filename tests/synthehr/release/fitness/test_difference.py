import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthehr.release.fitness.difference import Difference, difference
from synthehr.release.fitness.sandbox import Answer


def answer(rows: dict[str, tuple[float, ...]], *whole: bool) -> Answer:
    values = np.array(list(rows.values()), dtype=float).reshape(len(rows), len(whole))
    names = tuple(f"c{j}" for j in range(len(whole)))
    return Answer(tuple((key,) for key in rows), names, np.array(whole), values)


def of_counts(real: dict[str, float], other: dict[str, float]) -> Difference:
    one, two = ({key: (value,) for key, value in side.items()} for side in (real, other))
    return difference(answer(one, True), answer(two, True), smallest=11)


def test_hand_derived() -> None:
    # a: 10 of 100; b: 10 of 50; c is withheld and d is not there: what is above 10 of theirs, 20 and 5, is off
    found = of_counts({"a": 100, "b": 50, "c": 7}, {"d": 15, "b": 60, "a": 90, "c": 30})
    assert (found.rows, found.missing) == (2, 0)
    assert found.off[0] == pytest.approx((10 + 10 + 20 + 5) / 150)
    assert found.median[0] == pytest.approx(0.15)
    assert found.worst[0] == pytest.approx(0.2)
    assert np.isnan(found.rank[0])


def test_alike_is_nought_and_nothing_is_one() -> None:
    real = {"a": 100.0, "b": 50.0}
    assert of_counts(real, real).off[0] == 0
    nothing = of_counts(real, {})
    assert (nothing.off[0], nothing.missing) == (1, 2)


@given(small=st.integers(0, 10), other=st.integers(0, 40))
def test_nought_patients_read_as_ten_do(small: int, other: int) -> None:
    absent = of_counts({"a": 100}, {"a": 90, "b": other})
    withheld = of_counts({"a": 100, "b": small}, {"a": 90, "b": other})
    np.testing.assert_equal(vars(withheld), vars(absent))


def test_eleven_are_shown() -> None:
    assert of_counts({"a": 11}, {}).rows == 1
    assert of_counts({"a": 10}, {}).rows == 0
    assert np.isnan(of_counts({"a": 10}, {"a": 500}).off[0])


def test_a_small_count_withholds_the_other_columns_of_its_row() -> None:
    real = answer({"a": (7, 900, 0.5), "b": (20, 900, 0.5)}, True, True, False)
    other = answer({"a": (7, 0, 0.1), "b": (20, 900, 0.4)}, True, True, False)
    found = difference(real, other, smallest=11)
    assert found.rows == 1
    assert list(found.off) == pytest.approx([0, 0, 0.2])


def test_null_is_nothing_to_compare_with_here_and_nought_there() -> None:
    nan = float("nan")
    real = answer({"a": (20, nan), "b": (20, 2), "c": (nan, 3)}, True, False)
    other = answer({"a": (20, 9), "b": (20, nan), "c": (20, 3)}, True, False)
    found = difference(real, other, smallest=11)
    assert (found.rows, found.off[1]) == (2, 1)  # c counts nobody knows how many


def test_of_nought_any_difference_is_infinite() -> None:
    real = answer({"a": (20, 0.0)}, True, False)
    assert difference(real, answer({"a": (20, 0.0)}, True, False), smallest=11).off[1] == 0
    assert difference(real, answer({"a": (20, 0.1)}, True, False), smallest=11).off[1] == np.inf


@pytest.mark.parametrize(("theirs", "rank"), [([20, 30, 40, 50, 60], 1), ([60, 50, 40, 30, 20], -1)])
def test_order(theirs: list[float], rank: float) -> None:
    real = dict(zip("abcde", (11, 22, 33, 44, 55), strict=True))
    assert of_counts(real, dict(zip("abcde", theirs, strict=True))).rank[0] == pytest.approx(rank)
    assert np.isnan(of_counts(real, dict.fromkeys("abcde", 20)).rank[0])  # all alike have no order
