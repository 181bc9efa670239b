from dataclasses import fields
from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from privacy.noise import KEY_BYTES, NoiseSource
from privacy.sampling import PoissonSampling

KEY = bytes(range(KEY_BYTES))
probabilities = st.floats(1e-6, 1.0)


def source(key: bytes = KEY) -> NoiseSource:
    return NoiseSource(key)


def sampling(probability: float = 0.05, *, steps: int = 200, expected_batch: float = 50.0) -> PoissonSampling:
    return PoissonSampling(probability=probability, expected_batch=expected_batch, steps=steps)


def test_batches_are_as_large_as_binomial_ones_and_as_uneven() -> None:
    """A shuffled pass has batches of one size, which no proof covers: the spread of sizes tells them apart."""
    n, q = 1_000, 0.05
    sizes = np.array([len(batch) for batch in sampling(q).batches(n, source(), "critic")])
    variance = n * q * (1 - q)
    assert abs(sizes.mean() - n * q) < 5 * np.sqrt(variance / len(sizes))
    # the sample variance of 200 near-normal sizes has a standard deviation of variance sqrt(2 / 199)
    assert abs(sizes.var(ddof=1) - variance) < 5 * variance * np.sqrt(2 / 199)
    # control: batches of a shuffled pass
    shuffled = np.random.default_rng(0).permutation(200 * 50).reshape(200, 50)
    fixed = np.array([len(batch) for batch in shuffled])
    assert abs(fixed.var(ddof=1) - variance) > 5 * variance * np.sqrt(2 / 199)


def test_a_patient_is_present_with_the_probability_that_was_asked_for() -> None:
    n, steps, q = 200_000, 10, 0.05
    share = np.mean([len(batch) / n for batch in sampling(q, steps=steps).batches(n, source(), "critic")])
    slack = 5 * np.sqrt(q * (1 - q) / (n * steps))
    assert abs(share - q) < slack
    # control: two percent more often
    assert 0.02 * q > slack


def test_each_patient_is_present_as_often_as_any_other() -> None:
    n, q, steps = 400, 0.1, 2_000
    present = np.zeros(n)
    for batch in sampling(q, steps=steps).batches(n, source(), "critic"):
        present[batch] += 1
    z = (present - steps * q) / np.sqrt(steps * q * (1 - q))
    assert np.abs(z).max() < 5
    assert 0.7 < z.var() < 1.3  # 400 squares of normals: standard deviation .07


def test_two_patients_are_together_as_often_as_independent_ones() -> None:
    q, steps = 0.3, 4_000
    together = 0
    for batch in sampling(q, steps=steps).batches(2, source(), "critic"):
        together += len(batch) == 2
    assert abs(together / steps - q * q) < 5 * np.sqrt(q * q * (1 - q * q) / steps)


@given(st.integers(0, 300), probabilities, st.integers(0, 5))
def test_one_patient_more_changes_nothing_for_the_others(n: int, q: float, step: int) -> None:
    """The trap of METRICS.md (Opacus 571, 819): n and n + 1 patients are sampled alike, but for the last."""
    one = sampling(q).batch(step, n, source(), "critic")
    more = sampling(q).batch(step, n + 1, source(), "critic")
    assert np.array_equal(more[more < n], one)


def test_a_probability_worked_out_from_the_number_of_patients_fails_that() -> None:
    """The control: q = B / n gives n and n + 1 patients different batches in some of 2,000 steps."""
    differing = 0
    one, other = source(), source()
    for step in range(2_000):
        a = sampling(50 / 200, steps=2_000).batch(step, 200, one, "critic")
        b = sampling(50 / 201, steps=2_000).batch(step, 201, other, "critic")
        differing += not np.array_equal(b[b < 200], a)
    assert differing > 0


def test_nothing_in_the_configuration_tells_how_many_patients_there_are() -> None:
    assert {field.name for field in fields(PoissonSampling)} == {"probability", "expected_batch", "steps"}
    assert "patients" not in signature(PoissonSampling).parameters
    held = sampling()
    before = repr(held)
    held.batch(0, 12_345, source(), "critic")
    assert repr(held) == before


@given(st.integers(0, 200), probabilities)
def test_positions_are_ascending_different_and_of_patients(n: int, q: float) -> None:
    batch = sampling(q).batch(0, n, source(), "critic")
    assert np.all(np.diff(batch) > 0)
    assert np.all((batch >= 0) & (batch < n))


@given(st.integers(0, 200))
def test_probability_1_is_everybody(n: int) -> None:
    assert sampling(1.0).batch(0, n, source(), "critic").tolist() == list(range(n))


def test_a_batch_is_drawn_once() -> None:
    """The trap of METRICS.md: five critic steps on one batch, told as if each had a fresh one."""
    held = source()
    sampling().batch(7, 100, held, "critic")
    with pytest.raises(ValueError, match="used already"):
        sampling().batch(7, 100, held, "critic")
    sampling().batch(8, 100, held, "critic")
    sampling().batch(7, 100, held, "another training")


@pytest.mark.parametrize("step", [np.int64(7), np.uint8(7)])
def test_a_batch_is_the_same_one_by_whatever_kind_of_integer(step: Any) -> None:
    held = source()
    sampling().batch(7, 100, held, "critic")
    with pytest.raises(ValueError, match="used already"):
        sampling().batch(step, 100, held, "critic")


@pytest.mark.parametrize("step", [7.0, 6.5])
def test_there_are_no_batches_between_steps(step: Any) -> None:
    with pytest.raises(ValueError, match="format"):
        sampling().batch(step, 100, source(), "critic")


@given(st.integers(-300, 500))
@example(-1)
@example(199)
@example(200)
def test_only_the_steps_that_were_accounted_for_have_a_batch(step: int) -> None:
    held = source()
    if 0 <= step < 200:
        sampling(steps=200).batch(step, 10, held, "critic")
    else:
        with pytest.raises(ValueError, match="Only steps 0 to 199 are accounted for"):
            sampling(steps=200).batch(step, 10, held, "critic")


def test_batches_of_two_steps_are_different() -> None:
    held = source()
    first, second = (set(sampling(0.5).batch(step, 500, held, "critic").tolist()) for step in (0, 1))
    assert 150 < len(first ^ second) < 350  # 250 expected, standard deviation 11


@pytest.mark.parametrize("first", [0, 1, 7, 199, 200])
def test_a_resumed_run_goes_on_with_the_batches_that_it_would_have_had(first: int) -> None:
    whole = list(sampling().batches(100, source(), "critic"))
    resumed = list(sampling().batches(100, source(), "critic", first=first))
    assert len(whole) == 200
    assert len(resumed) == 200 - first
    assert all(np.array_equal(a, b) for a, b in zip(whole[first:], resumed, strict=True))
    # control: under another key they are others
    other = list(sampling().batches(100, source(bytes(KEY_BYTES)), "critic", first=first))
    assert first == 200 or not all(np.array_equal(a, b) for a, b in zip(resumed, other, strict=True))


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.0001, np.nan, np.inf])
def test_what_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="sampling probability"):
        sampling(probability)


@pytest.mark.parametrize(
    ("expected_batch", "steps"), [(0.0, 1), (-1.0, 1), (np.nan, 1), (np.inf, 1), (1.0, 0), (1.0, -1), (1.0, np.nan)]
)
def test_a_divisor_or_a_number_of_steps_out_of_range_is_refused(expected_batch: float, steps: Any) -> None:
    with pytest.raises(ValueError, match="expected_batch must be"):
        sampling(expected_batch=expected_batch, steps=steps)
