"""medGAN behind the generator contract: start, play, choose by held-out patients, calibrate, sample."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse, special

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.constraints import learn_rules
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.barred import Barred
from synthehr.models.copula import factors, tetrachoric
from synthehr.models.held_out import HeldOut
from synthehr.models.marginals import Marginals
from synthehr.models.medgan.columns import Columns
from synthehr.models.medgan.game import MedganGame, Pretraining
from synthehr.models.medgan.moments import PairMoments
from synthehr.models.medgan.options import MedganOptions
from synthehr.models.medgan.sampler import Sampler
from synthehr.models.options import options_of
from synthehr.models.rejection import Rejection
from synthehr.models.sizes import SizeHead, extended, size_heads, size_values
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress, silent
from synthehr.training.adversarial import Row, Schedule, play
from synthehr.training.autoencoder import pretrain
from synthehr.training.batches import Batches
from synthehr.training.checkpoint import Checkpoint
from synthehr.training.device import choose_device, denormals_flushed

PRETRAIN_SHARE = 0.15  # of a budget in minutes: the reconstruction loss is flat well before
PRIOR_PAIRS = 2.0  # pseudo-count of a pair at the factor start: the smallest at which rare pairs do no harm
START_POOL = 20_000  # draws that calibrate the factor start
NOISES = (0.25, 0.5, 1.0)  # 1 draws codes as the decoder's probabilities say, 0 would only threshold them


class Medgan:
    """medGAN (Choi et al. 2017), grown: a factor start, drawn records for the discriminator, a term for pairs of codes.

    The networks, minibatch averaging and the adversarial loss are the paper's. What differs: a factor start in place of
    the autoencoder, straight-through draws of what will be released, a generator term for pairs of codes, and draws
    that are sifted (`Rejection`).
    options: see `MedganOptions`; each can be set back to the paper's.
    """

    name = "medgan"
    defaults: Mapping[str, Any] = {
        "start": "factors",
        "drawn": True,
        "pair_weight": 10.0,
        "learning_rate": 3e-4,  # the start is near: the paper's 1e-3 leaves it within a pass
        "l2": 0.0,
        "noise": 0.5,
        "judge_every": 10,
        "epochs": 100,
    }
    vocabulary: Vocabulary
    sampler: Sampler
    rejection: Rejection | None

    def __init__(self, **options: Any) -> None:
        self.options = options_of(MedganOptions, self.name, {**self.defaults, **options})
        self.history: pd.DataFrame | None = None

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Start, play, choose, calibrate; resumes from `workspace`. See `Generator.fit`."""
        start = time.monotonic()
        self.vocabulary = cohort.matrix.vocabulary
        with denormals_flushed():
            training = _Training(self.options, cohort, seed, ledger)
            losses = training.start(workspace, started=start, progress=progress)
            best, rows = training.play(workspace, started=start, progress=progress)
            self.sampler, _ = training.choose(best, NOISES, self.options.pool)
            self.rejection = None
            if self.options.rejection:
                self.rejection = Rejection.of(self.sampler.sample, cohort, seed=seed, ledger=ledger)
        rows = [(k + 1, "reconstruction", loss) for k, loss in enumerate(losses)] + rows
        self.history = pd.DataFrame(rows, columns=["epoch", "term", "value"])

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients."""
        draw = self.sampler.sample
        return draw(n, rng) if self.rejection is None else self.rejection.sample(draw, n, rng)

    def save(self, folder: Path) -> None:
        """Write weights (generator and decoder; no discriminator, no encoder), options and history."""
        arrays = self.sampler.arrays() | ({} if self.rejection is None else self.rejection.arrays())
        write_weights(folder, self.name, json.loads(json.dumps(asdict(self.options))), arrays)
        if self.history is not None:
            self.history.to_parquet(folder / "history.parquet", index=False)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Medgan":
        """Read back what `save` wrote."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary = vocabulary
        model.sampler = Sampler.from_arrays(arrays, model.options.shape(), vocabulary)
        model.rejection = Rejection.from_arrays(arrays)
        return model


class MedganPaper(Medgan):
    """medGAN in the paper's networks, losses and setting, for binary and count matrices.

    What it has beyond the paper leaves those alone: gradients are clipped at norm 1, the generator's moving average is
    kept, held-out patients choose the checkpoint, and scores are cut into codes at calibrated levels.
    """

    name = "medgan_paper"
    defaults: Mapping[str, Any] = {"sizes": False, "rules": False, "rejection": False}


class _Training:
    """What a fit holds while it trains."""

    def __init__(self, options: MedganOptions, cohort: Cohort, seed: int, ledger: Ledger) -> None:
        self.options, self.seed, self.ledger = options, seed, ledger
        self.device = choose_device(options.device)
        train = cohort.part("train")
        self.heads: tuple[SizeHead, ...] = size_heads(train.vocabulary, size_values(train) if options.sizes else {})
        self.train = extended(train, self.heads)
        self.marginals = Marginals.of(self.train, binary=options.data == "binary")
        ledger.look("one-way marginals and sizes of the train split, for calibration")
        self.barred: Barred | None = None
        if options.rules:
            self.barred = Barred(learn_rules(train), len(self.train.vocabulary))
            ledger.look("codes that a member of a group bars, in the train split")
        self.held_out = HeldOut(cohort.part("validation"))
        self.columns = Columns.of(self.train.vocabulary)
        rows = self._rows(self.train)
        self.batches = Batches(rows, size=options.batch_size, seed=seed, device=self.device)
        torch.manual_seed(seed)
        moments = PairMoments(rows, self.columns, self.device) if options.pair_weight else None
        self.game = MedganGame(options.shape(), self.columns, self.device, heads=self.heads, moments=moments)
        if moments is not None:
            ledger.look("two-way co-occurrence of the train split, as a target of the generator")

    def _rows(self, matrix: CodeMatrix) -> sparse.csr_matrix:
        binary = self.options.data == "binary"
        inner = sparse.csr_matrix(matrix.binary() if binary else matrix.counts, dtype=np.float32)[:, self.columns.order]
        # a group's member is present once, however many encounters say so
        inner.data[inner.indices >= self.columns.n_free] = 1.0
        return inner

    def start(self, workspace: Path, *, started: float, progress: Progress) -> list[float]:
        """Give the generator its start; the reconstruction loss of each pass of pre-training."""
        if self.options.start == "factors":
            rank = min(self.options.embedding_dim, len(self.train.vocabulary) - 1)
            loadings = factors(tetrachoric(self.train, PRIOR_PAIRS), rank)[self.columns.order]
            self.ledger.look("two-way co-occurrence of the train split, for the start")
            low = 0.5 / len(self.train)
            cuts = -special.ndtri(np.clip(self.train.prevalence(), low, 1 - low))[self.columns.order]
            self.game.start_from(loadings, cuts.astype(np.float32))
            sampler, _ = self.choose(self.game.generator.state_dict(), (self.options.shape().draw_noise,), START_POOL)
            levels = sampler.cut.levels[self.marginals.offsets[:-1]]
            self.game.shift(levels[self.columns.order], sampler.cut.bias[self.columns.order])
            return []
        losses = pretrain(
            Pretraining(self.options.shape(), self.columns, self.game.generator.decode, self.device),
            self.batches,
            epochs=self.options.pretrain_epochs,
            deadline=self._deadline(started, PRETRAIN_SHARE),
            checkpoint=Checkpoint(workspace / "autoencoder.pt"),
            progress=progress,
        )
        self.ledger.look("autoencoder pre-training on the train split")
        return losses

    def play(self, workspace: Path, *, started: float, progress: Progress) -> tuple[dict[str, torch.Tensor], list[Row]]:
        """Play the game; the generator state nearest to held-out patients, and the history."""
        noise = self.options.shape().draw_noise
        schedule = Schedule(
            epochs=self.options.epochs,
            discriminator_steps=self.options.discriminator_steps,
            ema=self.options.ema,
            judge_every=self.options.judge_every,
            deadline=self._deadline(started, 1.0),
        )
        result = play(
            self.game,
            self.batches,
            schedule,
            judge=lambda state: self.choose(state, (noise,), 2 * self.held_out.n)[1],
            checkpoint=Checkpoint(workspace / "adversarial.pt"),
            progress=progress,
        )
        self.ledger.look("adversarial training on the train split")
        self.ledger.look("choice of the checkpoint and of the noise by the validation split")
        return result

    def choose(self, state: Mapping[str, torch.Tensor], noises: tuple[float, ...], pool: int) -> tuple[Sampler, float]:
        """The sampler of a state at the noise that brings it nearest to held-out patients, and that distance."""
        found: list[tuple[Sampler, float]] = []
        for noise in noises if self.options.noise is None else (self.options.noise,):
            sampler = Sampler.of(
                state,
                self.options.shape(),
                self.marginals,
                self.heads,
                self.barred,
                noise=noise,
                pool=pool,
                seed=self.seed,
            )
            sample = sampler.sample(self.held_out.n, np.random.default_rng([self.seed, 9]))
            found.append((sampler, self.held_out.distance(sample)))
        return min(found, key=lambda pair: pair[1])

    def _deadline(self, started: float, share: float) -> float | None:
        return None if self.options.minutes is None else started + share * 60 * self.options.minutes
