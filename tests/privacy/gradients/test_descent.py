import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from privacy.budget import Budget
from privacy.curator import Curator
from privacy.gradients.descent import Descent
from privacy.gradients.rowwise import MixesRows
from privacy.ledger import Ledger, Unaccounted
from privacy.mechanisms import SampledGaussian
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling

RECORDS = sparse.csr_matrix(np.array([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 1]]))
BESIDE = torch.tensor([0.6, 0.4])
COLUMNS = np.array([2, 0])
PUBLIC = torch.tensor([[1.0, 1.0, 0.5, 0.5], [0.0, 1.0, 0.5, 0.5]])


def critic() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.LeakyReLU(0.2), nn.Linear(5, 1))


def descent(
    net: nn.Module, *, records: sparse.csr_matrix = RECORDS, noise: float = 1e-4, clip: float = 1e3, steps: int = 2
) -> tuple[Descent, Ledger]:
    ledger = Ledger()
    held = Curator(records, ledger, NoiseSource(bytes(32)))
    sampling = PoissonSampling(probability=1.0, expected_batch=2.0, steps=steps)
    made = held.descent(
        "critic", net, COLUMNS, BESIDE, sampling=sampling, clip=clip, noise_multiplier=noise, public_rows=2
    )
    return made, ledger


def gradient(net: nn.Module) -> np.ndarray:
    return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]).numpy().copy()


def test_the_gradient_is_that_of_the_logistic_loss_of_patients_against_public_rows() -> None:
    net, plain = critic(), critic()
    told = descent(net, noise=1e-9)[0].step(PUBLIC)
    real = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])  # columns 2 and 0 of the three patients
    real = torch.cat([real, BESIDE.expand(3, -1)], dim=1)
    ones, zeros = torch.ones(3), torch.zeros(2)
    by_hand = binary_cross_entropy_with_logits(plain(real).squeeze(1), ones, reduction="sum") / 2.0
    (by_hand + binary_cross_entropy_with_logits(plain(PUBLIC).squeeze(1), zeros)).backward()
    assert gradient(net) == pytest.approx(gradient(plain), abs=1e-5)
    assert torch.allclose(told, plain(PUBLIC).squeeze(1), atol=1e-6)
    assert not told.requires_grad


def test_one_patient_moves_the_gradient_by_the_clip_over_the_expected_batch_at_most() -> None:
    moved = []
    for clip in (0.05, 1e3):
        whole, without = critic(), critic()
        descent(whole, clip=clip, noise=1e-9)[0].step(PUBLIC)
        descent(without, records=RECORDS[1:], clip=clip, noise=1e-9)[0].step(PUBLIC)
        moved.append(float(np.linalg.norm(gradient(whole) - gradient(without))))
    assert moved[0] <= 0.05 / 2.0 + 1e-6
    assert moved[1] > 0.05 / 2.0  # the control: unclipped it would be more


def test_all_steps_are_charged_before_the_first_and_no_more_are_made() -> None:
    net = critic()
    made, ledger = descent(net, noise=3.0, clip=0.5)
    (entry,) = ledger.entries
    assert entry.mechanism == SampledGaussian(noise_multiplier=3.0, sampling_probability=1.0, steps=2)
    assert entry.sensitivity == 0.5
    for _ in range(2):
        made.step(PUBLIC)
        net.zero_grad(set_to_none=True)
    with pytest.raises(Unaccounted, match="charged for 2 steps"):
        made.step(PUBLIC)


def test_a_budget_that_does_not_cover_the_steps_and_a_critic_that_mixes_rows_are_refused() -> None:
    ledger = Ledger(budget=Budget(epsilon=0.1, delta=1e-6))
    sampling = PoissonSampling(probability=0.5, expected_batch=2.0, steps=10)
    held = Curator(RECORDS, ledger, NoiseSource(bytes(32)))
    asked = {"sampling": sampling, "clip": 1.0, "noise_multiplier": 1.0, "public_rows": 2}
    with pytest.raises(Unaccounted, match="over the budget"):
        held.descent("critic", critic(), COLUMNS, BESIDE, **asked)  # type: ignore[arg-type]
    mixing = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 1))
    with pytest.raises(MixesRows):
        held.descent("critic", mixing, COLUMNS, BESIDE, **asked)  # type: ignore[arg-type]
    assert ledger.entries == []
