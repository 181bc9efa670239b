"""PyHealth's medGAN (Choi et al. 2017) with its default settings: 100 epochs of autoencoder, 200 of GAN, batch 512.

It takes bags of codes, so all columns are given as codes, the groups among them. It knows no time limit: the bars that
count its epochs are replaced by ones that stop near the deadline. Drawn in both ways it has: cut at .5, its default
and that of the published code, and by coin. PyHealth asks for Python 3.12, and for a torchvision that its image models
need: it is installed in spite of the first, and an empty module stands in for the second.
"""

import sys
from importlib.machinery import ModuleSpec
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from scipy import sparse
from transformers.utils.import_utils import is_torchvision_available
from worker import Draws, Task, say_run

# asked before, transformers remembers that it is missing, and does not take the stand-in for the real one
assert not is_torchvision_available()
for missing in ("torchvision", "torchvision.models", "torchvision.transforms"):
    sys.modules[missing] = MagicMock(__spec__=ModuleSpec(missing, None), __path__=[])

from pyhealth.datasets import create_sample_dataset  # noqa: E402
from pyhealth.models.generators import medgan  # noqa: E402

PHASES = {"AE pretrain": 1 / 3, "GAN train": 1.0}  # by what share of the time each is to end, as of their 300 epochs
SETTINGS: dict[str, Any] = {"epochs_done": {}, "all_else": "default"}


def fit(task: Task) -> Any:
    """MedGAN after its epochs, or as many as fit the budget."""

    def counted(epochs: range, desc: str) -> Any:
        for epoch in task.epochs(epochs, PHASES[desc]):
            yield epoch
            SETTINGS["epochs_done"][desc] = epoch + 1

    torch.manual_seed(task.seed)
    np.random.seed(task.seed)  # noqa: NPY002
    rows = np.split(task.train.indices, task.train.indptr[1:-1])
    samples = [{"patient_id": f"p{i}", "visits": [task.codes[k] for k in row]} for i, row in enumerate(rows)]
    dataset = create_sample_dataset(samples=samples, input_schema={"visits": "multi_hot"}, output_schema={})
    model = medgan.MedGAN(dataset, save_dir=str(task.folder / "medgan"))
    plain, medgan.tqdm = medgan.tqdm, counted
    model.train_model(dataset, device="cpu")
    medgan.tqdm = plain
    return model


def draw(model: Any, task: Task) -> Draws:
    """As many patients as were given, cut and by coin."""
    where = {code: k for k, code in enumerate(task.codes)}
    for name, coin in {"pyhealth medgan, cut at .5": False, "pyhealth medgan, by coin": True}.items():
        drawn = model.generate(task.train.shape[0], random_sampling=coin, device="cpu")
        codes = [[where[code] for code in patient["visits"][0]] for patient in drawn]
        indptr = np.cumsum([0, *map(len, codes)])
        indices = np.asarray([k for row in codes for k in row], dtype=np.int64)
        yield name, sparse.csr_matrix((np.ones(len(indices)), indices, indptr), shape=task.train.shape)


if __name__ == "__main__":
    say_run(("pyhealth", "torch", "numpy"), SETTINGS, fit, draw)
