import numpy as np
import pytest

from synthehr.models.private.shrinkage import posterior_mean


def test_it_is_nearer_to_the_truth_than_the_noisy_counts_and_than_cutting_at_zero() -> None:
    rng = np.random.default_rng(0)
    truth = np.concatenate([np.zeros(400), rng.geometric(0.02, 300), rng.geometric(0.001, 50)]).astype(float)
    noise = np.full(len(truth), 30.0)
    noisy = truth + noise * rng.standard_normal(len(truth))
    errors = [np.square(x - truth).mean() for x in (posterior_mean(noisy, noise, most=5e4), np.maximum(noisy, 0))]
    assert errors[0] < 0.85 * errors[1] < 0.85 * np.square(noisy - truth).mean()


def test_nobody_is_not_made_somebody_by_cutting_at_zero() -> None:
    # 1,000 codes that nobody has: cut at zero, they would have 1,000 x 30 x 0.4 = 12,000 patients
    noisy = 30 * np.random.default_rng(1).standard_normal(1000)
    assert posterior_mean(noisy, np.full(1000, 30.0), most=5e4).sum() < 1_200


def test_a_sure_count_keeps_its_value() -> None:
    noisy = np.array([0.0, 10.0, 777.0, 12_345.0])
    assert posterior_mean(noisy, np.full(4, 0.01), most=5e4) == pytest.approx(noisy, rel=0.01, abs=0.3)


def test_it_keeps_the_order_of_equally_noisy_counts() -> None:
    noisy = np.sort(np.random.default_rng(2).normal(100, 80, 300))
    assert (np.diff(posterior_mean(noisy, np.full(300, 40.0), most=1e4)) >= -1e-9).all()
