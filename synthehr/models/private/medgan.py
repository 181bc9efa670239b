"""Private medGAN behind the contract of private generators."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse, special

from privacy.curator import Curator
from privacy.gradients.descent import Descent
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.game import MedganGame, Shape
from synthehr.models.medgan.moments import PairMoments
from synthehr.models.medgan.sampler import Sampler
from synthehr.models.options import check_at_least_one, options_of
from synthehr.models.private.copula import PrivateCopula
from synthehr.models.private.critic import CriticSchedule, ReleasedMeanCritic, play_private
from synthehr.models.private.options import SteppedOptions
from synthehr.models.private.prevalences import Prevalences
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress
from synthehr.training.device import choose_device

QUESTION = "training of the critic (DP-SGD)"
SIMULATED = 40_000  # patients of the copula whose pairs the generator is held to


@dataclass(frozen=True, kw_only=True)
class PrivateMedganOptions(SteppedOptions):
    """Options of private medGAN, beside those of the steps that its critic takes.

    critic: its part of the budget. width: of its hidden layer: noise is added to each weight. fakes: generated records
    a step.
    most_critic_steps: for one of the generator. learning_rate, critic_learning_rate: of Adam. pair_weight: of the term
    that holds pairs of codes to the copula's. noise: scale of the logistic noise on scores before they are cut.
    """

    critic: float = 0.2
    steps: int = 600
    probability: float = 0.02
    width: int = 64
    fakes: int = 1000
    most_critic_steps: int = 20
    embedding_dim: int = 128
    learning_rate: float = 3e-4
    critic_learning_rate: float = 1e-3
    pair_weight: float = 10.0
    noise: float = 0.5
    ema: float = 0.99
    device: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_above_0("critic", "learning_rate", "critic_learning_rate")
        check_at_least_one(self, ("width", "fakes", "most_critic_steps", "embedding_dim"))


class PrivateMedgan(PrivateCopula):
    """The private copula, made a generator network and trained on against a critic of DP-SGD."""

    name = "private_medgan"
    questions = (*PrivateCopula.questions, "critic")
    options: PrivateMedganOptions
    sampler: Sampler

    def __init__(self, **options: Any) -> None:
        self.options = options_of(PrivateMedganOptions, self.name, options)

    def sampled(self) -> Mapping[str, tuple[float, int]]:
        """Sampling probability and steps of the questions that are asked of batches."""
        return {"critic": (self.options.probability, self.options.steps)}

    def _ask_further(
        self, curator: Curator, found: Prevalences, noise: Mapping[str, float], seed: int, progress: Progress
    ) -> None:
        super()._ask_further(curator, found, noise, seed, progress)
        torch.manual_seed(seed)
        columns = Columns.of(self.cut.marginals.vocabulary)
        game = self._game(found, columns, seed)
        critic = ReleasedMeanCritic(len(columns.order), self.options.width).to(game.device)
        game.discriminator = critic  # type: ignore[assignment]
        descent = self._descent(curator, critic, found, columns, noise["critic"])
        average = play_private(game, critic, descent, self._schedule(seed), progress)
        cut, pool = self.cut, self.options.pool
        self.sampler = Sampler.of(
            average.state, self._shape(), cut.marginals, cut.heads, None, noise=self.options.noise, pool=pool, seed=seed
        )

    def _game(self, found: Prevalences, columns: Columns, seed: int) -> MedganGame:
        """A generator that starts as the copula, held to the pairs of what the copula draws."""
        device = choose_device(self.options.device)
        drawn = self.cut.present(self._latent(SIMULATED, np.random.default_rng([seed, 4]))[0])
        rows = sparse.csr_matrix(drawn, dtype=np.float32)[:, columns.order]
        moments = PairMoments(rows, columns, device)
        game = MedganGame(self._shape(), columns, device, heads=self.cut.heads, moments=moments)
        share = np.clip(found.share, 0.5 / found.patients, 1 - 0.5 / found.patients)
        game.start_from(self.loadings[columns.order], -special.ndtri(share)[columns.order].astype(np.float32))
        return game

    def _descent(
        self,
        curator: Curator,
        critic: ReleasedMeanCritic,
        found: Prevalences,
        columns: Columns,
        noise_multiplier: float,
    ) -> Descent:
        """Steps of the critic's net on patients, each beside the released prevalences."""
        options = self.options
        return curator.descent(
            QUESTION,
            critic.net,
            found.columns[columns.order],
            torch.from_numpy(found.share[columns.order].astype(np.float32)),
            sampling=options.sampling(found.patients),
            clip=options.clip,
            noise_multiplier=noise_multiplier,
            public_rows=options.fakes,
        )

    def _schedule(self, seed: int) -> CriticSchedule:
        options = self.options
        return CriticSchedule(
            steps=options.steps,
            most=options.most_critic_steps,
            fakes=options.fakes,
            ema=options.ema,
            learning_rate=options.critic_learning_rate,
            seed=seed,
        )

    def _shape(self) -> Shape:
        options = self.options
        return Shape(
            embedding_dim=max(options.embedding_dim, self.loadings.shape[1]),
            learning_rate=options.learning_rate,
            l2=0.0,
            drawn=True,
            draw_noise=options.noise,
            pair_weight=options.pair_weight,
        )

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients from the network."""
        return self.sampler.sample(n, rng)

    def save(self, folder: Path) -> None:
        """Write generator and decoder; the critic is no part of what is released."""
        arrays = self.sampler.arrays() | {"loadings": self.loadings, "patients": np.array([self.patients])}
        write_weights(folder, self.name, asdict(self.options), arrays)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "PrivateMedgan":
        """Read back what `save` wrote."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary, model.loadings = vocabulary, arrays["loadings"]
        model.patients = float(arrays["patients"][0])
        model.sampler = Sampler.from_arrays(arrays, model._shape(), vocabulary)
        model.cut = model.sampler.cut
        return model
