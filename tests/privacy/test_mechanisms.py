import re
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, stats

from privacy.accountant import gaussian_delta, gaussian_multiplier
from privacy.mechanisms import KINDS, Gaussian, SampledGaussian, clipped, gaussian, symmetric_gaussian, threshold
from privacy.noise import KEY_BYTES, NoiseSource, Stream

KEY = bytes(range(KEY_BYTES))
multipliers = st.floats(0.3, 50.0)
epsilons = st.floats(0.0, 20.0)


def stream(name: str = "test") -> Stream:
    return NoiseSource(KEY).stream(name)


# the condition of Balle and Wang


@pytest.mark.parametrize(("c", "epsilon"), [(0.5, 0.1), (0.5, 4.0), (1.0, 0.0), (1.0, 1.0), (2.0, 1.0), (4.0, 0.5)])
def test_the_delta_of_a_gaussian_is_the_area_between_the_two_densities(c: float, epsilon: float) -> None:
    """Straight from the definition: the integral of max(0, p - e^epsilon q) over answers, p of N(1, c^2), q of N(0)."""

    def excess(x: float) -> float:
        return max(0.0, float(stats.norm.pdf(x, 1, c) - np.exp(epsilon) * stats.norm.pdf(x, 0, c)))

    begins = 0.5 + epsilon * c * c  # where p = e^epsilon q
    area = integrate.quad(excess, begins, begins + 1 + 12 * c, epsabs=1e-13)[0]
    assert gaussian_delta(c, epsilon) == pytest.approx(area, rel=1e-6, abs=1e-12)


def test_the_delta_at_epsilon_0_is_the_total_variation_distance() -> None:
    # Phi(1/2) - Phi(-1/2) = 2 * .69146 - 1
    assert gaussian_delta(1.0, 0.0) == pytest.approx(0.38292, abs=1e-5)


@given(multipliers, epsilons)
def test_balle_and_wangs_condition_is_what_is_computed(c: float, epsilon: float) -> None:
    condition = stats.norm.cdf(1 / (2 * c) - epsilon * c) - np.exp(epsilon) * stats.norm.cdf(-1 / (2 * c) - epsilon * c)
    assert gaussian_delta(c, epsilon) == pytest.approx(condition, rel=1e-6, abs=1e-13)


@given(multipliers, epsilons, st.floats(1.01, 2.0))
def test_delta_falls_with_noise_and_with_epsilon(c: float, epsilon: float, factor: float) -> None:
    delta = gaussian_delta(c, epsilon)
    assert -1e-15 <= gaussian_delta(c * factor, epsilon) <= delta + 1e-15
    assert gaussian_delta(c, epsilon * factor) <= delta + 1e-15


@pytest.mark.parametrize(("c", "epsilon"), [(0.02, 2_000.0), (100.0, 1e6), (1e-2, 1e5)])
def test_a_delta_beside_an_overflowing_exponential_is_finite(c: float, epsilon: float) -> None:
    assert 0 <= gaussian_delta(c, epsilon) <= 1


@given(st.floats(0.01, 20.0), st.floats(1e-10, 1e-3))
def test_the_smallest_multiplier_meets_the_condition_and_one_in_a_thousand_less_does_not(
    epsilon: float, delta: float
) -> None:
    c = gaussian_multiplier(epsilon=epsilon, delta=delta)
    assert gaussian_delta(c, epsilon) <= delta
    assert gaussian_delta(0.999 * c, epsilon) > delta


def test_the_classical_multiplier_is_larger_below_epsilon_1() -> None:
    # Dwork and Roth 2014, theorem A.1: sqrt(2 ln(1.25 / delta)) / epsilon
    for epsilon in (0.1, 0.5, 0.99):
        assert gaussian_multiplier(epsilon=epsilon, delta=1e-6) < np.sqrt(2 * np.log(1.25e6)) / epsilon


# the noise


@pytest.mark.parametrize(("sensitivity", "c"), [(1.0, 1.0), (0.5, 4.0), (12**0.5, 0.7)])
def test_added_noise_has_the_stated_standard_deviation(sensitivity: float, c: float) -> None:
    n = 100_000
    noise = gaussian(np.full(n, 7.0), sensitivity=sensitivity, noise_multiplier=c, stream=stream()) - 7.0
    assert abs(noise.mean()) < 5 * sensitivity * c / np.sqrt(n)
    assert abs(noise.std() / (sensitivity * c) - 1) < 5 / np.sqrt(2 * n)
    # control: the noise of a sensitivity that forgets one code in twenty
    assert abs(noise.std() / (0.95**0.5 * sensitivity * c) - 1) > 5 / np.sqrt(2 * n)


@given(st.floats(-1e6, 1e6), st.floats(0.1, 10), multipliers, st.sampled_from([(), (3,), (2, 3), (0,)]))
def test_the_noise_does_not_depend_on_what_it_is_added_to(
    total: float, sensitivity: float, c: float, shape: tuple[int, ...]
) -> None:
    held = {"sensitivity": sensitivity, "noise_multiplier": c}
    noise = gaussian(np.zeros(shape), **held, stream=stream())
    answer = gaussian(np.full(shape, total), **held, stream=stream())
    assert answer.shape == shape
    assert np.array_equal(answer, total + noise)


@given(st.integers(0, 8))
def test_pairs_are_released_once_symmetric_and_without_a_diagonal(d: int) -> None:
    total = np.arange(d * d, dtype=float).reshape(d, d)
    total = total + total.T
    released = symmetric_gaussian(total, sensitivity=0.5, noise_multiplier=3.0, stream=stream())
    above = np.triu_indices(d, 1)
    drawn = stream().normal(d * (d - 1) // 2)
    assert np.array_equal(released, released.T)
    assert np.all(np.diag(released) == 0)
    assert np.array_equal(released[above], total[above] + 0.5 * 3.0 * drawn)


def test_two_noisy_copies_of_a_pair_would_have_told_more() -> None:
    """The control: where both triangles carry noise of their own, their mean has less of it than was accounted for."""
    d, c = 400, 2.0
    above = np.triu_indices(d, 1)
    once = symmetric_gaussian(np.zeros((d, d)), sensitivity=1.0, noise_multiplier=c, stream=stream())
    twice = gaussian(np.zeros((d, d)), sensitivity=1.0, noise_multiplier=c, stream=stream())
    assert ((once + once.T) / 2)[above].std() == pytest.approx(c, rel=0.02)
    assert ((twice + twice.T) / 2)[above].std() == pytest.approx(c / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("sensitivity", [0.0, -1.0, np.nan, np.inf])
def test_a_sensitivity_that_makes_no_noise_is_refused(sensitivity: float) -> None:
    with pytest.raises(ValueError, match="must be finite and above 0"):
        gaussian(np.zeros(3), sensitivity=sensitivity, noise_multiplier=1.0, stream=stream())


bad_noise = pytest.mark.parametrize("noise_multiplier", [0.0, -1.0, np.nan, np.inf, -np.inf])


@bad_noise
def test_without_noise_there_is_no_mechanism(noise_multiplier: float) -> None:
    with pytest.raises(ValueError, match="without noise nothing is protected"):
        Gaussian(noise_multiplier=noise_multiplier)
    with pytest.raises(ValueError, match="without noise nothing is protected"):
        SampledGaussian(noise_multiplier=noise_multiplier, sampling_probability=0.1, steps=1)
    with pytest.raises(ValueError, match="without noise nothing is protected"):
        gaussian(np.zeros(3), sensitivity=1.0, noise_multiplier=noise_multiplier, stream=stream())
    with pytest.raises(ValueError, match="without noise nothing is protected"):
        symmetric_gaussian(np.zeros((2, 2)), sensitivity=1.0, noise_multiplier=noise_multiplier, stream=stream())


@pytest.mark.parametrize("sampling", ["shuffled", "fixed", "", None, False])
def test_any_sampling_but_poissons_is_refused(sampling: Any) -> None:
    """The trap of METRICS.md: Opacus' poisson_sampling=False keeps the accountant of Poisson sampling."""
    with pytest.raises(ValueError, match="Only Poisson sampling is accounted for"):
        SampledGaussian(noise_multiplier=1.0, sampling_probability=0.1, steps=1, sampling=sampling)


@pytest.mark.parametrize(
    ("probability", "steps"),
    [(0.0, 1), (-0.1, 1), (1.1, 1), (np.nan, 1), (0.1, 0), (0.1, -1), (0.1, np.nan), (0.1, np.inf), (0.1, 1.5)],
)
def test_a_probability_or_a_number_of_steps_out_of_range_is_refused(probability: float, steps: Any) -> None:
    with pytest.raises(ValueError, match=re.escape("needs a sampling_probability in (0, 1]")):
        SampledGaussian(noise_multiplier=1.0, sampling_probability=probability, steps=steps)


def test_each_mechanism_is_known_by_its_name() -> None:
    assert dict(KINDS) == {"Gaussian": Gaussian, "Poisson-sampled Gaussian": SampledGaussian}


# the threshold


def test_the_threshold_for_one_key_is_worked_out_by_hand() -> None:
    """A sum of 1 with noise of 2 is above 1 + 2 z with probability 1 - Phi(z): z = 1 for .158655, 0 for a half."""
    assert threshold(noise=2.0, clip=1.0, most=1, delta=0.15865525393145707) == pytest.approx(3.0)
    assert threshold(noise=2.0, clip=1.0, most=1, delta=0.5) == pytest.approx(1.0)
    # a patient of whom .6 is left adds no more than that; one who may add more adds 1
    assert threshold(noise=2.0, clip=0.6, most=1, delta=0.5) == pytest.approx(0.6)
    assert threshold(noise=2.0, clip=9.0, most=1, delta=0.5) == pytest.approx(1.0)


def test_the_threshold_for_four_keys_is_worked_out_by_hand() -> None:
    """Unclipped, four sums of 1 all stay below 1 + 2 with probability Phi(1)^4; clipped to norm 1, below .5 + 2."""
    delta = 1 - 0.8413447460685429**4
    assert threshold(noise=2.0, clip=2.0, most=4, delta=delta) == pytest.approx(3.0)
    # fewer keys of more each ask for less: 2.22 for three, 1.80 for two, 1.01 for one
    assert threshold(noise=2.0, clip=1.0, most=4, delta=delta) == pytest.approx(2.5)


@given(st.floats(0.1, 50), st.floats(0.1, 10), st.integers(1, 200), st.floats(1e-12, 0.5), st.floats(1.01, 2.0))
def test_the_threshold_falls_with_delta_and_rises_with_the_rest(
    noise: float, clip: float, most: int, delta: float, factor: float
) -> None:
    base = threshold(noise=noise, clip=clip, most=most, delta=delta)
    assert threshold(noise=noise, clip=clip, most=most, delta=delta / factor) > base
    assert threshold(noise=noise * factor, clip=clip, most=most, delta=delta) >= base
    assert threshold(noise=noise, clip=clip * factor, most=most, delta=delta) >= base
    assert threshold(noise=noise, clip=clip, most=most + 7, delta=delta) >= base


def shown(sums: np.ndarray, noise: float, above: float) -> float:
    """Probability that at least one of these sums shows its key."""
    return float(-np.expm1(stats.norm.logcdf((above - sums) / noise).sum()))


@given(st.floats(0.2, 50), st.floats(0.3, 10), st.integers(1, 300), st.integers(1, 300), st.floats(1e-9, 0.3))
def test_no_patient_with_the_same_number_on_each_key_is_shown_more_often_than_delta(
    noise: float, clip: float, keys: int, alone: int, delta: float
) -> None:
    """Of `keys` codes that a clipped record has, `alone` are in no other record."""
    assume(alone <= keys)
    above = threshold(noise=noise, clip=clip, most=300, delta=delta)
    sums = np.full(alone, min(1.0, clip / np.sqrt(keys)))
    assert shown(sums, noise, above) <= delta * (1 + 1e-6)


def test_unequal_numbers_of_the_same_norm_are_shown_more_often() -> None:
    """Why the same number is asked for: one key of .995 and 99 that share the rest of a norm of 1."""
    above = threshold(noise=1.0, clip=1.0, most=100, delta=1e-6)
    sums = np.array([0.995, *[np.sqrt((1 - 0.995**2) / 99)] * 99])
    assert np.linalg.norm(sums) == pytest.approx(1.0)
    assert shown(sums, 1.0, above) > 1.3e-6
    assert shown(np.full(100, 0.1), 1.0, above) < 1e-6


@pytest.mark.parametrize("keys", [1, 4])
def test_a_key_of_one_patient_passes_with_probability_delta_at_most(keys: int) -> None:
    delta, noise, n = 0.05, 2.0, 100_000
    above = threshold(noise=noise, clip=1.0, most=keys, delta=delta)
    total = np.full((n, keys), 1 / np.sqrt(keys))
    noisy = gaussian(total, sensitivity=1.0, noise_multiplier=noise, stream=stream())
    slack = 5 * np.sqrt(delta * (1 - delta) / n)
    assert np.mean((noisy > above).any(axis=1)) <= delta + slack
    # control: a threshold that is one standard deviation of the noise lower
    assert np.mean((noisy > above - noise).any(axis=1)) > delta + slack


def test_a_threshold_for_one_key_is_too_low_for_a_patient_with_four() -> None:
    above = threshold(noise=1.0, clip=2.0, most=1, delta=1e-6)
    assert shown(np.ones(1), 1.0, above) == pytest.approx(1e-6)
    assert shown(np.ones(4), 1.0, above) == pytest.approx(4e-6, rel=1e-3)
    assert shown(np.ones(4), 1.0, threshold(noise=1.0, clip=2.0, most=4, delta=1e-6)) == pytest.approx(1e-6)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1e-6, np.nan])
def test_a_delta_of_a_threshold_out_of_range_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="'delta' parameter of threshold"):
        threshold(noise=1.0, clip=1.0, most=1, delta=delta)


# clipping


def test_rows_are_scaled_down_to_the_clip_and_never_up() -> None:
    assert clipped(np.array([0.0, 1.0, 2.0, 4.0, 10.0]), 2.0).tolist() == [1.0, 1.0, 1.0, 0.5, 0.2]


@given(st.lists(st.floats(0, 1e9), max_size=10), st.floats(1e-3, 1e3))
def test_no_row_is_longer_than_the_clip(norms: list[float], clip: float) -> None:
    rows = np.array(norms)
    factors = clipped(rows, clip)
    assert np.all((factors >= 0) & (factors <= 1))
    assert np.all(factors * rows <= clip * (1 + 1e-12))
    assert np.all(factors[rows <= clip] == 1)
