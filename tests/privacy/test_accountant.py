import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import privacy.accountant
from privacy.accountant import AGREE, AccountantsDisagree, checked_epsilon, epsilon, smallest_noise
from privacy.mechanisms import Gaussian, Mechanism, SampledGaussian

DELTA = 1e-6
# METRICS.md: 40,000 patients, batches of 256 expected, 50 epochs of 40,000 / 256 = 156.25 batches, the .25 dropped
Q, STEPS, METRICS_DELTA = 256 / 40_000, 50 * 156, 2.5e-6


def gauss(c: float) -> Gaussian:
    return Gaussian(noise_multiplier=c)


def sampled(c: float, q: float = Q, steps: int = STEPS) -> SampledGaussian:
    return SampledGaussian(noise_multiplier=c, sampling_probability=q, steps=steps)


def closed_form(c: float, delta: float) -> float:
    """Epsilon of one Gaussian, from Balle and Wang's condition as printed; bisected, in scipy.stats alone."""

    def excess(eps: float) -> float:
        a, b = stats.norm.logcdf(1 / (2 * c) - eps * c), eps + stats.norm.logcdf(-1 / (2 * c) - eps * c)
        return float(np.exp(a) - np.exp(b)) - delta

    return float(optimize.brentq(excess, 0, 1_000, xtol=1e-10)) if excess(0) > 0 else 0.0


def test_training_on_poisson_batches_costs_what_metrics_says() -> None:
    told, other = checked_epsilon([sampled(1.0)], delta=METRICS_DELTA)
    assert told == pytest.approx(3.488, abs=0.001)
    assert other == pytest.approx(3.499, abs=0.001)


def test_five_steps_on_one_batch_cost_five_times_what_is_claimed() -> None:
    """The trap of METRICS.md: claimed 3.49, true 17.9.

    Five sums over one batch, each with noise of c, tell as much as their mean, with noise of c / sqrt(5): so 7,800
    critic steps on 1,560 batches are 1,560 steps of 1 / sqrt(5), and not 7,800 of 1.
    """
    claimed = epsilon([sampled(1.0, steps=STEPS)], delta=METRICS_DELTA)
    true = epsilon([sampled(1 / math.sqrt(5), steps=STEPS // 5)], delta=METRICS_DELTA)
    assert claimed == pytest.approx(3.49, abs=0.005)
    assert true == pytest.approx(17.9, abs=0.05)
    assert true > 5 * claimed


def test_five_sums_over_one_batch_are_one_of_a_fifth_of_the_variance() -> None:
    """Where everybody is in the batch this is exact: five Gaussians of c are one of c / sqrt(5)."""
    five = epsilon([gauss(4.0)] * 5, delta=DELTA)
    assert five == pytest.approx(closed_form(4.0 / math.sqrt(5), DELTA), abs=1e-4)
    assert five > 2 * epsilon([gauss(4.0)], delta=DELTA)
    # sampled with probability 1, five steps on five batches of everybody are the same
    assert epsilon([sampled(4.0, 1.0, 5)], delta=DELTA) == pytest.approx(five, abs=1e-3)


def test_a_shuffled_pass_is_not_what_is_accounted_for() -> None:
    """Without amplification a patient is in one batch an epoch: 50 Gaussians, for which sampling promises far less."""
    claimed = epsilon([sampled(4.0)], delta=METRICS_DELTA)
    assert epsilon([gauss(4.0)] * 50, delta=METRICS_DELTA) > 10 * claimed


@pytest.mark.parametrize("target", [0.1, 0.3, 1.0, 3.0, 20.0])
def test_one_gaussian_costs_what_balle_and_wang_say(target: float) -> None:
    c = math.exp(optimize.brentq(lambda log: closed_form(math.exp(log), DELTA) - target, math.log(0.1), math.log(200)))
    found = epsilon([gauss(c)], delta=DELTA)
    assert found == pytest.approx(target, abs=1e-3)
    assert found >= target - 1e-9  # an upper bound
    # control: the classical theorem, at the same noise, promises something else
    assert abs(math.sqrt(2 * math.log(1.25 / DELTA)) / c - target) > 1e-3


@given(st.floats(2.0, 50.0), st.floats(1e-9, 1e-3))
@settings(max_examples=10, deadline=None)
def test_one_gaussian_costs_the_closed_form(c: float, delta: float) -> None:
    assert epsilon([gauss(c)], delta=delta) == pytest.approx(closed_form(c, delta), abs=1e-3)


@given(st.floats(8.0, 30.0), st.integers(1, 30))
@settings(max_examples=8, deadline=None)
def test_k_gaussians_are_one_of_the_kth_part_of_the_variance(c: float, k: int) -> None:
    found = epsilon([gauss(c)] * k, delta=DELTA)
    assert found == pytest.approx(epsilon([gauss(c / math.sqrt(k))], delta=DELTA), abs=1e-6)
    assert found == pytest.approx(closed_form(c / math.sqrt(k), DELTA), abs=1e-3)


def test_unequal_gaussians_are_one_as_well() -> None:
    # 3^-2 + 4^-2 = 25/144 = (12/5)^-2
    assert epsilon([gauss(3.0), gauss(4.0)], delta=DELTA) == pytest.approx(closed_form(2.4, DELTA), abs=1e-4)


def test_the_order_of_looks_does_not_matter_and_halves_add_up() -> None:
    whole = epsilon([gauss(3.0), sampled(1.0, 0.01, 100)], delta=DELTA)
    halves: list[Mechanism] = [sampled(1.0, 0.01, 50), gauss(3.0), sampled(1.0, 0.01, 50)]
    assert epsilon(halves, delta=DELTA) == pytest.approx(whole, abs=1e-9)


def test_looks_of_different_kinds_cost_more_than_each_and_less_than_their_sum() -> None:
    one, other = gauss(8.0), sampled(2.0, 0.02, 200)
    each = [epsilon([m], delta=DELTA) for m in (one, other)]
    both, prv = checked_epsilon([one, other], delta=DELTA)
    assert max(each) < both < sum(each)
    assert prv == pytest.approx(both, abs=AGREE)


def test_nothing_asked_costs_nothing() -> None:
    assert epsilon([], delta=DELTA) == 0.0
    assert checked_epsilon([], delta=DELTA) == (0.0, 0.0)


def test_one_sampled_step_costs_what_the_definition_says() -> None:
    """The integral of max(0, p - e^epsilon q), both ways: a patient removed from (1-q) N(0) + q N(1), and added."""
    q, c = 0.2, 0.8
    found = epsilon([sampled(c, q, 1)], delta=1e-3)
    x = np.linspace(-12, 13, 200_001)
    without, mixed = stats.norm.pdf(x, 0, c), (1 - q) * stats.norm.pdf(x, 0, c) + q * stats.norm.pdf(x, 1, c)

    def delta(eps: float) -> float:
        ways = [(mixed, without), (without, mixed)]
        return max(float(np.trapezoid(np.maximum(0, p - math.exp(eps) * r), x)) for p, r in ways)

    assert delta(found) <= 1e-3 + 1e-9
    assert delta(found - 1e-3) > 1e-3


# monotone in everything

noises, probabilities, counts = st.floats(2.0, 8.0), st.floats(0.005, 0.1), st.integers(1, 20)
ABOUT = 1e-3  # what rounding to a grid of privacy losses may turn round


@given(noises, probabilities, counts, st.floats(1.05, 1.5))
@settings(max_examples=6, deadline=None)
def test_more_noise_costs_less(c: float, q: float, steps: int, factor: float) -> None:
    assert epsilon([sampled(c * factor, q, steps)], delta=DELTA) <= epsilon([sampled(c, q, steps)], delta=DELTA) + ABOUT


@given(noises, probabilities, counts, st.integers(1, 20))
@settings(max_examples=6, deadline=None)
def test_more_steps_cost_more(c: float, q: float, steps: int, more: int) -> None:
    assert epsilon([sampled(c, q, steps + more)], delta=DELTA) >= epsilon([sampled(c, q, steps)], delta=DELTA) - ABOUT


@given(noises, probabilities, counts, st.floats(1.05, 2.0))
@settings(max_examples=6, deadline=None)
def test_a_larger_share_of_patients_costs_more(c: float, q: float, steps: int, factor: float) -> None:
    assert epsilon([sampled(c, q * factor, steps)], delta=DELTA) >= epsilon([sampled(c, q, steps)], delta=DELTA) - ABOUT


@given(st.floats(2.0, 20.0), st.floats(1e-9, 1e-4), st.floats(1.05, 10.0))
@settings(max_examples=8, deadline=None)
def test_a_smaller_delta_costs_more(c: float, delta: float, factor: float) -> None:
    assert epsilon([gauss(c)], delta=delta) >= epsilon([gauss(c)], delta=delta * factor) - 1e-9


def test_more_noise_more_steps_and_larger_batches_really_move_the_epsilon() -> None:
    """The control: the four above would pass if the epsilon were always the same."""
    base = epsilon([sampled(2.0, 0.02, 100)], delta=DELTA)
    assert epsilon([sampled(2.4, 0.02, 100)], delta=DELTA) < 0.9 * base
    assert epsilon([sampled(2.0, 0.02, 200)], delta=DELTA) > 1.1 * base
    assert epsilon([sampled(2.0, 0.03, 100)], delta=DELTA) > 1.1 * base


@given(noises, probabilities)
@settings(max_examples=5, deadline=None)
def test_sampling_never_costs_more_than_asking_everybody(c: float, q: float) -> None:
    assert epsilon([sampled(c, q, 3)], delta=DELTA) <= epsilon([gauss(c)] * 3, delta=DELTA) + ABOUT


# the noise for an epsilon


@pytest.mark.parametrize("target", [0.1, 1.0, 2.0])
def test_the_smallest_noise_spends_the_epsilon_and_half_a_percent_less_spends_more(target: float) -> None:
    found = smallest_noise(lambda c: [gauss(c)], epsilon=target, delta=DELTA)
    assert epsilon([gauss(found)], delta=DELTA) <= target
    assert epsilon([gauss(0.995 * found)], delta=DELTA) > target


def test_the_smallest_noise_of_a_training_leaves_room_for_what_was_asked_before() -> None:
    def asked(c: float) -> list[Mechanism]:
        return [gauss(15.0), sampled(c, 0.05, 5)]

    found = smallest_noise(asked, epsilon=0.4, delta=DELTA)
    assert epsilon(asked(found), delta=DELTA) <= 0.4
    assert epsilon(asked(0.995 * found), delta=DELTA) > 0.4
    # control: without it, less noise is enough
    assert epsilon([sampled(0.9 * found, 0.05, 5)], delta=DELTA) < 0.4


def test_no_noise_is_enough_where_all_is_spent() -> None:
    with pytest.raises(ValueError, match=r"No noise is enough for epsilon 0\.5"):
        smallest_noise(lambda c: [gauss(8.0), gauss(c)], epsilon=0.5, delta=DELTA)


# the two accountants


@pytest.mark.parametrize("off", [AGREE, -AGREE, 1.0, math.nan, math.inf])
def test_accountants_that_disagree_are_refused(monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    told = epsilon([gauss(3.0)], delta=DELTA)
    monkeypatch.setattr(privacy.accountant, "_prv", lambda mechanisms, delta: told + off * (1 + 1e-9))
    with pytest.raises(AccountantsDisagree, match="No epsilon is told"):
        checked_epsilon([gauss(3.0)], delta=DELTA)


@pytest.mark.parametrize("off", [0.0, 0.9 * AGREE, -0.9 * AGREE])
def test_accountants_that_agree_tell_the_first(monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    told = epsilon([gauss(3.0)], delta=DELTA)
    monkeypatch.setattr(privacy.accountant, "_prv", lambda mechanisms, delta: told + off)
    assert checked_epsilon([gauss(3.0)], delta=DELTA) == (told, told + off)


def test_a_wrong_first_accountant_is_refused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that forgets a factor in the noise, as an accountant for a sensitivity of 1/2 would."""
    right = privacy.accountant._pld
    monkeypatch.setattr(
        privacy.accountant, "_pld", lambda merged, delta: right((gauss(2 * merged[0].noise_multiplier),), delta)
    )
    with pytest.raises(AccountantsDisagree, match="report it"):
        checked_epsilon([gauss(3.0)], delta=DELTA)


def test_two_that_find_no_guarantee_do_not_agree_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy.accountant, "_pld", lambda merged, delta: math.inf)
    monkeypatch.setattr(privacy.accountant, "_prv", lambda merged, delta: math.inf)
    with pytest.raises(AccountantsDisagree):
        checked_epsilon([gauss(3.0)], delta=DELTA)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-6, math.nan])
def test_a_delta_out_of_range_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="'delta' parameter of epsilon"):
        epsilon([gauss(1.0)], delta=delta)
    with pytest.raises(ValueError, match="'delta' parameter of epsilon"):
        epsilon([], delta=delta)
    with pytest.raises(ValueError, match="'delta' parameter of epsilon"):
        checked_epsilon([gauss(1.0)], delta=delta)
