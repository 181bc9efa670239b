import numpy as np
import torch
from scipy import sparse

from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.moments import PairMoments

COLUMNS = Columns(order=np.arange(4), n_free=2, sizes=(2,))
CPU = torch.device("cpu")


def moments(rows: torch.Tensor) -> PairMoments:
    return PairMoments(sparse.csr_matrix(rows.numpy()), COLUMNS, CPU)


def dependent(n: int, seed: int) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    a = (torch.rand(n, generator=rng) < 0.4).float()
    sex = (torch.rand(n, generator=rng) < 0.5).float()
    return torch.stack([a, a, sex, 1 - sex], dim=1)


def test_the_loss_is_unbiased_at_the_truth_and_sees_lost_dependence() -> None:
    target = moments(dependent(50_000, 0))
    same = torch.stack([target.loss(dependent(400, s)) for s in range(1, 200)])
    assert abs(same.mean()) < 3 * same.std() / len(same) ** 0.5 + 1e-4
    shuffled = []
    for s in range(1, 50):
        x = dependent(400, s)
        x[:, 1] = x[torch.randperm(400, generator=torch.Generator().manual_seed(s)), 1]
        shuffled.append(target.loss(x))
    # P(both) falls from .4 to .16: twice (.24 / .402)^2, over four columns
    assert torch.stack(shuffled).mean() > 0.8 * 2 * (0.24 / 0.402) ** 2 / 4


def test_members_of_a_group_are_not_asked_to_meet() -> None:
    target = moments(dependent(1000, 0))
    assert target.weight[2, 3] == 0
    assert target.weight[0, 2] > 0
    assert target.weight.diagonal().abs().sum() == 0
