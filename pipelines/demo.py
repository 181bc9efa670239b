"""The story of the house, in one sitting: hospital records in, a synthetic cohort that can be released out.

Each step reads the landing of the step before and leaves its own; any of them can be opened and looked at.
"""

from pathlib import Path
from typing import Any

from pipelines.evaluate import evaluate
from pipelines.generate import generate
from pipelines.ingest import write_cohort, write_events
from pipelines.recipe import Recipe, load_recipe
from pipelines.release import release
from pipelines.run import training_patients
from pipelines.sections import Ingest, Train
from pipelines.train import train
from privacy.policy_file import DEFAULT
from synthehr.events.simulated.simulate import simulate_events
from synthehr.progress import Progress, silent

SIMULATED_PATIENTS = 20_000


def demo(
    out: Path, *, extract: Path | None = None, minutes: float | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """The whole way, on the embedded cohort of simulated patients or on an extract; what the release says.

    Raises:
        GateRefused: the policy lets nothing out; the report is at out/bundle.refused.html.
    """
    recipe = with_minutes(load_recipe("demo"), minutes)
    events, cohort, run, synthetic, evaluation, bundle = (
        out / name for name in ("events", "cohort", "run", "synthetic", "evaluation", "bundle")
    )

    # What happened to each patient, one event a line: the MEDS form, whatever the hospital's own tables look like.
    if extract is None:
        simulate_events(events, n_patients=SIMULATED_PATIENTS, seed=recipe.seed, progress=progress)
    else:
        write_events(extract, events, Ingest(), progress=progress)

    # Patients by codes, and a split that is drawn once: some to learn from, some that no generator ever sees.
    write_cohort(events, cohort, recipe.cohort, progress=progress)

    # A generator that learns from the training patients, and a ledger of every look that it takes at them.
    train(cohort, run, recipe.train, seed=recipe.seed, progress=progress)

    # Patients who never lived: their ids are negative, and they are as many as there were to learn from.
    generate(run, synthetic, patients=training_patients(cohort), seed=recipe.seed, progress=progress)

    # How like the real ones, and what an attacker learns of those who were trained on. No figure comes alone: beside
    # it stand codes drawn independently (the floor) and real patients in the synthetic's place (the ceiling).
    evaluate(cohort, synthetic, evaluation, recipe.evaluate, run=run, seed=recipe.seed, progress=progress)

    # The gate: a policy that says what must be shown, and a bundle only if it was. Simulated patients cannot be harmed;
    # for real ones it is the strictest policy.
    return release(
        cohort,
        synthetic,
        evaluation,
        bundle,
        name=recipe.name,
        purpose=recipe.purpose,
        run=run,
        policy=recipe.release.policy if extract is None else DEFAULT,
        progress=progress,
    )


def with_minutes(recipe: Recipe, minutes: float | None) -> Recipe:
    """The recipe with another training budget, in minutes of wall-clock time."""
    if minutes is None:
        return recipe
    options = {key: value for key, value in recipe.train.options.items() if key != "epochs"} | {"minutes": minutes}
    return recipe.model_copy(update={"train": Train(model=recipe.train.model, options=options)})
