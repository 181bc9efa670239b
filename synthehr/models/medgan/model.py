"""medGAN behind the generator contract: pre-train, play, choose by held-out patients, calibrate, sample."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy import sparse, special

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.models.copula import factors, tetrachoric
from synthehr.models.discretise import Cut, calibrate
from synthehr.models.held_out import HeldOut
from synthehr.models.marginals import Marginals
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.game import MedganGame, PlayerG, Pretraining, Shape
from synthehr.models.medgan.moments import PairMoments
from synthehr.models.sizes import SizeHead, extended, extended_vocabulary, size_heads, size_values
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Schedule, play
from synthehr.training.autoencoder import pretrain
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint
from synthehr.training.device import choose_device

PRETRAIN_SHARE = 0.15  # of a budget in minutes: the reconstruction loss is flat well before


@dataclass(frozen=True, kw_only=True)
class MedganOptions:
    """What may be asked of medGAN; the defaults are the paper's setting.

    data: "binary" or "count". epochs, pretrain_epochs: passes over the training patients (the original counts a pass
    for the two discriminator batches of a step as one; its 1,000 epochs are 2,000 of these). minutes: a wall-clock
    budget that ends either early, or None. batch_size: patients. noise: scale of the logistic noise added to the scores
    before they are cut, or None to let held-out patients choose. pool: draws that the thresholds are calibrated on.
    """

    data: str = "binary"
    epochs: int = 2000
    pretrain_epochs: int = 100
    minutes: float | None = None
    batch_size: int = 1000
    embedding_dim: int = 128
    generator_layers: int = 2
    discriminator_dims: tuple[int, ...] = (256, 128)
    discriminator_steps: int = 2
    learning_rate: float = 1e-3
    l2: float = 1e-3
    straight_through: bool = False
    pair_weight: float = 0.0
    adversarial_weight: float = 1.0
    ema: float = 0.999
    judge_every: int = 10
    sizes: bool = True
    start: str = "autoencoder"
    noise: float | None = None
    pool: int = 50_000
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.data not in ("binary", "count"):
            raise BadRequest(f"The 'data' option of medgan must be 'binary' or 'count'. Got {self.data!r} instead.")
        if self.start not in ("autoencoder", "factors"):
            raise BadRequest(
                f"The 'start' option of medgan must be 'autoencoder' or 'factors'. Got {self.start!r} instead."
            )
        for name in ("epochs", "batch_size", "embedding_dim", "discriminator_steps", "judge_every", "pool"):
            if getattr(self, name) < 1:
                raise BadRequest(
                    f"The {name!r} option of medgan must be 1 or more. Got {getattr(self, name)!r} instead."
                )

    def shape(self) -> Shape:
        """The part that decides the networks."""
        return Shape(
            embedding_dim=self.embedding_dim,
            generator_layers=self.generator_layers,
            discriminator_dims=tuple(self.discriminator_dims),
            learning_rate=self.learning_rate,
            l2=self.l2,
            binary=self.data == "binary",
            straight_through=self.straight_through,
            pair_weight=self.pair_weight,
            adversarial_weight=self.adversarial_weight,
        )


PRIOR_PAIRS = 10.0
NOISES = (0.0, 0.5, 1.0)


class Medgan:
    """medGAN (Choi et al. 2017) for binary and count matrices, with calibrated, discrete output."""

    name = "medgan"
    vocabulary: Vocabulary
    columns: Columns
    player: PlayerG
    cut: Cut
    heads: tuple[SizeHead, ...]
    noise: float

    def __init__(self, **options: Any) -> None:
        known = {field.name for field in fields(MedganOptions)}
        if set(options) - known:
            raise BadRequest(f"medgan knows the options {sorted(known)}. Got {sorted(set(options) - known)} as well.")
        self.options = MedganOptions(**options)
        self.history: pd.DataFrame | None = None

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Pre-train, play, calibrate; resumes from `workspace`. See `Generator.fit`."""
        options, device = self.options, choose_device(self.options.device)
        train, validation = cohort.part("train"), cohort.part("validation")
        self.vocabulary = train.vocabulary
        self.heads = size_heads(train.vocabulary, size_values(train) if options.sizes else {})
        train = extended(train, self.heads)
        self.columns = Columns.of(train.vocabulary)
        torch.manual_seed(seed)
        inner = self._inner(train)
        moments = PairMoments(inner, self.columns, device) if options.pair_weight else None
        game = MedganGame(options.shape(), self.columns, device, heads=self.heads, moments=moments)
        batches = Batches(inner, size=options.batch_size, seed=seed, device=device)
        if options.start == "factors":
            loadings = factors(tetrachoric(train, PRIOR_PAIRS), min(options.embedding_dim, len(train.vocabulary) - 1))
            cuts = -special.ndtri(np.clip(train.prevalence(), 1e-5, 1 - 1e-5))
            game.start_from(loadings[self.columns.order], cuts[self.columns.order].astype(np.float32))
        start = time.monotonic()
        budget = None if options.minutes is None else options.minutes * 60
        losses = pretrain(
            Pretraining(options.shape(), self.columns, game.generator.decode, device),
            batches,
            epochs=options.pretrain_epochs if options.start == "autoencoder" else 0,
            deadline=None if budget is None else start + PRETRAIN_SHARE * budget,
            checkpoint=Checkpoint(workspace / "autoencoder.pt"),
            progress=progress,
        )
        ledger.look("autoencoder pre-training on the train split")
        held_out = HeldOut(validation)
        marginals = Marginals.of(train, binary=options.data == "binary")
        ledger.look("one-way marginals of the train split, for calibration")

        def judge(state: Mapping[str, torch.Tensor]) -> float:
            return self._choose_noise(state, marginals, held_out, seed, pool=2 * held_out.n, among=(1.0,))

        schedule = Schedule(
            epochs=options.epochs,
            discriminator_steps=options.discriminator_steps,
            ema=options.ema,
            judge_every=options.judge_every,
            deadline=None if budget is None else start + budget,
        )
        checkpoint = Checkpoint(workspace / "adversarial.pt")
        best, rows = play(game, batches, schedule, judge=judge, checkpoint=checkpoint, progress=progress)
        ledger.look("adversarial training on the train split")
        ledger.look("choice of the checkpoint and of the noise by the validation split")
        self._choose_noise(best, marginals, held_out, seed, pool=options.pool, among=NOISES)
        rows = [(k + 1, "reconstruction", loss) for k, loss in enumerate(losses)] + rows
        self.history = pd.DataFrame(rows, columns=["epoch", "term", "value"])

    def _inner(self, matrix: CodeMatrix) -> sparse.csr_matrix:
        counts = matrix.binary() if self.options.data == "binary" else matrix.counts.copy()
        inner = sparse.csr_matrix(counts.astype(np.float32))[:, self.columns.order]
        if self.options.data == "count":  # a group's member is present once, however many encounters say so
            grouped = inner.indices >= self.columns.n_free
            inner.data[grouped] = 1.0
        return inner

    def _adopt(self, state: Mapping[str, torch.Tensor], marginals: Marginals, seed: int, pool: int) -> None:
        """Take a generator state, settle its batch statistics, and calibrate the thresholds to it."""
        device = next(iter(state.values())).device
        self.player = PlayerG(self.options.shape(), self.columns).to(device)
        self.player.load_state_dict(dict(state), strict=False)
        settle(self.player, self.options.embedding_dim, seed)
        self.cut = calibrate(self._scores(pool, np.random.default_rng([seed, 8])), marginals, self.heads)

    def _choose_noise(
        self,
        state: Mapping[str, torch.Tensor],
        marginals: Marginals,
        held_out: HeldOut,
        seed: int,
        *,
        pool: int,
        among: tuple[float, ...],
    ) -> float:
        """Adopt a state with the noise that brings it closest to held-out patients; that distance."""
        found = {}
        for noise in among if self.options.noise is None else (self.options.noise,):
            self.noise = noise
            self._adopt(state, marginals, seed, pool=pool)
            found[noise] = held_out.distance(self.sample(held_out.n, rng=np.random.default_rng([seed, 9])))
        self.noise = min(found, key=lambda noise: found[noise])
        self._adopt(state, marginals, seed, pool=pool)
        return found[self.noise]

    @torch.no_grad()
    def _scores(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """(n, n_columns) scores in the order of the extended vocabulary; noise is added where it was chosen."""
        z = rng.standard_normal((n, self.options.embedding_dim), dtype=np.float32)
        device = next(self.player.parameters()).device
        inner = self.player.decode.scores(self.player.embed(torch.from_numpy(z).to(device))).cpu().numpy()
        groups = inner[:, self.columns.n_free :]
        groups += rng.gumbel(size=groups.shape).astype(np.float32)
        if self.noise:
            uniform = rng.random((n, self.columns.n_free), dtype=np.float32)
            uniform = np.clip(uniform, 1e-7, 1 - 1e-7)
            inner[:, : self.columns.n_free] += self.noise * np.log(uniform / (1 - uniform))
        return self.columns.outer(inner)

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients."""
        return self.cut.apply(self._scores(n, rng))

    def save(self, folder: Path) -> None:
        """Write weights (generator and decoder; no discriminator, no encoder), options and history."""
        arrays = {f"player.{k}": v.cpu().numpy() for k, v in self.player.state_dict().items()}
        cut = self.cut
        arrays |= {
            "offsets": cut.marginals.offsets,
            "tails": cut.marginals.tails,
            "levels": cut.levels,
            "bias": cut.bias,
        }
        arrays |= {f"sizes.{head.system}": head.values for head in self.heads}
        arrays["noise"] = np.array([self.noise])
        write_weights(folder, self.name, json.loads(json.dumps(asdict(self.options))), arrays)
        if self.history is not None:
            self.history.to_parquet(folder / "history.parquet", index=False)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Medgan":
        """Read back what `save` wrote."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        sizes = {k.removeprefix("sizes."): v for k, v in arrays.items() if k.startswith("sizes.")}
        model.vocabulary, model.heads = vocabulary, size_heads(vocabulary, sizes)
        wide = extended_vocabulary(vocabulary, model.heads)
        model.columns = Columns.of(wide)
        model.player = PlayerG(model.options.shape(), model.columns)
        state = {k.removeprefix("player."): torch.from_numpy(v) for k, v in arrays.items() if k.startswith("player.")}
        model.player.load_state_dict(state)
        model.player.eval()
        marginals = Marginals(wide, arrays["offsets"], arrays["tails"])
        model.cut = Cut(marginals, arrays["levels"], arrays["bias"], model.heads)
        model.noise = float(arrays["noise"][0])
        return model


@torch.no_grad()
def settle(player: PlayerG, embedding_dim: int, seed: int, batches: int = 16, size: int = 1000) -> None:
    """Recompute the batch-normalisation statistics that averaged weights need, from noise alone; leaves eval mode."""
    device = next(player.parameters()).device
    noise = torch.Generator(device=device).manual_seed(seed)
    norms = [m for m in player.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    player.train()
    for _ in range(batches):
        player.embed(torch.randn(size, embedding_dim, generator=noise, device=device))
    player.eval()
