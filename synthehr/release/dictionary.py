"""`dictionary.csv`: every code of the vocabulary, what it means, and how often the synthetic cohort has it."""

import csv
from pathlib import Path

import duckdb

COLUMNS = (
    *("code", "description", "system", "exclusive_group", "synthetic_prevalence", "n_synthetic_patients"),
    "synthetic_mean_count",
)


def write_dictionary(database: Path, target: Path) -> None:
    """Write one line a code from `cohort.duckdb`, in vocabulary order; prevalence in [0, 1] to six places.

    The mean count is of those who have the code, to three places, empty where nobody has it. Every number is the
    synthetic cohort's own; none is real.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            "SELECT code, description, system, coalesce(exclusive_group, ''), prevalence, n_patients, mean_count "
            "FROM code_counts"
        ).fetchall()
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*row[:4], f"{row[4]:.6f}", row[5], "" if row[6] is None else f"{row[6]:.3f}"] for row in rows)
