"""Training under a budget: what will be asked of patients at which noise, said before anything is asked; then asked."""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from pipelines.sections import Train
from privacy.accountant import gaussian_multiplier, smallest_noise
from privacy.budget import Budget, divided
from privacy.curator import Curator
from privacy.ledger import Ledger
from privacy.mechanisms import Gaussian, Mechanism, SampledGaussian
from privacy.noise import KEY_BYTES, NoiseSource, new_key
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.options import BY_PATIENT
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
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

    sampled: probability and steps of those that are asked of Poisson-sampled batches; what single answers leave of the
    budget is theirs. exclusive: code system -> group, as the cohort was asked for.
    public: whether the vocabulary was given, or has to be chosen from patients; threshold_delta: what that costs.
    """

    model: str
    budget: Budget
    public: bool
    threshold_delta: float
    shares: dict[str, float]
    noise: dict[str, float]
    sampled: dict[str, tuple[float, int]]
    exclusive: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        questions = [
            {
                "question": name,
                "share": share,
                "noise_multiplier": self.noise[name],
                "sampling_probability": self.sampled.get(name, (1.0, 1))[0],
                "steps": self.sampled.get(name, (1.0, 1))[1],
            }
            for name, share in self.shares.items()
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
        table = Table(
            "question", "share of the budget", "noise multiplier", "sampling", "steps", box=SIMPLE, title=title
        )
        for name, share in self.shares.items():
            probability, steps = self.sampled.get(name, (1.0, 1))
            table.add_row(name, f"{share:.1%}", f"{self.noise[name]:.3f}", f"{probability:g}", f"{steps:,}")
        return table


def private_plan(cohort: Path, options: Train) -> PrivatePlan:
    """The plan of a private training; no patient is looked at.

    Raises:
        BadRequest: no such private generator, an option that it does not know, a budget that no noise fits, or a
        cohort of an earlier version.
    """
    assert options.epsilon is not None
    budget = Budget(epsilon=options.epsilon, delta=options.delta)
    config = read_manifest(cohort, "cohort").config
    if config.get("splits") != BY_PATIENT:
        raise BadRequest(
            f"{cohort} was built when one patient more moved others between its splits, so no epsilon holds for it: "
            "build it again from its events, with synthehr ingest."
        )
    if config.get("unit") == "encounter":
        raise BadRequest(
            f"A row of {cohort} is an encounter, and a budget protects patients, who have several: build the cohort "
            "with unit = patient."
        )
    public = config.get("vocabulary") is not None
    threshold_delta = 0.0 if public else THRESHOLD_SHARE * budget.delta
    generator = create_private(options.model, options=options.options)
    shares, sampled = dict(generator.shares()), dict(generator.sampled())
    left = budget.delta - threshold_delta
    try:
        noise = divided(gaussian_multiplier(epsilon=budget.epsilon, delta=left), shares)
    except ValueError as error:
        raise BadRequest(str(error)) from error
    once = [Gaussian(noise_multiplier=noise[name]) for name in shares if name not in sampled]
    for name, (probability, steps) in sampled.items():
        noise[name] = smallest_noise(
            functools.partial(_with_steps, once, probability, steps), epsilon=budget.epsilon, delta=left
        )
    return PrivatePlan(options.model, budget, public, threshold_delta, shares, noise, sampled, config["exclusive"])


def _with_steps(once: Sequence[Gaussian], probability: float, steps: int, noise: float) -> Sequence[Mechanism]:
    return [*once, SampledGaussian(noise_multiplier=noise, sampling_probability=probability, steps=steps)]


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
            train,
            ledger,
            source,
            exclusive=plan.exclusive,
            noise_multiplier=plan.noise["first"],
            delta=plan.threshold_delta,
        )
        curator = Curator(private_records(train.onto(vocabulary)).binary(), ledger, source)
    generator.fit(curator, vocabulary, first, plan.noise, seed=seed, progress=progress)
    ledger.checked()
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


def forget_key(workspace: Path) -> None:
    """Overwrite the key: with it all noise could be subtracted. What a disk keeps of overwritten bytes is declared."""
    file = workspace / KEY
    with file.open("r+b") as stream:
        stream.write(bytes(KEY_BYTES))
        stream.flush()
        os.fsync(stream.fileno())
    file.unlink()
