import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.risk import Risk, clopper_pearson, judge, n_to_decide, newcombe


def risk(value: float, low: float, high: float, n: int = 100) -> Risk:
    return Risk(attack="a", knowledge="k", metric="m", value=value, low=low, high=high, control=0.0, n=n)


@pytest.mark.parametrize("n", [1, 10, 3_000])
def test_clopper_pearson_of_none_and_of_all_is_the_closed_form(n: int) -> None:
    # 0 of n: P(0 | p) = (1 - p)^n = alpha / 2 at the upper limit
    assert clopper_pearson(0, n) == pytest.approx((0.0, 1 - 0.025 ** (1 / n)))
    assert clopper_pearson(n, n) == pytest.approx((0.025 ** (1 / n), 1.0))


@given(st.integers(1, 60), st.data())
def test_clopper_pearson_limits_solve_their_binomial_equations(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    low, high = clopper_pearson(k, n)

    def at_least(p: float) -> float:
        return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))

    assert at_least(low) == pytest.approx(0.025, abs=1e-9)
    assert clopper_pearson(n - k, n) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_clopper_pearson_refuses_what_is_no_share(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        clopper_pearson(k, n)


def test_newcombe_gives_the_published_intervals() -> None:
    # Newcombe 1998, Stat Med 17:873, table II, method 10: 56/70 - 48/80 and 9/10 - 3/10
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    assert newcombe(9, 10, 3, 10) == pytest.approx((0.6, 0.1705, 0.8090), abs=5e-5)
    # none of 10 against none of 20: the Wilson limit of 0 of n is z^2 / (n + z^2)
    z2 = 1.959964**2
    assert newcombe(0, 10, 0, 20) == pytest.approx((0.0, -z2 / (20 + z2), z2 / (10 + z2)), abs=1e-6)


def test_newcombe_refuses_an_empty_group() -> None:
    with pytest.raises(ValueError, match="n >= 1"):
        newcombe(0, 0, 1, 2)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.0, 0.029, "PASS"),
        (0.0, 0.03, "INCONCLUSIVE"),
        (0.03, 0.1, "INCONCLUSIVE"),
        (0.031, 0.1, "FAIL"),
        (math.nan, 0.01, "INCONCLUSIVE"),
        (0.0, math.nan, "INCONCLUSIVE"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(low: float, high: float, verdict: str) -> None:
    assert judge(low, high, 0.03) == verdict


def test_n_to_decide_scales_with_the_square_of_the_distance_to_the_threshold() -> None:
    # the upper half-width is 1/2, it must become 1/4: four times the patients
    assert n_to_decide(risk(0.25, 0.125, 0.75), 0.5) == 400
    # above the threshold it is the lower half-width, 3/8 to 1/8: nine times
    assert n_to_decide(risk(0.625, 0.25, 0.75), 0.5) == 900
    assert n_to_decide(risk(0.5, 0.25, 0.75), 0.5) is None
    assert n_to_decide(risk(math.nan, 0.0, 1.0), 0.03) is None
