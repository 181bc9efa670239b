"""What noisy gradients say of canaries, and that faults in DP-SGD are caught: the real step works throughout."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import sparse, special
from torch import nn

from benchmarks.faults.gradients import (
    BUDGET,
    SETTINGS,
    UNSEEN,
    FreshShuffles,
    MinibatchAveraging,
    Setting,
    audit_of,
    watched_steps,
)
from privacy.accountant import epsilon
from privacy.audit.canaries import audited, coins
from privacy.audit.gradients import KNOWLEDGE, Watched, evidence, in_some_batches
from privacy.curator import Curator
from privacy.gradients.linear import RowGradients
from privacy.gradients.rowwise import MixesRows
from privacy.ledger import Ledger, Unaccounted
from privacy.mechanisms import SampledGaussian
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling

M = 1_000
CORRECT = [name for name in SETTINGS if name.startswith("none")]
WRONG = [name for name in SETTINGS if name not in (*CORRECT, *UNSEEN)]


def key(number: int) -> bytes:
    return bytes([number] * 32)


@pytest.mark.parametrize("name", CORRECT)
@pytest.mark.parametrize("number", range(2))
def test_correct_steps_keep_their_claim_and_the_bound_is_far_below(name: str, number: int) -> None:
    found = audit_of(name, M, key(number), key(100 + number))
    assert 0.9 < found.claim <= BUDGET.epsilon
    assert found.verdict == "NOT REFUTED"
    assert found.lower < 0.7 * found.claim


@pytest.mark.parametrize("name", WRONG)
def test_a_fault_in_the_steps_is_caught(name: str) -> None:
    found = audit_of(name, M, key(1), key(2))
    setting = SETTINGS[name]
    steps = SampledGaussian(
        noise_multiplier=setting.noise_multiplier,
        sampling_probability=setting.probability,
        steps=setting.charged or setting.steps,
    )
    assert found.claim == pytest.approx(epsilon([steps], delta=BUDGET.delta))  # as if there were no fault
    assert found.verdict == "FAIL"


def test_evidence_is_a_log_likelihood_ratio_of_all_steps() -> None:
    """Of Gaussians 1 / noise apart in each step: mean and half the variance are steps / noise^2 / 2, in or out."""
    setting, drawn = Setting(noise_multiplier=2.0, steps=4), coins(M, NoiseSource(key(3)))
    found = watched_steps(setting, drawn, Ledger(), NoiseSource(key(4)))[0].sum(axis=0)
    half = 4 / 2.0**2 / 2
    for side, sign in ((drawn, 1), (~drawn, -1)):
        n = int(side.sum())
        assert np.mean(found[side]) == pytest.approx(sign * half, abs=5 * math.sqrt(2 * half / n))
        assert np.var(found[side]) == pytest.approx(2 * half, rel=5 * math.sqrt(2 / n))


def test_evidence_through_a_curator() -> None:
    """The critic of a private generator, patients of 0 and 1: one code among others is less than a whole gradient."""
    m, noise = 400, 0.5
    drawn = coins(m, NoiseSource(key(5)))
    critic = nn.Sequential(nn.Linear(m, 1))
    shape = copy.deepcopy(critic)
    held = Curator(sparse.identity(m, format="csr")[drawn], Ledger(), NoiseSource(key(6)))
    descent = held.descent(
        "critic",
        critic,
        np.arange(m),
        torch.empty(0),
        sampling=PoissonSampling(probability=1.0, expected_batch=m / 2, steps=3),
        clip=0.1,
        noise_multiplier=noise,
        public_rows=4,
    )
    public = torch.zeros(4, m)
    parameters = RowGradients(critic).parameters
    watched = Watched(
        parameters=parameters,
        shape=shape,
        canaries=torch.eye(m),
        public=public,
        clip=0.1,
        noise_multiplier=noise,
        expected_batch=m / 2,
    )
    found = evidence(watched, lambda: descent.step(public), 3).sum(axis=0)
    # the gradient is (1, 1) times a number, for weight and bias; the bias is everybody's, so 1 / sqrt(2) is its own
    half = 3 * (1 / 2) / noise**2 / 2
    assert np.mean(found[drawn]) == pytest.approx(half, abs=5 * math.sqrt(2 * half / 180))
    assert np.mean(found[~drawn]) == pytest.approx(-half, abs=5 * math.sqrt(2 * half / 180))


def test_scores_of_batches_by_hand() -> None:
    found = np.log(np.array([[4.0, 1.0], [2.0, 1.0], [0.5, 9.0]]))
    assert in_some_batches(found, probability=1.0) == pytest.approx(np.log([4.0, 9.0]))
    by_step = np.log([(0.75 + 1) * (0.75 + 0.5) * (0.75 + 0.125), 0.75 + 2.25])
    assert in_some_batches(found, probability=0.25) == pytest.approx(by_step)
    # the first two steps saw one batch: 8 and 1
    by_batch = np.log([(0.75 + 2) * (0.75 + 0.125), 0.75 + 2.25])
    assert in_some_batches(found, probability=0.25, looks=np.array([0, 0, 1])) == pytest.approx(by_batch)


def test_who_does_not_suspect_it_does_not_see_that_a_batch_was_used_again() -> None:
    """The control of `looks`: five looks at one batch, taken for looks at five, stay below the claim."""
    setting, drawn = SETTINGS["batch used five times at the price of one"], coins(M, NoiseSource(key(2)))
    ledger = Ledger(budget=BUDGET)
    found, _ = watched_steps(setting, drawn, ledger, NoiseSource(key(1)))
    bounds = [
        audited(scores, drawn, claim=ledger.epsilon, delta=BUDGET.delta, knowledge=KNOWLEDGE).lower
        for scores in (found.sum(axis=0), in_some_batches(found, probability=setting.probability))
    ]
    assert max(bounds) < ledger.epsilon < 2.2


# what no audit of this kind sees, and what sees it


def appearances(sampling: type[PoissonSampling], noise: float = 0.02) -> np.ndarray:
    """In how many of ten batches each canary that is in was found, at so little noise that it is sure."""
    drawn = coins(M, NoiseSource(key(2)))
    setting = Setting(probability=0.1, noise_multiplier=noise, steps=10, sampling=sampling)
    found, _ = watched_steps(setting, drawn, Ledger(), NoiseSource(key(1)))
    return np.asarray((found[:, drawn] > 0).sum(axis=0))


def test_fresh_shuffles_are_refused_and_told_by_how_often_each_patient_is_seen() -> None:
    """One column each, and a batch of each pass: what one run of 1,000 canaries proves stays below Poisson's claim.

    The gap to Poisson sampling is real (the next test), but it is in the batches of all others, who would have to pull
    against the canary, which in one run they can do for one canary only.
    """
    found = audit_of(UNSEEN[0], M, key(1), key(2))
    assert found.verdict == "NOT REFUTED"
    with pytest.raises(ValueError, match="Only Poisson sampling is accounted for"):
        SampledGaussian(noise_multiplier=1.0, sampling_probability=0.1, steps=10, sampling="shuffled")  # type: ignore[arg-type]
    # binomial of ten batches and 1 / 10, variance 0.9; shuffled, everybody is seen once, and that is none at all
    assert np.var(appearances(PoissonSampling)) == pytest.approx(0.9, rel=5 * math.sqrt(2.5 / 500))
    assert set(appearances(FreshShuffles)) == {1}


def test_shuffling_costs_more_than_poisson_sampling_of_as_many_batches() -> None:
    """The lower bound of Chua et al. (2024, arXiv 2403.17673, section 4), for patients dealt in turn from a shuffle.

    n patients with the gradient -1, n a multiple of T, or one more with +1. Batches have n / T, the first one more;
    counted from what all -1 would give, sums are noise, or noise, -1 in the first and +2 in the canary's batch, or +1
    if that is the first. That none exceeds C is less likely with the canary.
    """
    batches, noise, delta = 1_000, 0.8, 1e-5
    limit = np.linspace(0, 8, 4_001)
    below, two, one, less = (special.log_ndtr((limit + shift) / noise) for shift in (0, -2, -1, 1))
    without = np.exp(batches * below)
    elsewhere = (batches - 1) / batches * np.exp(less + two + (batches - 2) * below)
    with_canary = elsewhere + np.exp(one + (batches - 1) * below) / batches
    shuffled = np.max(np.log(np.maximum(without - delta, 1e-300) / with_canary))
    poisson = SampledGaussian(noise_multiplier=noise, sampling_probability=1 / batches, steps=batches)
    claimed = epsilon([poisson], delta=delta)
    assert claimed < 0.35
    assert shuffled > 2 * claimed


def test_what_the_audit_catches_is_refused_where_it_can_be() -> None:
    with pytest.raises(MixesRows):
        RowGradients(MinibatchAveraging(5))
    with pytest.raises(Unaccounted, match="without a mechanism"):
        Ledger(budget=BUDGET).look("patients, by an autoencoder")
