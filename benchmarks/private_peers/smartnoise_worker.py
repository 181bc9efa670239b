"""MST and AIM of SmartNoise (OpenDP) with their default settings; both fit by McKenna's `mbi`, on JAX.

Columns are labelled from the public categories, not from the patients. Both take the exact number of patients as
known, which an epsilon for one patient added or removed does not cover.

Two draws of one fit. Their own calls `synthetic_data` of mbi 1.1.0, which rounds by default: among the rows of one
value of a parent it deals the values of every child out in the same order, so that siblings which are independent given
their parent come out as dependent as can be. The other, "sampled", asks the same function for independent draws. mbi
2.0.0 has mended that, and that a column was not drawn given all its neighbours, which AIM's models need in both draws
(ryan112358/mbi, pull request 145); smartnoise-synth 1.0.8 asks for mbi below 2.
"""

import os
from functools import partialmethod
from typing import Any

os.environ["JAX_TRACEBACK_FILTERING"] = "off"  # else the last line of an error is none of its own
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

from coded import decoded, domain, encoded, stop_in_time
from mbi import MarkovRandomField
from snsynth.aim import AIMSynthesizer
from snsynth.base import Synthesizer
from snsynth.mst import MSTSynthesizer
from snsynth.transform import LabelTransformer
from snsynth.transform.table import TableTransformer
from snsynth.utils import cdp_rho
from worker import Draws, Task, say_run

MODELS = {"aim": AIMSynthesizer, "mst": MSTSynthesizer}
SETTINGS: dict[str, Any] = {
    "adjacency": "one row added or removed",
    "accounting": "zero-concentrated: rho from epsilon and delta",
    "domain": "given",
    "exact_count_used": True,
    "all_else": "default",
}


def labels(task: Task) -> TableTransformer:
    """Transformers that know the categories already, so that fitting does not read them from patients."""
    known = []
    for kept in domain(task).values():
        known.append(LabelTransformer(nullable=False))
        known[-1].fit(list(range(len(kept))))
    return TableTransformer(known)


def fit(task: Task) -> Synthesizer:
    """The model that the task names, under its budget."""
    stop_in_time(task)
    epsilon, delta = float(task.options["epsilon"]), task.options["delta"]
    SETTINGS.update(epsilon_claimed=epsilon, delta=delta, rho=cdp_rho(epsilon, delta))
    model = MODELS[task.options["model"]](epsilon=epsilon, delta=delta)
    model.fit(encoded(task), transformer=labels(task))
    return model


def draw(model: Synthesizer, task: Task) -> Draws:
    """As many patients as were given, as the package draws them and independently."""
    n = task.train.shape[0]
    yield "drawn", decoded(model.sample(n), task)
    MarkovRandomField.synthetic_data = partialmethod(MarkovRandomField.synthetic_data, method="sample")
    yield "sampled", decoded(model.sample(n), task)


if __name__ == "__main__":
    say_run(("smartnoise-synth", "mbi", "jax", "numpy", "pandas"), SETTINGS, fit, draw)
