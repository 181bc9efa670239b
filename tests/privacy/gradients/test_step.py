"""The noisy step: what is written, what is charged, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from privacy.budget import Budget
from privacy.gradients.linear import RowGradients
from privacy.gradients.step import NOISE_BLOCK, Batch
from privacy.ledger import Ledger, Unaccounted
from privacy.mechanisms import SampledGaussian
from privacy.sampling import PoissonSampling
from tests.privacy.gradients.modules import critic, losses_of, one_by_one, rows_of, vector
from tests.privacy.gradients.runs import COLUMNS, noise_of, one_step, steps_of


def test_the_gradient_is_the_clipped_sum_and_noise_by_the_expected_batch_and_the_public_mean() -> None:
    module, patients = critic(COLUMNS, 4), rows_of(16, COLUMNS) * 5
    gradients = RowGradients(module)
    steps = steps_of(gradients)
    batch, found = one_step(module, steps, gradients, patients)
    rows = torch.cat([patients[torch.from_numpy(batch.positions)], rows_of(3, COLUMNS, seed=9)])
    n = len(batch.positions)
    private = vector(one_by_one(module, rows[:n], n, 0.5, 1.0))
    public = vector(one_by_one(module, rows[n:], 0, 0.5, 1.0))
    noise = noise_of(module, 0.5, 0.5, 0.5, 8.0, 4, 3)
    expected = (private + 0.5 * torch.from_numpy(noise)) / 8 + public / 3
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_ledger_is_charged_once_for_all_steps_before_the_first() -> None:
    module, ledger = critic(COLUMNS, 4), Ledger()
    gradients = RowGradients(module)
    steps = steps_of(gradients, noise_multiplier=1.5, ledger=ledger)
    charged = ledger.as_json()
    for _ in range(4):
        one_step(module, steps, gradients, rows_of(16, COLUMNS))
    assert ledger.as_json() == charged
    (entry,) = ledger.entries
    assert (entry.query, entry.sensitivity) == ("the critic", 0.5)
    assert entry.mechanism == SampledGaussian(noise_multiplier=1.5, sampling_probability=0.5, steps=4)
    with pytest.raises(Unaccounted, match="charged for 4 steps"):
        steps.batch(16)


def test_a_budget_that_does_not_cover_the_steps_is_not_touched() -> None:
    ledger = Ledger(budget=Budget(epsilon=0.5, delta=1e-5))
    with pytest.raises(Unaccounted, match="over the budget"):
        steps_of(RowGradients(critic(COLUMNS, 4)), ledger=ledger)
    assert ledger.entries == []


def test_a_batch_is_used_once() -> None:
    """METRICS: one Poisson batch for 5 critic steps claimed 3.49, and cost 17.9."""
    module = critic(COLUMNS, 4)
    gradients = RowGradients(module)
    steps = steps_of(gradients, public_rows=0)

    def losses(batch: Batch) -> Tensor:
        module.zero_grad(set_to_none=True)
        return losses_of(gradients(rows_of(len(batch.positions), COLUMNS)), len(batch.positions))

    batch = steps.batch(16)
    steps.write_gradient(batch, losses(batch))
    for again in (batch, replace(batch), Batch(1, batch.positions)):
        with pytest.raises(Unaccounted, match="one draw, one look"):
            steps.write_gradient(again, losses(batch))
    left = steps.batch(16)
    steps.batch(16)
    with pytest.raises(Unaccounted, match="one draw, one look"):
        steps.write_gradient(left, losses(left))


def test_an_empty_batch_is_noise_alone() -> None:
    module = critic(COLUMNS, 4)
    gradients = RowGradients(module)
    rare = PoissonSampling(probability=1e-9, expected_batch=8.0, steps=1)
    batch, found = one_step(module, steps_of(gradients, public_rows=0, sampling=rare), gradients, rows_of(16, COLUMNS))
    noise = noise_of(module, 0.5, 0.5, 1e-9, 8.0, 1, 0)
    assert len(batch.positions) == 0
    assert np.allclose(found, 0.5 * noise / 8, atol=1e-7)
    one_step(module, steps_of(gradients, sampling=rare), gradients, rows_of(0, COLUMNS))  # no patients at all


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.binary(min_size=32, max_size=32))
def test_one_patient_more_changes_neither_noise_nor_who_else_is_in_a_batch(n: int, key: bytes) -> None:
    """METRICS: with q and B from the length of the data, n and n + 1 patients got different noise."""
    runs = []
    for patients in (n, n + 1):
        module = critic(COLUMNS, 4)
        gradients = RowGradients(module)
        steps = steps_of(gradients, key=key)
        # losses times 0: what is written is the noise
        runs.append([one_step(module, steps, gradients, rows_of(patients, COLUMNS), scale=0.0) for _ in range(4)])
    for (batch, noise), (of_more, noise_of_more) in zip(*runs, strict=True):
        assert torch.equal(noise, noise_of_more)
        assert np.array_equal(batch.positions, of_more.positions[of_more.positions < n])
    (_, first), (_, second), *_ = runs[0]
    assert not torch.equal(first, second)


def test_noise_has_the_deviation_that_was_charged() -> None:
    """Mean 0 and noise_multiplier clip / expected_batch, by a bound of 5 standard errors."""
    module, sampling = critic(COLUMNS, 20, 20), PoissonSampling(probability=0.5, expected_batch=8.0, steps=200)
    gradients = RowGradients(module)
    steps = steps_of(gradients, noise_multiplier=2.0, sampling=sampling)
    drawn = torch.stack([one_step(module, steps, gradients, rows_of(16, COLUMNS), scale=0.0)[1] for _ in range(200)])
    expected, n = 2.0 * 0.5 / 8, drawn.numel()

    def off(sample: Tensor) -> float:
        mean, sd = sample.mean() / (expected / math.sqrt(n)), (sample.std() / expected - 1) * math.sqrt(2 * n)
        return max(abs(mean.item()), abs(sd.item()))

    assert off(drawn) < 5
    assert off(drawn * 1.02) > 5
    assert off(drawn + 0.02 * expected) > 5
    for other in (drawn[1:], drawn.flip(1)[1:]):  # a step says nothing of the next
        assert abs(((drawn[:-1] * other).mean() / expected**2).item()) < 5 / math.sqrt(other.numel())


def test_a_run_that_is_started_again_with_other_settings_gets_other_noise() -> None:
    """Two answers under the same noise would tell their difference."""
    noise = []
    for multiplier, public_rows in ((1.0, 0), (1.0, 0), (2.0, 0), (1.0, 3)):
        module = critic(COLUMNS, 4)
        gradients = RowGradients(module)
        steps = steps_of(gradients, noise_multiplier=multiplier, public_rows=public_rows)
        noise.append(one_step(module, steps, gradients, rows_of(16, COLUMNS), scale=0.0)[1] / multiplier)
    assert torch.equal(noise[0], noise[1])
    assert not torch.allclose(noise[0], noise[2], atol=1e-3)
    assert not torch.allclose(noise[0], noise[3], atol=1e-3)


def test_a_run_that_goes_on_is_the_run_that_never_stopped() -> None:
    patients = rows_of(16, COLUMNS)

    def run(first: int, state: dict[str, Tensor] | None, until: int) -> nn.Module:
        module = critic(COLUMNS, 4)
        if state:
            module.load_state_dict(state)
        gradients, ledger = RowGradients(module), Ledger()
        steps = steps_of(gradients, first=first, ledger=ledger)
        for _ in range(first, until):
            one_step(module, steps, gradients, patients)
            torch.optim.SGD(module.parameters(), lr=0.1).step()
        assert ledger.entries[0].mechanism.steps == 4
        return module

    whole, halves = run(0, None, 4), run(2, run(0, None, 2).state_dict(), 4)
    assert torch.equal(vector(whole.state_dict()), vector(halves.state_dict()))


def test_the_number_of_public_rows_is_fixed() -> None:
    """METRICS: it must not depend on the secret size of the batch."""
    module = critic(COLUMNS, 4)
    gradients = RowGradients(module)
    steps = steps_of(gradients, public_rows=3)
    batch = steps.batch(16)
    n = len(batch.positions)
    with pytest.raises(ValueError, match="3 public rows"):
        steps.write_gradient(batch, losses_of(gradients(rows_of(2 * n, COLUMNS)), n))
    steps.write_gradient(batch, losses_of(gradients(rows_of(n + 3, COLUMNS)), n))


def test_a_gradient_that_is_there_already_is_not_lost_in_silence() -> None:
    module = critic(COLUMNS, 4)
    gradients = RowGradients(module)
    steps = steps_of(gradients, public_rows=0)
    batch = steps.batch(16)
    module(rows_of(2, COLUMNS)).sum().backward()
    with pytest.raises(ValueError, match="zero_grad"):
        steps.write_gradient(batch, losses_of(gradients(rows_of(len(batch.positions), COLUMNS)), 0))


@pytest.mark.parametrize("wrong", [{"public_rows": -1}, {"first": 5}, {"first": -1}, {"noise_multiplier": 0.0}])
def test_numbers_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    ledger = Ledger()
    with pytest.raises(ValueError):
        steps_of(RowGradients(critic(COLUMNS, 4)), ledger=ledger, **wrong)
    assert ledger.entries == []


def test_layers_larger_than_a_block_of_noise_get_it_everywhere() -> None:
    module = nn.Sequential(nn.Linear(NOISE_BLOCK // 8, 20), nn.ReLU(), nn.Linear(20, NOISE_BLOCK // 40))
    gradients = RowGradients(module)
    steps = steps_of(gradients, public_rows=0)
    batch = steps.batch(16)
    rows = torch.zeros(len(batch.positions), NOISE_BLOCK // 8)
    steps.write_gradient(batch, 0.0 * gradients(rows).sum(1))
    noise = vector({name: p.grad for name, p in module.named_parameters()}) / (0.5 / 8)
    assert len(noise) > 2 * NOISE_BLOCK
    assert (noise != 0).all()
    assert abs(noise.var().item() - 1) < 5 * math.sqrt(2 / len(noise))
    assert len(noise.unique()) > 0.95 * len(noise)  # not one block repeated; float32 has a few alike


def test_adam_learns_with_a_little_noise() -> None:
    """End to end: the critic tells two kinds apart, with patients on one side and public rows on the other."""
    module = critic(COLUMNS, 8)
    gradients, optimizer = RowGradients(module), torch.optim.Adam(module.parameters(), lr=0.03)
    sampling = PoissonSampling(probability=0.25, expected_batch=32.0, steps=60)
    steps = steps_of(gradients, public_rows=32, sampling=sampling)
    patients, others = rows_of(128, COLUMNS) + 1.5, rows_of(32, COLUMNS, seed=3) - 1.5
    for _ in range(60):
        optimizer.zero_grad(set_to_none=True)
        batch = steps.batch(128)
        rows = torch.cat([patients[torch.from_numpy(batch.positions)], others])
        steps.write_gradient(batch, losses_of(gradients(rows), len(batch.positions)))
        optimizer.step()
    right = (module(patients) > 0).float().mean() + (module(others) < 0).float().mean()
    assert right.item() / 2 > 0.9
