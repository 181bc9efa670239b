"""SDV's CTGAN (Xu et al. 2019, arXiv:1907.00503) on all columns, as discrete ones, with its default settings.

The sizes, learning rates, batch (500) and packing (10) are the defaults of the package, which are those of the paper.
Its 300 epochs do not fit the budget: it knows no time limit, so the bar that counts its epochs is replaced by one that
stops near the deadline. The generator is then that of the last whole epoch, as after a run of so many epochs.
"""

from typing import Any

import numpy as np
import torch
from ctgan import CTGAN
from ctgan.synthesizers import ctgan as module
from tables import matrix_of, mixed_table
from worker import Draws, Task, say_run

SETTINGS: dict[str, Any] = {"epochs_asked": 300, "epochs_done": 0, "all_else": "default"}


def fit(task: Task) -> CTGAN:
    """CTGAN after as many epochs as fit the budget."""

    def counted(epochs: range, disable: bool) -> Any:
        for epoch in task.epochs(epochs):
            yield epoch
            SETTINGS["epochs_done"] = epoch + 1

    module.tqdm = counted
    torch.manual_seed(task.seed)
    np.random.seed(task.seed)  # noqa: NPY002  # it draws from numpy's global generator
    table = mixed_table(task)
    model = CTGAN(epochs=SETTINGS["epochs_asked"], enable_gpu=False)
    model.fit(table, discrete_columns=list(table))
    return model


def draw(model: CTGAN, task: Task) -> Draws:
    """As many patients as were given."""
    yield "ctgan", matrix_of(model.sample(task.train.shape[0]), task)


if __name__ == "__main__":
    say_run(("ctgan", "rdt", "torch", "numpy", "pandas"), SETTINGS, fit, draw)
