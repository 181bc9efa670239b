"""An autoregressive transformer over the set of a patient's codes, behind the generator contract."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from privacy.ledger import Ledger
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.constraints import learn_rules
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.barred import Barred
from synthehr.models.options import options_of
from synthehr.models.rejection import Rejection
from synthehr.models.transformer.calibration import calibrate
from synthehr.models.transformer.learning import Learning, network_of
from synthehr.models.transformer.network import Network
from synthehr.models.transformer.options import TransformerOptions
from synthehr.models.transformer.sampling import draw
from synthehr.models.transformer.sequences import Layout
from synthehr.models.weights import read_weights, write_weights
from synthehr.progress import Progress, silent
from synthehr.training.device import denormals_flushed


class Transformer:
    """A patient's exclusive groups, then how many codes of each system, then the codes, each from those before it.

    The attention is that of Vaswani et al. (2017, arXiv:1706.03762), the likelihood exact: nothing is adversarial, and
    held-out patients say in nats when to stop. options: see `TransformerOptions`.
    """

    name = "transformer"
    vocabulary: Vocabulary
    layout: Layout
    barred: Barred
    network: Network
    rejection: Rejection | None

    def __init__(self, **options: Any) -> None:
        self.options = options_of(TransformerOptions, self.name, options)
        self.history: pd.DataFrame | None = None

    def fit(self, cohort: Cohort, *, seed: int, workspace: Path, ledger: Ledger, progress: Progress = silent) -> None:
        """Train by likelihood, keep the weights that held-out patients like best; resumes from `workspace`."""
        started, options = time.monotonic(), self.options
        self.vocabulary = cohort.matrix.vocabulary
        self.layout = Layout.of(cohort.part("train"), binary=options.data == "binary")
        self.barred = Barred(learn_rules(cohort.part("train")), len(self.vocabulary))
        ledger.look("codes that a member of a group bars, in the train split")
        train, validation = (self.layout.encode(cohort.part(name)) for name in ("train", "validation"))
        ledger.look("order of codes, sizes of records and how early rare codes stand in them, of the train split")
        learning = Learning(options, self.layout, seed, workspace, started)
        with denormals_flushed():
            network, history = learning.run(train, validation, progress)
            calibrate(
                network,
                self.layout,
                self.barred,
                train.shares(self.layout.n_tokens),
                draws=options.pool,
                seed=seed,
                levels_of=train,
                progress=progress,
            )
            self.network = network
        ledger.look("training on the train split by likelihood")
        ledger.look("choice of the weights by the validation split")
        ledger.look("one-way marginals and sizes of the train split, for calibration")
        self.rejection = None
        if options.rejection:
            progress("sift", 0, 1, "step")
            with denormals_flushed():
                self.rejection = Rejection.of(self._drawn, cohort, seed=seed, ledger=ledger)
            progress("sift", 1, 1, "step")
        self.history = pd.DataFrame(history, columns=["epoch", "term", "value"])

    def sample(self, n: int, *, rng: np.random.Generator) -> sparse.csr_matrix:
        """Draw n patients."""
        return self._drawn(n, rng) if self.rejection is None else self.rejection.sample(self._drawn, n, rng)

    def _drawn(self, n: int, rng: np.random.Generator) -> sparse.csr_matrix:
        return draw(self.network, self.layout, self.barred, n, rng)

    def save(self, folder: Path) -> None:
        """Write weights, options and history."""
        arrays = {f"network.{name}": value.cpu().numpy() for name, value in self.network.state_dict().items()}
        arrays |= self.layout.arrays() | {"rules": self.barred.rules}
        if self.rejection is not None:
            arrays |= self.rejection.arrays()
        write_weights(folder, self.name, json.loads(json.dumps(asdict(self.options))), arrays)
        if self.history is not None:
            self.history.to_parquet(folder / "history.parquet", index=False)

    @classmethod
    def load(cls, folder: Path, vocabulary: Vocabulary) -> "Transformer":
        """Read back what `save` wrote, onto the CPU."""
        options, arrays = read_weights(folder, cls.name)
        model = cls(**options)
        model.vocabulary = vocabulary
        model.layout = Layout.from_arrays(vocabulary, arrays)
        model.barred = Barred(arrays["rules"], len(vocabulary))
        model.rejection = Rejection.from_arrays(arrays)
        model.network = network_of(model.layout, model.options)
        model.network.load_state_dict(_state(arrays))
        model.network.eval()
        return model


def _state(arrays: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    prefix = "network."
    return {k.removeprefix(prefix): torch.from_numpy(v) for k, v in arrays.items() if k.startswith(prefix)}
