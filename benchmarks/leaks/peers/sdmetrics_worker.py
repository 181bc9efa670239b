"""SDMetrics on one release: its two metrics of the distance to the closest record, with their default settings.

    python sdmetrics_worker.py TABLES.npz --seed 0 --memory-gb 16

Both scores lie in [0, 1] and 1 is best. Overfitting protection counts synthetic records that are strictly nearer to the
training data than to the holdout; baseline protection divides the median distance by that of uniformly random records.
"""

from sdmetrics.single_table import DCRBaselineProtection, DCROverfittingProtection
from worker import Figures, Tables, asked_tables, say_parts

Metadata = dict[str, dict[str, dict[str, str]]]


def overfitting(tables: Tables, metadata: Metadata) -> Figures:
    """Score, and share of the synthetic records that are nearer to the training data."""
    told = DCROverfittingProtection.compute_breakdown(
        real_training_data=tables.train.astype(bool),
        synthetic_data=tables.synthetic.astype(bool),
        real_validation_data=tables.holdout.astype(bool),
        metadata=metadata,
        table_name=None,
    )
    return {"score": told["score"], "closer_to_training": told["synthetic_data_percentages"]["closer_to_training"]}


def baseline(tables: Tables, metadata: Metadata) -> Figures:
    """Score, and the two median distances it is the ratio of."""
    # the only handle on its random records: it draws them from a generator of its own
    DCRBaselineProtection._seed = tables.seed
    told = DCRBaselineProtection.compute_breakdown(
        real_data=tables.train.astype(bool),
        synthetic_data=tables.synthetic.astype(bool),
        metadata=metadata,
        table_name=None,
    )
    medians = told["median_DCR_to_real_data"]
    return {
        "score": told["score"],
        "median_synthetic": medians["synthetic_data"],
        "median_random": medians["random_data_baseline"],
    }


def main() -> None:
    """Ask both metrics."""
    tables = asked_tables()
    metadata = {"columns": {name: {"sdtype": "boolean"} for name in tables.train}}
    parts = {
        "DCROverfittingProtection": lambda: overfitting(tables, metadata),
        "DCRBaselineProtection": lambda: baseline(tables, metadata),
    }
    say_parts(("sdmetrics", "numpy", "pandas"), tables, parts)


if __name__ == "__main__":
    main()
