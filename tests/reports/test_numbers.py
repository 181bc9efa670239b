import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.numbers import decimals, fixed, percent, shown, spread


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.03117, "0.0312"),
        (12.46, "12.5"),
        (1250.4, "1,250"),
        (0.0, "0"),
        (-0.5, "\N{MINUS SIGN}0.500"),
        (0.99961, "0.99961"),
        (0.999, "0.9990"),
        (0.98765, "0.988"),
        (float("nan"), "n/a"),
        (float("inf"), "infinite"),
        (None, "n/a"),
    ],
)
def test_shown(value: float | None, words: str) -> None:
    assert shown(value) == words


@pytest.mark.parametrize(
    ("low", "high", "places"),
    [
        (0.007, 0.015, 3),
        (0.9988, 0.9994, 4),
        (0.49, 0.52, 3),
        (10.0, 30.0, 0),
        (0.2, 0.2, None),
        (0.1, float("nan"), None),
    ],
)
def test_an_interval_bears_as_many_places_as_its_width(low: float, high: float, places: int | None) -> None:
    # half widths .004, .0003, .015, 10, none, none
    assert decimals(low, high) == places


def test_a_value_is_written_as_its_interval() -> None:
    assert fixed(0.01134, 3) == "0.011"
    assert fixed(-0.0001, 3) == "0.000"
    assert fixed(1234.5, 0) == "1,234"
    assert spread(-0.001, 0.007) == "[\N{MINUS SIGN}0.001, 0.007]"
    assert percent(0.0312) == "3.12 %"


@given(st.floats(-1e6, 1e6), st.floats(1e-7, 1e6))
def test_an_interval_never_collapses(middle: float, half: float) -> None:
    low, high = middle - half, middle + half
    places = decimals(low, high)
    if places is not None and places < 6:
        assert fixed(low, places) != fixed(high, places)
