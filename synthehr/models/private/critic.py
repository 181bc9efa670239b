"""medGAN under a budget: a generator that starts as the private copula, and a critic that learns by DP-SGD.

Minibatch averaging (Choi et al. 2017, section 2.4) voids the proof where it averages patients: each row's gradient then
depends on all. Here the critic sees the *released* prevalences beside each patient, and the batch's own mean beside a
generated record, which is public.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from privacy.gradients.descent import Descent
from synthehr.models.medgan.game import MedganGame
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Averaged, take_step

FOOLED = 0.6  # share of generated records that the critic must tell before the generator moves (Bie et al. 2023)


class ReleasedMeanCritic(nn.Module):
    """Generated records (rows, d) to logits (rows,), each beside their mean; `net` takes [record, mean]."""

    def __init__(self, d: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2 * d, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def beside_mean(self, records: Tensor) -> Tensor:
        """(rows, 2 d) what `net` sees of generated records."""
        return torch.cat([records, records.mean(dim=0).expand(len(records), -1)], dim=1)

    def forward(self, records: Tensor) -> Tensor:
        """Logits that each is a patient."""
        logits: Tensor = self.net(self.beside_mean(records))
        return logits.squeeze(1)


@dataclass(frozen=True, kw_only=True)
class CriticSchedule:
    """steps: of the critic, in all. most: of them for one of the generator. fakes: records a step. ema: of the average.

    How many critic steps the generator waits is found as it goes, from the critic's accuracy on generated records
    alone, which is free (Bie, Kamath and Zhang 2023, arXiv 2302.02936, section 4).
    """

    steps: int
    most: int
    fakes: int
    ema: float
    learning_rate: float
    seed: int


def play_private(
    game: MedganGame,
    critic: ReleasedMeanCritic,
    descent: Descent,
    schedule: CriticSchedule,
    progress: Progress = silent,
) -> Averaged:
    """Play until the charged steps are done; the average of the generator. No patient decides when to stop.

    Raises:
        Diverged, NotFinite: a loss or gradient that is not finite; it is not stepped on.
    """
    noise = torch.Generator(device=game.device).manual_seed(schedule.seed)
    optimizer = torch.optim.Adam(critic.parameters(), lr=schedule.learning_rate, betas=(0.5, 0.999))
    average, waited = Averaged(game.generator, schedule.ema), 0
    for k in range(schedule.steps):
        with torch.no_grad():
            fakes = critic.beside_mean(game.shown(game.fakes(schedule.fakes, noise), noise))
        logits = descent.step(fakes)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress("train critic", k + 1, schedule.steps, "steps")
        waited += 1
        if waited < schedule.most and (logits < 0).float().mean() < FOOLED:
            continue
        waited = 0
        critic.requires_grad_(False)
        terms = game.generator_loss(schedule.fakes, noise)
        take_step(terms, game.generator, game.generator_optimizer, k)
        critic.requires_grad_(True)
        average.update(game.generator)
    return average
