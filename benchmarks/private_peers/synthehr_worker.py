"""A private generator of this house on the same patients and columns, as `synthehr train --epsilon` would run it."""

from typing import Any

import numpy as np
from coded import stop_in_time
from worker import Draws, Task, say_run

from pipelines.private import fit_private, private_plan
from pipelines.recipe import validated
from pipelines.sections import Train
from privacy.noise import NoiseSource, new_key
from synthehr.cohort.cohort import Cohort
from synthehr.cohort.matrix import CodeMatrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.models.generator import PrivateGenerator

SETTINGS: dict[str, Any] = {
    "adjacency": "one patient added or removed",
    "accounting": "privacy loss distributions, checked by a second accountant",
    "domain": "given",
    "exact_count_used": False,
}


def given(task: Task) -> Cohort:
    """The training patients of the task over its columns."""
    group: list[str | None] = [None] * len(task.codes)
    for name, members in task.groups.items():
        for k in members:
            group[k] = name
    vocabulary = Vocabulary(tuple(task.codes), ("",) * len(task.codes), tuple(group))
    matrix = CodeMatrix(task.train.astype(np.uint16), task.ids, vocabulary)
    return Cohort(matrix, np.zeros(len(matrix), dtype=np.uint8))


def fit(task: Task) -> PrivateGenerator:
    """The model that the task names, under its budget; the cohort's folder tells that its vocabulary is public."""
    stop_in_time(task)
    assert task.cohort is not None
    options = validated(Train, task.options, "benchmark")
    plan = private_plan(task.cohort, options)
    assert plan.public
    model, _, ledger = fit_private(plan, given(task), options, seed=task.seed, source=NoiseSource(new_key()))
    SETTINGS.update(epsilon_claimed=ledger.epsilon, delta=options.delta)
    return model


def draw(model: PrivateGenerator, task: Task) -> Draws:
    """As many patients as were given."""
    yield "drawn", model.sample(task.train.shape[0], rng=np.random.default_rng([task.seed, 1]))


if __name__ == "__main__":
    say_run(("synthehr", "torch", "numpy"), SETTINGS, fit, draw)
