from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor, nn

from privacy.budget import Budget
from privacy.curator import Curator
from privacy.gradients.likelihood import LikelihoodSteps, Part
from privacy.gradients.rowwise import MixesRows
from privacy.ledger import Ledger, Unaccounted
from privacy.mechanisms import SampledGaussian
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling

RECORDS = sparse.csr_matrix(np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 1], [0, 0, 0, 1], [1, 1, 1, 1]]))


class Squares:
    """A patient's loss is half the square of what a net says of him; so many patients at a time."""

    def __init__(self, module: nn.Module, at_a_time: int) -> None:
        self.module, self.at_a_time = module, at_a_time

    def parts(self, rows: sparse.csr_matrix) -> Iterator[Part]:
        for start in range(0, rows.shape[0], self.at_a_time):
            part = torch.from_numpy(rows[start : start + self.at_a_time].toarray()).float()
            yield (part,), lambda output: 0.5 * output.square().sum(dim=1)


class Forgetful(Squares):
    def parts(self, rows: sparse.csr_matrix) -> Iterator[Part]:
        yield from list(super().parts(rows))[1:]


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.LayerNorm(3), nn.Linear(3, 2))


def asked(
    likelihood: Squares, *, records: sparse.csr_matrix = RECORDS, clip: float = 1e3, noise: float = 1e-9, steps: int = 2
) -> tuple[LikelihoodSteps, Ledger]:
    ledger = Ledger()
    sampling = PoissonSampling(probability=1.0, expected_batch=4.0, steps=steps)
    held = Curator(records, ledger, NoiseSource(bytes(32)))
    return held.likelihood("net", likelihood, sampling=sampling, clip=clip, noise_multiplier=noise), ledger


def gradient(module: nn.Module) -> Tensor:
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


@pytest.mark.parametrize("at_a_time", [1, 2, 5])
def test_the_gradient_is_that_of_all_patients_however_they_are_put_into_parts(at_a_time: int) -> None:
    module, plain = net(), net()
    asked(Squares(module, at_a_time))[0].step()
    (0.5 * plain(torch.from_numpy(RECORDS.toarray()).float()).square().sum() / 4.0).backward()
    assert torch.allclose(gradient(module), gradient(plain), atol=1e-6)


def test_one_patient_moves_the_gradient_by_the_clip_over_the_expected_batch_at_most() -> None:
    moved = []
    for clip in (0.05, 1e3):
        whole, without = net(), net()
        asked(Squares(whole, 2), clip=clip)[0].step()
        asked(Squares(without, 2), records=RECORDS[1:], clip=clip)[0].step()
        moved.append(float((gradient(whole) - gradient(without)).norm()))
    assert moved[0] <= 0.05 / 4.0 + 1e-6
    assert moved[1] > 0.05 / 4.0  # the control: unclipped it would be more


def test_a_batch_of_nobody_gives_noise_alone() -> None:
    module = net()
    asked(Squares(module, 2), records=RECORDS[:0], clip=2.0, noise=10.0)[0].step()
    found = gradient(module)
    assert found.std().item() == pytest.approx(10.0 * 2.0 / 4.0, rel=0.5)  # 29 numbers


def test_all_steps_are_charged_before_the_first_and_no_more_are_made() -> None:
    module = net()
    made, ledger = asked(Squares(module, 2), noise=3.0, clip=0.5)
    (entry,) = ledger.entries
    assert entry.mechanism == SampledGaussian(noise_multiplier=3.0, sampling_probability=1.0, steps=2)
    assert entry.sensitivity == 0.5
    for _ in range(2):
        made.step()
        module.zero_grad(set_to_none=True)
    with pytest.raises(Unaccounted, match="charged for 2 steps"):
        made.step()


def test_a_likelihood_that_leaves_patients_out_is_refused() -> None:
    module = net()
    with pytest.raises(ValueError, match="a loss for each patient"):
        asked(Forgetful(module, 2))[0].step()
    assert all(parameter.grad is None for parameter in module.parameters())


def test_a_budget_that_does_not_cover_the_steps_and_a_module_that_mixes_rows_are_refused() -> None:
    ledger = Ledger(budget=Budget(epsilon=0.1, delta=1e-6))
    sampling = PoissonSampling(probability=0.5, expected_batch=2.0, steps=10)
    held = Curator(RECORDS, ledger, NoiseSource(bytes(32)))
    with pytest.raises(Unaccounted, match="over the budget"):
        held.likelihood("net", Squares(net(), 2), sampling=sampling, clip=1.0, noise_multiplier=1.0)
    mixing = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    with pytest.raises(MixesRows):
        held.likelihood("net", Squares(mixing, 2), sampling=sampling, clip=1.0, noise_multiplier=1.0)
    assert ledger.entries == []
