"""Training under a budget: what will be asked of patients at which noise, said before anything is asked; then asked."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from pipelines.recipe import Train
from privacy.accountant import gaussian_multiplier
from privacy.budget import Budget, divided
from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.noise import NoiseSource, new_key
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.landing import read_manifest
from synthehr.models.generator import PrivateGenerator
from synthehr.models.private.prevalences import first_look
from synthehr.models.private.records import private_records
from synthehr.models.private.selection import select_vocabulary
from synthehr.models.registry import create_private
from synthehr.progress import Progress, silent

THRESHOLD_SHARE = 0.1  # of delta, where the vocabulary is chosen from patients
KEY = "noise.key"


@dataclass(frozen=True)
class PrivatePlan:
    """What a training will ask. shares: of the budget, by question; noise: noise multipliers, by question.

    public: whether the vocabulary was given, or has to be chosen from patients; threshold_delta: what that costs.
    """

    model: str
    budget: Budget
    public: bool
    threshold_delta: float
    shares: dict[str, float]
    noise: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        questions = [
            {"question": name, "share": self.shares[name], "noise_multiplier": self.noise[name]} for name in self.shares
        ]
        return {
            "model": self.model,
            "epsilon": self.budget.epsilon,
            "delta": self.budget.delta,
            "vocabulary": "public" if self.public else "chosen by a threshold",
            "threshold_delta": self.threshold_delta,
            "questions": questions,
        }

    def table(self) -> Table:
        """For a terminal."""
        title = f"{self.model}: epsilon {self.budget.epsilon:g}, delta {self.budget.delta:g}"
        table = Table("question", "share of the budget", "noise multiplier", box=SIMPLE, title=title)
        for name, share in self.shares.items():
            table.add_row(name, f"{share:.1%}", f"{self.noise[name]:.3f}")
        return table


def private_plan(cohort: Path, options: Train) -> PrivatePlan:
    """The plan of a private training; no patient is looked at.

    Raises:
        BadRequest: no such private generator, or an option that it does not know. ValueError: a budget out of range.
    """
    assert options.epsilon is not None
    budget = Budget(epsilon=options.epsilon, delta=options.delta)
    public = read_manifest(cohort, "cohort").config.get("vocabulary") is not None
    threshold_delta = 0.0 if public else THRESHOLD_SHARE * budget.delta
    shares = create_private(options.model, options=options.options).shares()
    whole = gaussian_multiplier(epsilon=budget.epsilon, delta=budget.delta - threshold_delta)
    return PrivatePlan(options.model, budget, public, threshold_delta, dict(shares), divided(whole, shares))


def fit_private(
    plan: PrivatePlan, patients: Cohort, options: Train, *, seed: int, source: NoiseSource, progress: Progress = silent
) -> tuple[PrivateGenerator, Vocabulary, Ledger]:
    """Ask what the plan says of the train split; the generator, its vocabulary and the ledger of what was asked.

    source: of the noise, under a key that nobody else knows. seed: of what is drawn from the answers, which is free.
    """
    generator = create_private(options.model, options=options.options)
    ledger = Ledger(budget=plan.budget)
    train = patients.part("train")
    if plan.public:
        vocabulary = train.vocabulary
        curator = Curator(private_records(train).binary(), ledger, source)
        first = first_look(curator, vocabulary, plan.noise["first"])
    else:
        vocabulary, first = select_vocabulary(
            train, ledger, source, noise_multiplier=plan.noise["first"], delta=plan.threshold_delta
        )
        curator = Curator(private_records(train.onto(vocabulary)).binary(), ledger, source)
    generator.fit(curator, vocabulary, first, plan.noise, seed=seed, progress=progress)
    return generator, vocabulary, ledger


def kept_key(workspace: Path) -> bytes:
    """The key of a run: made when it starts, kept for its owner alone while it is unfinished, gone with its workspace.

    A resumed run must answer with the same noise: a second answer under other noise would be one more look.
    """
    file = workspace / KEY
    if not file.is_file():
        key = new_key()
        temporary = file.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    return file.read_bytes()
