"""AIM, MST and PrivBayes of dpmm (Mahiou et al. 2025) with their default settings, on columns of integers.

Its preprocessing is switched off: it would drop a column of one value, a look at patients that is not accounted for,
and with integers over a given domain nothing is left for it to do. AIM gets the 80 MB of its own class and of its
paper, where the pipeline's default is no limit at all. One process, since it pickles the data for every pair otherwise.
"""

from typing import Any

from coded import decoded, domain, encoded, stop_in_time
from dpmm.models.base.mechanisms import cdp_rho
from dpmm.pipelines import PIPELINE_DICT
from dpmm.pipelines.base import MMPipeline
from worker import Draws, Task, say_run

AIM_MEGABYTES = 80
SETTINGS: dict[str, Any] = {
    "adjacency": "one row added or removed",
    "accounting": "zero-concentrated: rho from epsilon and delta",
    "domain": "given",
    "exact_count_used": False,
    "all_else": "default",
}
PRIV_BAYES = {
    "accounting": "epsilon / 2 for choosing pairs, purely; the other half zero-concentrated, for counts",
    "adjacency": "for counts one row added or removed; for choosing pairs one row replaced",
    "exact_count_used": True,  # the sensitivity of its scores is computed from it
}


def fit(task: Task) -> MMPipeline:
    """The model that the task names, under its budget."""
    stop_in_time(task)
    name, epsilon, delta = (task.options[key] for key in ("model", "epsilon", "delta"))
    limit = {"max_model_size": AIM_MEGABYTES} if name == "aim" else {}
    SETTINGS.update(limit, epsilon_claimed=epsilon, delta=delta, rho=cdp_rho(epsilon, delta))
    if name == "priv-bayes":
        SETTINGS.update(PRIV_BAYES, rho=cdp_rho(epsilon / 2, delta))
    model = PIPELINE_DICT[name](epsilon=epsilon, delta=delta, n_jobs=1, disable_processing=True, **limit)
    model.fit(encoded(task), domain={key: len(kept) for key, kept in domain(task).items()}, random_state=task.seed)
    SETTINGS["marginals"] = len(model.gen.generator.cliques)
    return model


def draw(model: MMPipeline, task: Task) -> Draws:
    """As many patients as were given."""
    yield "drawn", decoded(model.generate(n_records=task.train.shape[0], random_state=task.seed + 1), task)


if __name__ == "__main__":
    say_run(("dpmm", "opendp", "numpy", "pandas"), SETTINGS, fit, draw)
