"""Faults planted in DP-SGD, each under a ledger that claims as if there were none.

All settings have a claim that m = 1,000 canaries can refute if it is false. A batch that is used again, or batches
drawn once for all passes, are told from Poisson sampling where sampling probability and noise are small: there the
claim lives from amplification, which is gone for who sees a batch so often that its noise averages away.
"""

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import privacy.gradients.linear
from privacy.audit.canaries import Audit, audited, coins
from privacy.audit.gradients import KNOWLEDGE, Watched, evidence, in_some_batches
from privacy.budget import Budget
from privacy.gradients.linear import RowGradients
from privacy.gradients.reference import OpacusGradients
from privacy.gradients.step import Batch, ClippedGradients, PrivateSteps
from privacy.ledger import Ledger
from privacy.mechanisms import Floats
from privacy.noise import NoiseSource
from privacy.sampling import PoissonSampling

BUDGET = Budget(epsilon=4.0, delta=1e-5)
USES = 5  # of one batch
LENGTH = 50.0  # of a canary's record: its gradient is clipped
CODE = 4  # of the autoencoder that nobody entered


class ReusedBatches(PrivateSteps):
    """A batch is used `USES` times, each with noise of its own, at the price of one."""

    _calls, _positions = 0, np.empty(0, dtype=np.int64)

    def batch(self, patients: int) -> Batch:
        """The batch of the last call, or a new one."""
        if self._calls % USES == 0:
            self._positions = super().batch(patients).positions
        self._open = Batch(self._calls, self._positions)
        self._calls += 1
        return self._open


class OneShuffle(PoissonSampling):
    """Patients are shuffled once, and each pass goes through the same batches; told as Poisson sampling."""

    def batch(self, step: int, patients: int, source: NoiseSource, name: str) -> NDArray[np.int64]:
        """Every `passes`-th patient of the shuffled ones, from another start each step."""
        return _shuffled(patients, round(1 / self.probability), step, seed=patients)


class FreshShuffles(PoissonSampling):
    """Patients are shuffled anew in each pass, and each is in one batch of it; told as Poisson sampling."""

    def batch(self, step: int, patients: int, source: NoiseSource, name: str) -> NDArray[np.int64]:
        """As of `OneShuffle`, of the shuffle of this pass."""
        batches = round(1 / self.probability)
        return _shuffled(patients, batches, step, seed=patients * 1_000 + step // batches)


def _shuffled(patients: int, batches: int, step: int, *, seed: int) -> NDArray[np.int64]:
    order = np.random.default_rng(seed).permutation(patients)
    return np.asarray(np.sort(order[step % batches :: batches]), dtype=np.int64)


class MinibatchAveraging(nn.Module):
    """medGAN's critic (Choi et al. 2017): each row beside the mean of all rows."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.net = nn.Linear(2 * d, 1, bias=False)

    def forward(self, rows: Tensor) -> Tensor:
        """Logits (n, 1)."""
        logits: Tensor = self.net(torch.cat([rows, rows.mean(dim=0, keepdim=True).expand_as(rows)], dim=1))
        return logits


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A training and the fault in it. others: patients with empty records, who are in for certain.

    looks: number of the batch that each step sees, if the auditor suspects that batches are used again.
    """

    probability: float = 1.0
    noise_multiplier: float = 8.0
    steps: int = 4
    charged: int | None = None
    hidden: int = 0
    clip: float = 1.0
    others: int = 0
    fault: Callable[[], AbstractContextManager[Any]] = nullcontext
    sampling: type[PoissonSampling] = PoissonSampling
    kind: type[PrivateSteps] = PrivateSteps
    averaging: bool = False
    encoder: bool = False
    looks: Callable[[int], NDArray[np.int64]] | None = None


def no_noise() -> AbstractContextManager[Any]:
    """The sum of clipped gradients is written as it is."""
    return patch.object(PrivateSteps, "_add_noise", lambda *_: None)


def no_clipping() -> AbstractContextManager[Any]:
    """Gradients are summed as they are."""

    def factors(norms: Tensor, chosen: object, clip: float, n: int, public_factor: float) -> tuple[Tensor, Tensor]:
        found, _ = clip_factors(torch.zeros_like(norms), chosen, clip, n, public_factor)  # type: ignore[arg-type]
        return found, torch.zeros(n, dtype=torch.bool)

    clip_factors = privacy.gradients.linear.clip_factors
    return patch.object(privacy.gradients.linear, "clip_factors", factors)


SUBSAMPLED = Setting(probability=0.01, noise_multiplier=0.8, steps=300)
SETTINGS: Mapping[str, Setting] = {
    "none": Setting(),
    "none, a hidden layer": Setting(hidden=8),
    "none, in few batches": SUBSAMPLED,
    "no noise": Setting(fault=no_noise),
    "no clipping": Setting(fault=no_clipping),
    "batch used five times at the price of one": Setting(
        probability=0.01,
        noise_multiplier=0.8,
        steps=300 * USES,
        charged=300,
        kind=ReusedBatches,
        looks=lambda steps: np.arange(steps) // USES,
    ),
    "minibatch averaging": Setting(clip=0.05, others=1_000, averaging=True),
    "one shuffle counted as Poisson": Setting(
        probability=0.01,
        noise_multiplier=1.2,
        steps=2_000,
        sampling=OneShuffle,
        looks=lambda steps: np.arange(steps) % 100,
    ),
    "fresh shuffles counted as Poisson": Setting(
        probability=0.1, noise_multiplier=1.0, steps=10, sampling=FreshShuffles
    ),
    "autoencoder left out of the ledger": Setting(encoder=True),
}
UNSEEN = ("fresh shuffles counted as Poisson",)  # what no audit of this kind can see; see tests/privacy/audit


def audit_of(name: str, m: int, key: bytes, secret: bytes) -> Audit:
    """Train on m canaries and some others with this fault, and hold what the steps show against the ledger."""
    setting, coin = SETTINGS[name], coins(m, NoiseSource(secret))
    ledger = Ledger(budget=BUDGET)
    found, encoder = watched_steps(setting, coin, ledger, NoiseSource(key))
    looks = None if setting.looks is None else setting.looks(setting.steps)
    scores = [in_some_batches(found, probability=setting.probability, looks=looks), *encoder]
    return audited(np.stack(scores), coin, claim=ledger.epsilon, delta=BUDGET.delta, knowledge=KNOWLEDGE)


def watched_steps(
    setting: Setting, coin: NDArray[np.bool_], ledger: Ledger, source: NoiseSource
) -> tuple[Floats, list[Floats]]:
    """(steps, m) evidence of a training on the canaries that the coin lets in; and what an autoencoder shows (m,)."""
    m = len(coin)
    canaries = LENGTH * torch.eye(m)
    patients = torch.cat([canaries[torch.from_numpy(coin)], torch.zeros(setting.others, m)])
    critic = _critic(setting, m)
    shape = copy.deepcopy(critic)
    gradients: ClippedGradients = OpacusGradients(critic) if setting.averaging else RowGradients(critic)
    watched = Watched(
        parameters=gradients.parameters,
        shape=shape,
        canaries=canaries,
        # a mean over patients and public rows together would show the canaries in both, with opposite signs
        public=torch.zeros(0 if setting.averaging else 4, m),
        clip=setting.clip,
        noise_multiplier=setting.noise_multiplier,
        expected_batch=setting.probability * (m / 2 + setting.others),
        refresh=max(1, setting.steps // 10),
    )
    steps = _charged(setting, watched, gradients, ledger, source)

    def step() -> None:
        batch = steps.batch(len(patients))
        rows = torch.cat([patients[torch.from_numpy(batch.positions)], watched.public])
        real = (torch.arange(len(rows)) < len(batch.positions)).float()
        steps.write_gradient(batch, watched.loss(gradients(rows), real))

    with setting.fault():
        found = evidence(watched, step, setting.steps)
    return found, [_encoded(patients)] if setting.encoder else []


def _charged(
    setting: Setting, watched: Watched, gradients: ClippedGradients, ledger: Ledger, source: NoiseSource
) -> PrivateSteps:
    sampling = setting.sampling(
        probability=setting.probability,
        expected_batch=watched.expected_batch,
        steps=setting.charged or setting.steps,
    )
    return setting.kind(
        gradients,
        question="the critic",
        sampling=sampling,
        clip=setting.clip,
        noise_multiplier=setting.noise_multiplier,
        public_rows=len(watched.public),
        ledger=ledger,
        source=source,
    )


def _critic(setting: Setting, m: int) -> nn.Module:
    torch.manual_seed(0)
    if setting.averaging:
        return MinibatchAveraging(m)
    if setting.hidden:
        return nn.Sequential(nn.Linear(m, setting.hidden), nn.LeakyReLU(0.2), nn.Linear(setting.hidden, 1))
    return nn.Sequential(nn.Linear(m, 1))


def _encoded(patients: Tensor) -> Floats:
    """(m,) what the decoder's biases have learned of each column, without noise and without an entry in the ledger."""
    encoder, decoder = nn.Linear(patients.shape[1], CODE), nn.Linear(CODE, patients.shape[1])
    nn.init.zeros_(decoder.weight)
    nn.init.zeros_(decoder.bias)
    optimizer = torch.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad(set_to_none=True)
        nn.functional.mse_loss(decoder(torch.tanh(encoder(patients))), patients).backward()
        optimizer.step()
    return np.asarray(decoder.bias.detach().numpy(), dtype=np.float64)
