import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.risk import Risk
from synthehr.release.coarse import STEP, coarse, coarse_count

shares = st.floats(-1, 1)


@given(value=shares, low=shares, high=shares)
def test_a_coarse_interval_holds_the_fine_one(value: float, low: float, high: float) -> None:
    low, value, high = sorted((low, value, high))
    fine = Risk(attack="a", knowledge="k", metric="auc", value=value, low=low, high=high, control=0.5, n=100, note="x")
    rough = coarse(fine)
    assert rough.low <= low + 1e-8
    assert rough.high >= high - 1e-8
    assert abs(rough.low - low) < STEP + 1e-8
    assert abs(rough.high - high) < STEP + 1e-8
    for number in (rough.value, rough.low, rough.high):
        assert round(number / STEP, 6) % 1 == 0


def test_what_is_no_number_stays_none() -> None:
    fine = Risk(attack="a", knowledge="k", metric="auc", value=math.nan, low=0, high=1, control=math.nan, n=0)
    assert math.isnan(coarse(fine).value)


@pytest.mark.parametrize(
    ("n", "told"), [(0, 0), (1, 1), (10, 1), (11, 15), (57, 55), (103, 100), (46_550, 47_000), (99, 100)]
)
def test_a_count_is_told_to_two_figures(n: int, told: int) -> None:
    assert coarse_count(n) == told
