import math

import pytest

from synthehr.fidelity.score import Measure, Score

LOWER = Measure(name="distance", better="lower", lowest=0, highest=1)


def score(value: float, floor: float, ceiling: float, better: str = "lower", half: float = 0.01) -> Score:
    measure = Measure(name="m", better=better)
    return measure.estimate(value, half / 1.96, n=100, unit="patients").score(floor=floor, ceiling=ceiling)


def test_skill_is_the_share_of_the_way_from_floor_to_ceiling() -> None:
    assert score(0.9, floor=0.9, ceiling=0.5).skill == 0
    assert score(0.6, floor=0.9, ceiling=0.5).skill == pytest.approx(0.75)
    assert score(0.6, floor=0.1, ceiling=0.9, better="higher").skill == pytest.approx(0.625)
    assert score(2.0, floor=3.0, ceiling=1.0, better="ceiling").skill == pytest.approx(0.5)


def test_skill_is_no_number_where_noise_or_the_wrong_order_would_make_it_one() -> None:
    assert math.isnan(score(0.4, floor=0.505, ceiling=0.5).skill)
    assert math.isnan(score(0.4, floor=0.5, ceiling=0.5, half=0.0).skill)
    assert math.isnan(score(0.6, floor=0.5, ceiling=0.9).skill)
    assert math.isnan(score(0.6, floor=0.9, ceiling=0.5, better="higher").skill)


def test_an_interval_is_1_96_standard_errors_and_stays_in_the_range() -> None:
    inside = LOWER.estimate(0.5, 0.1, n=10, unit="codes", stratum="1-5%", note="n")
    assert (inside.low, inside.high) == pytest.approx((0.304, 0.696))
    assert (inside.n, inside.unit, inside.stratum, inside.note, inside.better) == (10, "codes", "1-5%", "n", "lower")
    assert LOWER.estimate(0.01, 0.1, n=10, unit="codes").low == 0
    assert LOWER.estimate(0.99, 0.1, n=10, unit="codes").high == 1
