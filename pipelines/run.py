"""Run: all five stages from a recipe; a landing that is complete and still what was asked for is not made again."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipelines import evaluate, fitness, generate, ingest, release, train
from pipelines.declared import check_declared
from pipelines.recipe import Recipe
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.sources.recognise import Source
from synthehr.landing import is_current
from synthehr.models.generator import PrivateGenerator
from synthehr.models.registry import load_run
from synthehr.progress import Progress, silent

log = logging.getLogger("synthehr")
Stage = Callable[[], dict[str, Any]]


def run(
    recipe: Recipe, extract: Source, out: Path, *, override: str | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Take an extract to a release: out/events, cohort, run, synthetic, evaluation, fitness (if asked for) and bundle.

    Raises:
        GateRefused: the policy lets nothing out; the report is at out/bundle.refused.html. Also all that the stages
            raise.
    """
    events = out / "events"
    unless_current(
        events,
        ingest.events_asked(extract, recipe.ingest),
        lambda: ingest.write_events(extract, events, recipe.ingest, progress=progress),
    )
    return from_events(recipe, out, override=override, progress=progress)


def from_events(
    recipe: Recipe, out: Path, *, override: str | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """The way from out/events on; see `run`."""
    events, cohort, trained, synthetic = (out / name for name in ("events", "cohort", "run", "synthetic"))
    evaluation, bundle = out / "evaluation", out / "bundle"
    unless_current(
        cohort,
        ingest.cohort_asked(events, recipe.cohort),
        lambda: ingest.write_cohort(events, cohort, recipe.cohort, progress=progress),
    )
    check_declared(Vocabulary.read(cohort / "vocabulary.parquet"), recipe.fidelity)
    unless_current(
        trained,
        train.asked(cohort, recipe.train, seed=recipe.seed),
        lambda: train.train(cohort, trained, recipe.train, seed=recipe.seed, progress=progress),
    )
    patients = recipe.generate.patients or released_patients(trained, cohort)
    unless_current(
        synthetic,
        generate.asked(trained, patients=patients, seed=recipe.seed),
        lambda: generate.generate(trained, synthetic, patients=patients, seed=recipe.seed, progress=progress),
    )
    declared: dict[str, Any] = {"fidelity": recipe.fidelity, "policy": recipe.release.policy}
    unless_current(
        evaluation,
        evaluate.asked(cohort, synthetic, recipe.evaluate, run=trained, **declared, seed=recipe.seed),
        lambda: evaluate.evaluate(
            cohort,
            synthetic,
            evaluation,
            recipe.evaluate,
            run=trained,
            **declared,
            seed=recipe.seed,
            progress=progress,
        ),
    )
    return release.release(
        cohort,
        synthetic,
        evaluation,
        bundle,
        name=recipe.name,
        purpose=recipe.purpose,
        run=trained,
        policy=recipe.release.policy,
        override=override,
        terms=_terms(recipe, out, progress),
        progress=progress,
    )


def _terms(recipe: Recipe, out: Path, progress: Progress) -> release.Terms:
    """What the recipe adds to the release; the researchers' queries are asked where it names any."""
    asked = recipe.release
    register = None if asked.register_file is None else Path(asked.register_file)
    key = None if asked.key_file is None else Path(asked.key_file)
    if asked.queries is None:
        return release.Terms(register=register, key=key)
    cohort, synthetic, queries, cards = out / "cohort", out / "synthetic", Path(asked.queries), out / "fitness"
    unless_current(
        cards,
        fitness.asked(cohort, synthetic, queries, seed=recipe.seed),
        lambda: fitness.fitness(cohort, synthetic, queries, cards, seed=recipe.seed, progress=progress),
    )
    return release.Terms(register=register, key=key, fitness=cards)


def unless_current(path: Path, asked: dict[str, Any], stage: Stage) -> None:
    """Run `stage` unless a complete, unaltered landing of exactly this request stands at `path`."""
    if is_current(path, **asked):
        log.info(f"{path.name}: complete and unchanged, skipped")
    else:
        stage()


def released_patients(run: Path, cohort: Path) -> int:
    """How many patients a release has by default: as many as were trained on, or under a budget about as many."""
    generator = load_run(run)
    if isinstance(generator, PrivateGenerator):
        return max(round(generator.patients), 1)
    return training_patients(cohort)


def training_patients(cohort: Path) -> int:
    """Number of patients in the train split of a cohort landing."""
    splits: list[str] = pq.read_table(cohort / "splits.parquet").column("split").to_pylist()
    return splits.count("train")
