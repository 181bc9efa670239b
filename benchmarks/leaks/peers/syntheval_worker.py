"""SynthEval on one release: the privacy metrics that fit tables of 0 and 1, every code a category, default settings.

    python syntheval_worker.py TABLES.npz --seed 0 --memory-gb 16

The distance is Gower's, the default, which on such tables is Hamming's. Its attribute disclosure (`att_discl`) is left
out: it pools training and holdout records in one accuracy, so that it cannot tell members from non-members.
"""

import contextlib
import io

from syntheval import SynthEval
from worker import Figures, Tables, asked_tables, say_parts

# cheapest first: what is stopped at the time limit has then said most
METRICS = {
    "mia": "membership by a classifier of synthetic against holdout records; precision and recall on balanced targets",
    "dcr": "median distance to the closest record over that among the real",
    "nndr": "distance to the nearest over that to the second nearest; priv_loss is holdout less training",
    "eps_risk": "share of real records nearer to a synthetic than to another real; priv_loss is training less holdout",
    "nnaa": "adversarial accuracy of nearest neighbours, .5 meant to be best; priv_loss is holdout less training",
    "hit_rate": "share of real records that occur verbatim in the release",
}


def told_by(judge: SynthEval, tables: Tables, metric: str) -> Figures:
    """The raw figures of one metric.

    Raises:
        RuntimeError: the metric failed; SynthEval prints why and goes on.
    """
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        judge.evaluate(tables.synthetic, **{metric: {}})
    if metric not in judge._raw_results:
        raise RuntimeError(printed.getvalue().strip() or f"{metric}: no result and no reason")
    return judge._raw_results[metric]


def main() -> None:
    """Ask one metric after another."""
    tables = asked_tables()
    judge = SynthEval(
        tables.train,
        holdout_dataframe=tables.holdout,
        cat_cols=list(tables.train),
        verbose=False,
        enable_plots=False,
        console="off",
        show_warnings=False,
    )
    parts = {metric: lambda metric=metric: told_by(judge, tables, metric) for metric in METRICS}
    say_parts(("syntheval", "numpy", "pandas", "scikit-learn"), tables, parts)


if __name__ == "__main__":
    main()
