"""What the stages cost on this machine, measured by running them on a few patients of the very cohort."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from pipelines import evaluate, generate, release, train
from pipelines.recipe import Recipe
from pipelines.sections import Train
from synthehr.cohort.cohort import Cohort, read_cohort, write_cohort
from synthehr.errors import BadRequest
from synthehr.landing import land, partial_path, read_manifest
from synthehr.models.registry import create

SAMPLE_SECONDS = 0.05


@dataclass
class Cost:
    """Of one stage: seconds of wall-clock time, peak bytes of this process, bytes on disk (the most while it ran)."""

    seconds: float = 0.0
    peak: int = 0
    disk: int = 0


@dataclass
class Passes:
    """A `Progress` that times the repeated parts of a training: task -> (total, first and last position and time)."""

    tasks: dict[str, tuple[int, int, float, int, float]] = field(default_factory=dict)

    def __call__(self, task: str, done: int, total: int, unit: str, note: str = "") -> None:
        """Note where `task` stands."""
        now = time.monotonic()
        _, first, start, _, _ = self.tasks.get(task, (total, done, now, done, now))
        self.tasks[task] = (total, first, start, done, now)

    @property
    def measured(self) -> float:
        """Seconds between the first and the last report, over all tasks."""
        return sum(end - start for _, _, start, _, end in self.tasks.values())

    @property
    def whole(self) -> float:
        """Seconds that all tasks would take to their totals, at the rates measured."""
        return sum(
            total * (end - start) / (last - first) if last > first else end - start
            for total, first, start, last, end in self.tasks.values()
        )


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Costs by stage of `patients` patients. passes: seconds of the training's passes were it run to its end."""

    patients: int
    costs: dict[str, Cost]
    passes: float


def calibrate(cohort: Path, folder: Path, recipe: Recipe, patients: int, minutes: float) -> Calibration:
    """Run train to release on `patients` random patients of a cohort, training for `minutes` where the model can stop.

    Meant for a process of its own: a peak of memory cannot be told from what was there before.
    """
    small = folder / "cohort"
    _draw(cohort, small, patients)
    run, synthetic, evaluation, bundle = (folder / name for name in ("run", "synthetic", "evaluation", "bundle"))
    costs = {stage: Cost() for stage in ("train", "generate", "evaluate", "release")}
    passes = Passes()
    with _measured(costs["train"], run):
        train.train(small, run, _bounded(recipe.train, minutes), seed=recipe.seed, progress=passes)
    costs["train"].seconds -= passes.measured
    with _measured(costs["generate"], synthetic):
        generate.generate(run, synthetic, patients=patients, seed=recipe.seed, processes=1)
    with _measured(costs["evaluate"], evaluation):
        without_shadows = recipe.evaluate.model_copy(update={"shadows": 0})
        evaluate.evaluate(small, synthetic, evaluation, without_shadows, seed=recipe.seed)
    with _measured(costs["release"], bundle):
        release.release(small, synthetic, evaluation, bundle, name="plan", override="calibration of a plan")
    return Calibration(patients=patients, costs=costs, passes=passes.whole)


def _draw(cohort: Path, out: Path, patients: int) -> None:
    people = read_cohort(cohort)
    rows = np.sort(np.random.default_rng(0).permutation(len(people.matrix))[:patients])
    config = {**read_manifest(cohort, "cohort").config, "patients": patients}
    with land(out, kind="cohort", config=config, made_from={}) as folder:
        write_cohort(folder, Cohort(people.matrix.rows(rows), people.split[rows]))


def _bounded(options: Train, minutes: float) -> Train:
    bounded = Train(model=options.model, options=options.options | {"minutes": minutes})
    try:
        create(bounded.model, options=bounded.options)
    except BadRequest:  # a model that knows no clock is quick: it is fitted whole
        return options
    return bounded


@contextlib.contextmanager
def _measured(cost: Cost, landing: Path) -> Iterator[None]:
    """Fill `cost` with what the block takes; memory and disk are sampled meanwhile by a thread."""
    over = threading.Event()
    process = psutil.Process()

    def sample() -> None:
        while not over.wait(SAMPLE_SECONDS):
            cost.peak = max(cost.peak, process.memory_info().rss)
            cost.disk = max(cost.disk, folder_bytes(partial_path(landing)))

    watcher = threading.Thread(target=sample, daemon=True)
    start = time.monotonic()
    watcher.start()
    try:
        yield
    finally:
        cost.seconds = time.monotonic() - start
        over.set()
        watcher.join()
        cost.disk = max(cost.disk, folder_bytes(landing))


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in a folder; what vanishes meanwhile counts nothing."""
    total = 0
    with contextlib.suppress(OSError):
        for file in folder.rglob("*"):
            total += file.stat().st_size if file.is_file() else 0
    return total
