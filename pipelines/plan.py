"""Plan: memory, disk and time of a recipe before anything of it runs, and where each figure comes from."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import psutil
from rich.box import SIMPLE
from rich.table import Table

from pipelines import ingest
from pipelines.calibration import Calibration, calibrate, folder_bytes
from pipelines.declared import check_declared
from pipelines.demo import SIMULATED_PATIENTS
from pipelines.progress import duration
from pipelines.recipe import Recipe
from pipelines.run import training_patients
from synthehr.cohort.cohort import read_cohort
from synthehr.events.simulated.simulate import simulate_events
from synthehr.events.sources.recognise import Source
from synthehr.progress import Progress, silent

# the fewer tell how memory grows; the more, how long it takes: enough that start-up costs no longer rule the rate
FEW, MANY = 2_000, 8_000
MINUTES = 0.15  # of training on each: some tens of passes
MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Need:
    """Of one stage: seconds at least and at most, peak memory and disk in bytes."""

    stage: str
    least: float
    most: float
    memory: int
    disk: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a recipe will take on this machine; `origin`: sentences that say how each figure was come by."""

    recipe: str
    patients: int
    codes: int
    needs: tuple[Need, ...]
    origin: tuple[str, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """All of it, with the totals: time and disk add up, memory does not."""
        total = {
            "least": sum(need.least for need in self.needs),
            "most": sum(need.most for need in self.needs),
            "memory": max(need.memory for need in self.needs),
            "disk": sum(need.disk for need in self.needs),
        }
        return asdict(self) | {"total": total}


def plan(recipe: Recipe, extract: Source | None, *, progress: Progress = silent) -> Estimate:
    """Measure the stages on a part of the extract (or of the simulated cohort) and scale them to the whole.

    The extract is ingested into a temporary folder, since counting its patients costs as much; nothing is kept.

    Raises:
        BadData: the extract cannot be read; better now than after a night of training.
        BadRequest: the recipe declares codes that the extract does not have.
    """
    with tempfile.TemporaryDirectory(prefix="synthehr-plan-") as scratch:
        folder = Path(scratch)
        progress("plan", 0, 3, "steps", "ingesting")
        ingested = _ingest(recipe, extract, folder)
        cohort = read_cohort(folder / "cohort")
        if extract is not None:
            check_declared(cohort.matrix.vocabulary, recipe.fidelity)
        n = len(cohort.matrix)
        found = []
        for k, patients in enumerate(sorted({min(FEW, n), min(MANY, n)})):
            progress("plan", k + 1, 3, "steps", f"all stages on {patients:,} patients")
            found.append(_in_a_process_of_its_own(folder, recipe, patients))
        progress("plan", 3, 3, "steps")
        train = training_patients(folder / "cohort")
        needs = (ingested, *_scaled(found, recipe, n, recipe.generate.patients or train))
    return Estimate(
        recipe=recipe.name,
        patients=n,
        codes=len(cohort.matrix.vocabulary),
        needs=needs,
        origin=(*_origin(extract, [c.patients for c in found], n), _privacy(recipe)),
        warnings=(*_warnings(needs), *_uncounted(recipe)),
    )


def _ingest(recipe: Recipe, extract: Source | None, folder: Path) -> Need:
    start = time.monotonic()
    if extract is None:
        simulate_events(folder / "events", n_patients=SIMULATED_PATIENTS, seed=recipe.seed)
    else:
        ingest.write_events(extract, folder / "events", recipe.ingest)
    ingest.write_cohort(folder / "events", folder / "cohort", recipe.cohort)
    seconds = time.monotonic() - start
    return Need(
        stage="ingest",
        least=seconds,
        most=seconds,
        memory=psutil.Process().memory_info().rss,
        disk=folder_bytes(folder),
    )


def _in_a_process_of_its_own(folder: Path, recipe: Recipe, patients: int) -> Calibration:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        scratch = folder / str(patients)
        return pool.submit(calibrate, folder / "cohort", scratch, recipe, patients, MINUTES).result()


def _scaled(found: list[Calibration], recipe: Recipe, n: int, released: int) -> tuple[Need, ...]:
    """Needs of the stages after ingest for n patients and a release of `released`."""
    few, many = found[0], found[-1]
    real, made = n / many.patients, released / many.patients
    # evaluating goes through both cohorts; what training holds beside its passes (calibration) does not grow
    growth = {"train": real, "generate": made, "evaluate": max(real, made), "release": made}
    needs = []
    for stage, times in growth.items():
        less, more = few.costs[stage], many.costs[stage]
        beyond = many.patients * (times - 1) / max(many.patients - few.patients, 1)
        least, most = more.seconds + max(more.seconds - less.seconds, 0) * beyond, more.seconds * times
        if stage == "train":
            passes, minutes = many.passes * times, recipe.train.options.get("minutes")
            least = most = more.seconds + (passes if minutes is None else min(passes, 60 * minutes))
        needs.append(
            Need(
                stage=stage,
                least=max(min(least, most), 0.0),
                most=max(least, most),
                memory=int(more.peak + max(more.peak - less.peak, 0) * max(beyond, 0)),
                disk=int(more.disk * (1 if stage in ("train", "evaluate") else times)),
            )
        )
    return tuple(needs)


def _origin(extract: Source | None, sizes: list[int], n: int) -> tuple[str, ...]:
    counted = (
        "The extract was ingested in full" if extract else f"No --extract: {n:,} simulated patients stand in for it"
    )
    sampled = " and ".join(f"{size:,}" for size in sizes)
    return (
        f"{counted}; ingest is measured, {n:,} patients were counted.",
        f"The other stages were run on {sampled} of these patients, just now, on this machine.",
        "Time: from the straight line through the two to proportion from the larger. Memory: the straight line.",
        "Passes of training are in proportion to patients; a budget in minutes ends them.",
        "Other work on the machine while it was measured, or while the recipe runs, makes both wrong.",
    )


def _privacy(recipe: Recipe) -> str:
    """What the release will have spent: known before anything runs, or nothing is promised."""
    train = recipe.train
    if train.epsilon is None:
        return "Privacy: no epsilon is asked for, so no guarantee of differential privacy comes with it."
    return f"Privacy: epsilon {train.epsilon:g}, delta {train.delta:g}, for one patient added or removed."


def _warnings(needs: tuple[Need, ...]) -> tuple[str, ...]:
    memory, disk = max(need.memory for need in needs), sum(need.disk for need in needs)
    available, free = psutil.virtual_memory().available, shutil.disk_usage(Path.cwd()).free
    warnings = []
    if memory > available:
        warnings.append(f"Memory: {memory / MIB:,.0f} MiB are needed, {available / MIB:,.0f} MiB are available.")
    if disk > free:
        warnings.append(f"Disk: {disk / MIB:,.0f} MiB are needed, {free / MIB:,.0f} MiB are free here.")
    return tuple(warnings)


def _uncounted(recipe: Recipe) -> tuple[str, ...]:
    found, shadows = [], recipe.evaluate.shadows
    if shadows:
        found.append(
            f"Shadows: evaluating trains {shadows} more generators, each at most as long; no figure here counts them."
        )
    if recipe.train.epsilon is not None and recipe.evaluate.canaries:
        found.append("Audit: evaluating trains once more, with canaries, as long as before; no figure here counts it.")
    return tuple(found)


def plan_table(estimate: Estimate) -> Table:
    """The estimate for a terminal."""
    title = f"{estimate.recipe}: {estimate.patients:,} patients, {estimate.codes:,} codes"
    table = Table("stage", "time", "memory", "disk", box=SIMPLE, title=title)
    for need in estimate.needs:
        table.add_row(need.stage, *_row(asdict(need)))
    table.add_section()
    table.add_row("all", *_row(estimate.as_json()["total"]))
    return table


def _row(need: Mapping[str, Any]) -> tuple[str, str, str]:
    least, most = duration(need["least"]), duration(need["most"])
    taken = least if least == most else f"{least} to {most}"
    return taken, f"{need['memory'] / MIB:,.0f} MiB", f"{need['disk'] / MIB:,.1f} MiB"
