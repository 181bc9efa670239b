"""A generator of this house on the same patients, as `synthehr train` and `synthehr generate` would run it.

The transformer by its defaults, medgan with 100 passes: both end within the budget. Unlike the tools of others, they
also see the validation patients, to choose the weights by them.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from worker import Draws, Task, say_run

from privacy.ledger import Ledger
from synthehr.cohort.cohort import SPLITS, Cohort, read_cohort
from synthehr.models.generator import Generator
from synthehr.models.registry import create

OPTIONS: dict[str, dict[str, Any]] = {"medgan": {"epochs": 100}}
SETTINGS: dict[str, Any] = {}


def given(task: Task) -> Cohort:
    """The cohort with no other training patients than those of the task."""
    assert task.cohort is not None
    whole = read_cohort(task.cohort)
    kept = (whole.split != SPLITS.index("train")) | np.isin(whole.matrix.ids, task.ids)
    return Cohort(whole.matrix.rows(kept), whole.split[kept])


def fit(task: Task) -> Generator:
    """The generator that the task names."""
    SETTINGS.update(OPTIONS.get(task.model, {}))
    cohort, model = given(task), create(task.model, options=SETTINGS)
    with tempfile.TemporaryDirectory() as workspace:
        model.fit(cohort, seed=task.seed, workspace=Path(workspace), ledger=Ledger())
    return model


def draw(model: Generator, task: Task) -> Draws:
    """As many patients as were given."""
    yield task.model, model.sample(task.train.shape[0], rng=np.random.default_rng([task.seed, 1]))


if __name__ == "__main__":
    say_run(("synthehr", "torch", "numpy"), SETTINGS, fit, draw)
