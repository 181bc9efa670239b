import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.accountant import epsilon, gaussian_multiplier
from privacy.budget import Budget, divided
from privacy.ledger import Entry, Ledger, Unaccounted
from privacy.mechanisms import Gaussian

parts = st.dictionaries(st.text(min_size=1, max_size=5), st.floats(0.01, 100), min_size=1, max_size=6)


def shares(of: dict[str, float]) -> dict[str, float]:
    whole = sum(of.values())
    return {name: part / whole for name, part in of.items()}


@given(st.floats(0.1, 100), parts)
def test_what_is_divided_costs_what_the_whole_costs(noise_multiplier: float, of: dict[str, float]) -> None:
    """Gaussians compose by the sum of their noise_multiplier^-2 (Dong, Roth and Su 2022, corollary 3.3)."""
    found = divided(noise_multiplier, shares(of))
    assert found.keys() == of.keys()
    assert sum(c**-2 for c in found.values()) == pytest.approx(noise_multiplier**-2, rel=1e-9)
    # a larger part of the budget buys less noise, in the ratio of the roots
    first, *_ = of
    assert all(
        c * math.sqrt(of[name]) == pytest.approx(found[first] * math.sqrt(of[first])) for name, c in found.items()
    )


def test_four_equal_shares_have_twice_the_noise() -> None:
    assert divided(3.0, dict.fromkeys("abcd", 0.25)) == dict.fromkeys("abcd", 6.0)
    # control: dividing epsilon instead, as basic composition does, asks for more than twice
    assert gaussian_multiplier(epsilon=0.25, delta=0.25e-6) > 2.5 * gaussian_multiplier(epsilon=1.0, delta=1e-6)


def test_one_share_is_the_whole() -> None:
    assert divided(3.0, {"all": 1.0}) == {"all": 3.0}


def test_the_accountant_agrees_that_what_is_divided_costs_the_whole() -> None:
    found = divided(2.0, {"a": 0.1, "b": 0.3, "c": 0.6})
    whole = epsilon([Gaussian(noise_multiplier=2.0)], delta=1e-6)
    assert epsilon([Gaussian(noise_multiplier=c) for c in found.values()], delta=1e-6) == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("target", [0.01, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("delta", [1e-3, 1e-6, 1e-9])
def test_a_budget_that_is_divided_can_be_spent_to_the_last_share(target: float, delta: float) -> None:
    """The accountant rounds up; what the plan divides must still fit, and one look more must not."""
    ledger = Ledger(budget=Budget(epsilon=target, delta=delta))
    whole = gaussian_multiplier(epsilon=target, delta=delta)
    for name, c in divided(whole, {"a": 0.04, "b": 0.08, "c": 0.3, "d": 0.58}).items():
        ledger.spend(Entry(query=name, mechanism=Gaussian(noise_multiplier=c), sensitivity=1.0))
    assert 0.999 * target < ledger.epsilon <= target * (1 + 1e-9)
    with pytest.raises(Unaccounted, match="over the budget"):
        ledger.spend(Entry(query="one more", mechanism=Gaussian(noise_multiplier=10 * whole), sensitivity=1.0))


@pytest.mark.parametrize(
    "of",
    [
        {},
        {"a": 0.5, "b": 0.4},
        {"a": 0.6, "b": 0.6},
        {"a": 1.5, "b": -0.5},
        {"a": 1.0, "b": 0.0},
        {"a": math.nan},
        {"a": math.nan, "b": 1.0},
        {"a": 1.0, "b": math.nan},
        {"a": math.inf},
    ],
)
def test_shares_that_are_not_parts_of_one_are_refused(of: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be positive and sum to 1"):
        divided(1.0, of)


@given(parts, st.floats(1e-6, 0.5))
def test_shares_a_millionth_off_are_refused(of: dict[str, float], off: float) -> None:
    for factor in (1 + off, 1 - off):
        with pytest.raises(ValueError, match="must be positive and sum to 1"):
            divided(1.0, {name: share * factor for name, share in shares(of).items()})


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_an_epsilon_that_promises_nothing_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="epsilon must be finite and above 0"):
        Budget(epsilon=value, delta=1e-6)


@pytest.mark.parametrize("value", [0.0, -1e-6, 0.001001, 0.5, 1.0, math.nan, math.inf])
def test_a_delta_that_lets_whole_records_out_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="delta must be in"):
        Budget(epsilon=1.0, delta=value)


@given(st.floats(0, exclude_min=True, allow_infinity=False), st.floats(0, 1e-3, exclude_min=True))
def test_other_budgets_are_kept_as_they_are(epsilon: float, delta: float) -> None:
    budget = Budget(epsilon=epsilon, delta=delta)
    assert (budget.epsilon, budget.delta) == (epsilon, delta)
