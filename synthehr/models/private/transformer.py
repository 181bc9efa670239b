"""A transformer under a budget: taught by what the private copula draws, which is free, then by patients (DP-SGD)."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import sparse

from privacy.curator import Curator
from privacy.mechanisms import Floats
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.models.barred import Barred
from synthehr.models.options import check_at_least_one, options_of
from synthehr.models.private.copula import PrivateCopula
from synthehr.models.private.fine_tuning import FineTuning, RecordLikelihood
from synthehr.models.private.options import SteppedOptions
from synthehr.models.private.prevalences import Prevalences
from synthehr.models.transformer.calibration import calibrate
from synthehr.models.transformer.learning import Learning, network_of
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.options import TransformerOptions
from synthehr.models.transformer.sampling import draw
from synthehr.models.transformer.sequences import Layout
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress
from synthehr.training.device import denormals_flushed

QUESTION = "training of the transformer by likelihood (DP-SGD)"
HELD_BACK = 0.05  # of the draws: they say when teaching has gone on for long enough
NO_RULES = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class PrivateTransformerOptions(SteppedOptions):
    """Options of the private transformer, beside those of the steps that it takes.

    network: its part of the budget. learning_rate, ema: of the steps. draws, epochs: patients of the copula that teach,
    and passes over them. width, layers, heads: of the network. rounds: patients drawn for a round of calibration.
    """

    histograms: float = 0.04
    counts: float = 0.25
    pairs: float = 0.33
    network: float = 0.34
    steps: int = 150
    probability: float = 0.04
    learning_rate: float = 8e-3
    ema: float = 0.98
    draws: int = 60_000
    epochs: int = 5
    width: int = 64
    layers: int = 1
    heads: int = 4
    rounds: int = 16_384
    device: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_above_0("network", "learning_rate")
        check_at_least_one(self, ("draws", "epochs", "width", "layers", "heads", "rounds"))
        if self.width % self.heads:
            raise BadRequest(f"'width' must be a multiple of 'heads'. Got {self.width} and {self.heads} instead.")

    def teaching(self) -> TransformerOptions:
        """How the network is taught by draws: there are as many as are wanted, so nothing guards against heart."""
        free: dict[str, float] = {"dropout": 0.0, "hidden": 0.0, "weight_decay": 0.0, "prior": 0.0}
        size = {"width": self.width, "layers": self.layers, "heads": self.heads}
        return TransformerOptions(epochs=self.epochs, device=self.device, **size, **free)  # type: ignore[arg-type]


class PrivateTransformer(PrivateCopula):
    """The private copula taught to a network, which then learns from patients what the copula cannot say."""

    name = "private_transformer"
    questions = (*PrivateCopula.questions, "network")
    options: PrivateTransformerOptions
    layout: Layout
    network: Network

    def __init__(self, **options: Any) -> None:
        self.options = options_of(PrivateTransformerOptions, self.name, options)

    def sampled(self) -> Mapping[str, tuple[float, int]]:
        """Sampling probability and steps of the questions that are asked of batches."""
        return {"network": (self.options.probability, self.options.steps)}

    def _ask_further(
        self, curator: Curator, found: Prevalences, noise: Mapping[str, float], seed: int, progress: Progress
    ) -> None:
        super()._ask_further(curator, found, noise, seed, progress)
        options = self.options
        draws = super().sample(options.draws, rng=np.random.default_rng([seed, 4]))
        taught = CodeMatrix(draws, -np.arange(1, options.draws + 1, dtype=np.int64), self.vocabulary)
        self.layout = Layout.of(taught)
        with denormals_flushed():
            network = self._taught(taught, seed, progress)
            asked = curator.likelihood(
                QUESTION,
                RecordLikelihood(network, self.layout),
                sampling=options.sampling(found.patients),
                clip=options.clip,
                noise_multiplier=noise["network"],
            )
            tuning = FineTuning(steps=options.steps, learning_rate=options.learning_rate, ema=options.ema)
            self.network = network_of(self.layout, options.teaching()).to(network.bias.device)
            self.network.load_state_dict(tuning.run(network, asked, progress))
            self._calibrate_draws(taught, found.share, seed, progress)

    def _taught(self, taught: CodeMatrix, seed: int, progress: Progress) -> Network:
        """A network that gives the copula's draws the likelihood that they have."""
        last = int(len(taught) * (1 - HELD_BACK))
        train, held = (self.layout.encode(taught.rows(part)) for part in np.split(np.arange(len(taught)), [last]))
        with tempfile.TemporaryDirectory() as workspace:
            learning = Learning(self.options.teaching(), self.layout, seed, Path(workspace), time.monotonic())
            network = learning.run(train, held, progress)[0]
        network.zero_grad(set_to_none=True)
        return network

    def _calibrate_draws(self, taught: CodeMatrix, share: Floats, seed: int, progress: Progress) -> None:
        """Codes and groups get the released shares, and sizes those of the copula, which has the released ones."""
        column = self.layout.column
        sizes = self.layout.encode(taught).shares(self.layout.n_tokens)
        wanted = np.where(column >= 0, share[np.maximum(column, 0)], sizes)
        calibrate(
            self.network, self.layout, self._barred(), wanted, draws=self.options.rounds, seed=seed, progress=progress
        )

    def _barred(self) -> Barred:
        return Barred(NO_RULES, len(self.vocabulary))

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients from the network."""
        return draw(self.network, self.layout, self._barred(), n, rng)

    def save(self, folder: Path) -> None:
        """Write the network, and what its tokens stand for."""
        arrays = {f"network.{name}": value.cpu().numpy() for name, value in self.network.state_dict().items()}
        arrays |= self.layout.arrays() | {"patients": np.array([self.patients])}
        write_weights(folder, self.name, asdict(self.options), arrays)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "PrivateTransformer":
        """Read back what `save` wrote, onto the CPU."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary, model.patients = vocabulary, float(arrays["patients"][0])
        model.layout = Layout.from_arrays(vocabulary, arrays)
        model.network = network_of(model.layout, model.options.teaching())
        prefix = "network."
        state = {k.removeprefix(prefix): torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)}
        model.network.load_state_dict(state)
        model.network.eval()
        return model
