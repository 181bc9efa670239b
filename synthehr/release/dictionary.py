"""`dictionary.csv`: every code of the vocabulary, what it means, and how often the synthetic cohort has it."""

import csv
from pathlib import Path

import duckdb

COLUMNS = ("code", "description", "system", "exclusive_group", "synthetic_prevalence", "n_synthetic_patients")


def write_dictionary(database: Path, target: Path) -> None:
    """Write one line a code from `cohort.duckdb`, in vocabulary order; prevalence in [0, 1] to six places.

    Every number is the synthetic cohort's own; none is real.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(
            """
            SELECT v.code, v.description, v.system, coalesce(v.exclusive_group, ''),
                   count(c.synthetic_id) / (SELECT count(*) FROM patients), count(c.synthetic_id)
            FROM vocabulary v LEFT JOIN codes c USING (code_index)
            GROUP BY v.code_index, v.code, v.description, v.system, v.exclusive_group ORDER BY v.code_index
            """
        ).fetchall()
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([*row[:4], f"{row[4]:.6f}", row[5]] for row in rows)
