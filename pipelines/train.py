"""Train: a cohort in, a run out. What an interruption leaves is gone on from, never mixed with another request."""

import json
import logging
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.private import fit_private, forget_key, kept_key, private_plan
from pipelines.sections import Train
from privacy.ledger import Ledger
from privacy.noise import NoiseSource
from synthehr.cohort.cohort import read_cohort
from synthehr.landing import check_landing, land, source_hash, versions, write_text
from synthehr.models.registry import create
from synthehr.progress import Progress, silent

log = logging.getLogger("synthehr")
ASKED = "asked.json"
CHECKPOINTS = "checkpoints"


def asked(cohort: Path, options: Train, *, seed: int) -> dict[str, Any]:
    """What a run of this request says of itself: kind, config and made_from of its manifest."""
    config: dict[str, Any] = {"model": options.model, "options": options.options, "seed": seed}
    if options.epsilon is not None:  # named only where asked for
        config |= {"epsilon": options.epsilon, "delta": options.delta}
    return {"kind": "run", "config": config, "made_from": {"cohort": source_hash(cohort)}}


def train(cohort: Path, out: Path, options: Train, *, seed: int, progress: Progress = silent) -> dict[str, Any]:
    """Fit a generator to the train split of the cohort landing and write the `run` landing at `out`.

    Ctrl-C leaves checkpoints beside `out`; the same call goes on from them and, with `epochs`, ends with the same
    bytes. The checkpoints, and the critic in them, are gone from the finished run.

    Raises:
        IncompleteLanding: no cohort there. BadRequest: an unknown model or option. Diverged: see the message.
    """
    check_landing(cohort, "cohort")
    if options.epsilon is not None:
        return _train_private(cohort, out, options, seed=seed, progress=progress)
    generator = create(options.model, options=options.options)
    patients = read_cohort(cohort)
    ledger = Ledger()
    ledger.look("the vocabulary: which codes enough patients have")
    ledger.look("the number of patients")
    request = asked(cohort, options, seed=seed)
    with land(out, **request, resumes=True) as folder:
        workspace = _workspace(folder, request)
        heard = within(options.options.get("minutes"), progress)
        generator.fit(patients, seed=seed, workspace=workspace, ledger=ledger, progress=heard)
        generator.save(folder)
        patients.matrix.vocabulary.write(folder / "vocabulary.parquet")
        ledger.write(folder / "ledger.json")
        shutil.rmtree(workspace)
        (folder / ASKED).unlink()
    return {"run": str(out), "model": options.model, "seed": seed, "epsilon": _json_number(ledger.epsilon)}


def _train_private(
    cohort: Path, out: Path, options: Train, *, seed: int, progress: Progress = silent
) -> dict[str, Any]:
    """The same under a budget: patients are asked through a curator, and the run has the vocabulary that it told."""
    plan = private_plan(cohort, options)
    request = asked(cohort, options, seed=seed)
    with land(out, **request, resumes=True) as folder:
        workspace = _workspace(folder, request)
        source = NoiseSource(kept_key(workspace))
        patients = read_cohort(cohort)
        generator, vocabulary, ledger = fit_private(
            plan, patients, options, seed=seed, source=source, progress=progress
        )
        generator.save(folder)
        vocabulary.write(folder / "vocabulary.parquet")
        ledger.write(folder / "ledger.json")
        forget_key(workspace)
        shutil.rmtree(workspace)
        (folder / ASKED).unlink()
    found = {"run": str(out), "model": options.model, "seed": seed, "codes": len(vocabulary)}
    return found | {"epsilon": ledger.epsilon, "delta": plan.budget.delta}


def within(minutes: float | None, progress: Progress) -> Progress:
    """`progress` by the clock where the clock ends the work: a count of passes cannot tell the time left."""
    if minutes is None:
        return progress
    start, seconds = time.monotonic(), round(60 * minutes)

    def by_the_clock(task: str, done: int, total: int, unit: str, note: str = "") -> None:
        elapsed = min(round(time.monotonic() - start), seconds)
        progress("train", elapsed, seconds, "seconds", f"{task}, {unit} {done:,}{f', {note}' if note else ''}")

    progress("train", 0, seconds, "seconds")
    return by_the_clock


def _workspace(partial: Path, request: Mapping[str, Any]) -> Path:
    """The checkpoint folder of this very request; what another request or another version left is cleared."""
    text = json.dumps({**request, "versions": versions()}, sort_keys=True)
    asked_before = partial / ASKED
    same = asked_before.is_file() and asked_before.read_text(encoding="utf-8") == text
    workspace = partial / CHECKPOINTS
    if same and workspace.is_dir():
        log.info("train: going on from where it stopped")
    elif any(partial.iterdir()):
        log.info("train: what was interrupted here was another request or version; starting afresh")
        for entry in partial.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    workspace.mkdir(exist_ok=True)
    write_text(asked_before, text)
    return workspace


def _json_number(value: float) -> float | str:
    return "inf" if value == float("inf") else value
