"""`--dry-run` of each command: the steps it would take, asked of the stages themselves (`pipelines.dry_run`)."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipelines import evaluate, fitness, generate, ingest, train
from pipelines.declared import check_declared
from pipelines.demo import SIMULATED_PATIENTS, with_minutes
from pipelines.dry_run import Preview, Request, Step, anew, told, unless_current
from pipelines.private import private_plan
from pipelines.recipe import Recipe, load_recipe
from pipelines.release_preview import judged
from pipelines.run import released_patients, training_patients
from pipelines.sections import Evaluate, Fidelity, Train
from synthehr.cohort.condition import Condition
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.sources.recognise import Source, recognise
from synthehr.landing import check_landing, read_manifest
from synthehr.models.registry import create


def preview_ingest(extract: Source, out: Path, asked: Recipe) -> Preview:
    """What an ingest would read and write; events that are complete and unchanged are skipped.

    Raises:
        BadData, BadRequest: as `synthehr.events.ingest.ingest_events`, for all that files and columns show.
    """
    events = unless_current(out / "events", "events", partial(ingest.events_asked, extract, asked.ingest), [extract])
    cohort = out / "cohort"
    if events.pending:  # the manifest that the request would name is not there
        step = told(cohort, "cohort", ["events"], again="made again from the events")
    else:
        step = anew(cohort, ingest.cohort_asked(out / "events", asked.cohort), ["events"])
    return Preview(steps=(events, step), notes=_recognised(extract, asked.ingest.format))


def _recognised(extract: Source, format: str | None) -> tuple[str, ...]:
    if format is not None:
        return (f"Read as {format}, as was asked.",)
    found = recognise(extract)
    return (f"Recognised as {found.mapping}: {found.why}. Another is chosen by --format.",)


def preview_train(cohort: Path, out: Path, asked: Train, *, seed: int) -> Preview:
    """What a training would learn from, for how long; under a budget also what it asks of patients at which noise.

    Raises:
        IncompleteLanding, BadRequest: as `pipelines.train.train`.
    """
    check_landing(cohort, "cohort")
    if asked.epsilon is not None:
        plan = private_plan(cohort, asked)
        step = anew(out, train.asked(cohort, asked, seed=seed), [cohort], same="under fresh noise")
        found = plan.as_json()
        notes = (f"vocabulary: {found['vocabulary']}. No patient was looked at.",)
        return Preview(steps=(step,), notes=notes, found=found, tables=(plan.table(),))
    learns = _learns(cohort, asked)
    same = "to the same bytes" if learns["minutes"] is None else "and differently, since the clock ends it"
    step = anew(out, train.asked(cohort, asked, seed=seed), [cohort], same=same)
    return Preview(steps=(step,), notes=(_length(learns),), found={"training": learns})


def _learns(cohort: Path, asked: Train) -> dict[str, Any]:
    """Model, sizes and length of a training without a budget."""
    options = getattr(create(asked.model, options=asked.options), "options", None)
    return {
        "model": asked.model,
        "patients": training_patients(cohort),
        "codes": len(Vocabulary.read(cohort / "vocabulary.parquet")),
        "epochs": getattr(options, "epochs", None),
        "minutes": getattr(options, "minutes", None),
    }


def _length(learns: dict[str, Any]) -> str:
    passes = "in one pass" if learns["epochs"] is None else f"{learns['epochs']:,} passes at the most"
    clock = "" if learns["minutes"] is None else f", ended by the clock after {learns['minutes']:g} minutes"
    return (
        f"{learns['model']} would learn from {learns['patients']:,} training patients and {learns['codes']:,} codes: "
        f"{passes}{clock}. No privacy budget: the release carries no guarantee of differential privacy."
    )


def preview_generate(run: Path, out: Path, *, patients: int, where: str | None, seed: int) -> Preview:
    """What would be drawn, of which run.

    Raises:
        IncompleteLanding, BadRequest: as `pipelines.generate.generate`, but for a condition that hardly ever holds.
    """
    model = check_landing(run, "run").config["model"]
    if where is not None:
        Condition.parse(where, Vocabulary.read(run / "vocabulary.parquet"))
    step = anew(out, generate.asked(run, patients=patients, seed=seed, where=where), [run])
    shards = -(-patients // generate.SHARD)
    kept = "" if where is None else f", those alone who satisfy {where}; how many satisfy it is found by drawing"
    note = f"{patients:,} patients of {model} in {shards:,} {'file' if shards == 1 else 'files'}{kept}."
    return Preview(steps=(step,), notes=(note,), found={"model": model, "patients": patients, "shards": shards})


def preview_evaluate(
    cohort: Path,
    synthetic: Path,
    out: Path,
    options: Evaluate,
    *,
    run: Path | None,
    fidelity: Fidelity,
    policy: str,
    seed: int,
) -> Preview:
    """What would be measured, beside whom, and what would be trained for it.

    Raises:
        IncompleteLanding, BadRequest: the landings do not belong together, or declared codes are not in the cohort.
    """
    evaluate.check_lineage(cohort, synthetic, run)
    check_declared(Vocabulary.read(cohort / "vocabulary.parquet"), fidelity)
    request = evaluate.asked(cohort, synthetic, options, run=run, fidelity=fidelity, policy=policy, seed=seed)
    reads: list[Path | str] = [
        cohort,
        synthetic,
        *([run] if run else []),
        *([options.previous] if options.previous else []),
    ]
    return Preview(steps=(anew(out, request, reads),), notes=_beside(options, audits="canaries" in request["config"]))


def _beside(options: Evaluate, *, audits: bool) -> tuple[str, ...]:
    notes = [f"Beside it: {', '.join(options.comparators)}, fitted to the same training patients, and the holdout."]
    if options.shadows:
        notes.append(f"Shadows: {options.shadows} more generators are trained, each about as long as the run.")
    if audits and options.canaries:
        notes.append(f"Audit: trained once more, with {options.canaries:,} canaries, as long as the run.")
    return tuple(notes)


def preview_run(recipe: Recipe, extract: Source, out: Path, *, override: str | None = None) -> Preview:
    """Which of the landings of a recipe are skipped, and why the others are not.

    Raises:
        As the stages, for all that can be known before they run.
    """
    asked = _requests(recipe, extract, out)

    def step(name: str, reads: Sequence[Source], before: Sequence[Step]) -> Step:
        return unless_current(out / name, name, asked[name], reads, before)

    events = step("events", [extract], [])
    cohort = step("cohort", ["events"], [events])
    if cohort.action == "skip":
        check_declared(Vocabulary.read(out / "cohort" / "vocabulary.parquet"), recipe.fidelity)
    run = step("run", ["cohort"], [cohort])
    synthetic = step("synthetic", ["run"], [run])
    evaluation = step("evaluation", ["cohort", "synthetic", "run"], [cohort, run, synthetic])
    cards = []
    if recipe.release.queries is not None:
        cards = [step("fitness", ["cohort", "synthetic", recipe.release.queries], [cohort, synthetic])]
    before = [synthetic, evaluation, *cards]
    bundle, verdict = judged(out, policy=recipe.release.policy, override=override, before=before)
    notes = [*(_recognised(extract, recipe.ingest.format) if events.pending else ())]
    if run.pending and cohort.action == "skip" and recipe.train.epsilon is None:
        notes.append(_length(_learns(out / "cohort", recipe.train)))
    if evaluation.pending:
        notes += _beside(recipe.evaluate, audits=recipe.train.epsilon is not None)
    return Preview(steps=(events, cohort, run, synthetic, evaluation, *cards, bundle), notes=(*notes, verdict))


def _requests(recipe: Recipe, extract: Source, out: Path) -> dict[str, Callable[[], Request]]:
    """What each landing of a run is asked for, as `pipelines.run` asks; IncompleteLanding where an input is absent."""
    cohort, run, synthetic, seed = out / "cohort", out / "run", out / "synthetic", recipe.seed

    def to_train() -> Request:
        read_manifest(cohort, "cohort")
        return train.asked(cohort, recipe.train, seed=seed)

    def to_generate() -> Request:
        read_manifest(cohort, "cohort")
        read_manifest(run, "run")
        patients = recipe.generate.patients or released_patients(run, cohort)
        return generate.asked(run, patients=patients, seed=seed)

    def to_evaluate() -> Request:
        read_manifest(cohort, "cohort")
        read_manifest(run, "run")
        declared: dict[str, Any] = {"fidelity": recipe.fidelity, "policy": recipe.release.policy}
        return evaluate.asked(cohort, synthetic, recipe.evaluate, run=run, **declared, seed=seed)

    def to_ask() -> Request:
        read_manifest(cohort, "cohort")
        return fitness.asked(cohort, synthetic, Path(recipe.release.queries or ""), seed=seed)

    return {
        "events": lambda: ingest.events_asked(extract, recipe.ingest),
        "cohort": lambda: ingest.cohort_asked(out / "events", recipe.cohort),
        "run": to_train,
        "synthetic": to_generate,
        "evaluation": to_evaluate,
        "fitness": to_ask,
    }


def preview_demo(out: Path, *, extract: Path | None, minutes: float | None) -> Preview:
    """What the demo would make: all six landings, whatever stands there."""
    recipe = with_minutes(load_recipe("demo"), minutes)
    source = f"{SIMULATED_PATIENTS:,} simulated patients" if extract is None else str(extract)
    made_of = {"events": [source], "cohort": ["events"], "run": ["cohort"], "synthetic": ["run"]}
    made_of |= {"evaluation": ["cohort", "synthetic", "run"], "bundle": ["cohort", "synthetic", "evaluation"]}
    notes = () if extract is None else _recognised(extract, None)
    length = f"{recipe.train.model} is trained for {recipe.train.options['minutes']:g} minutes at the most."
    return Preview(
        steps=tuple(told(out / name, name, reads) for name, reads in made_of.items()), notes=(*notes, length)
    )
