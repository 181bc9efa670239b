"""A cohort: the code matrix of all patients and the split that was drawn once; read from and written to its landing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix, read_matrix, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData
from synthehr.landing import read_manifest

SPLITS = ("train", "validation", "holdout")


@dataclass(frozen=True)
class Cohort:
    """All patients of a cohort. split: (n_patients,) uint8, position in `SPLITS`.

    Training sees train; calibration and the choice of a checkpoint see train and validation; holdout patients are seen
    by the evaluation alone.
    """

    matrix: CodeMatrix
    split: NDArray[np.uint8]

    def part(self, name: str) -> CodeMatrix:
        """The patients of one split: train, validation or holdout."""
        return self.matrix.rows(self.split == SPLITS.index(name))


def draw_splits(n_patients: int, *, shares: tuple[float, float, float], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Assign every patient to train, validation or holdout: (n_patients,) uint8, sizes within one of shares x n.

    Raises:
        ValueError: the shares do not sum to 1, or one is not positive.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(
            f"The 'shares' parameter of draw_splits must be positive and sum to 1. Got {shares!r} instead."
        )
    bounds = np.round(np.cumsum(shares) * n_patients).astype(int)
    ranked = np.searchsorted(bounds, np.arange(n_patients), side="right").astype(np.uint8)
    return ranked[rng.permutation(n_patients)]


def write_cohort(folder: Path, cohort: Cohort) -> None:
    """Write matrix.parquet, vocabulary.parquet and splits.parquet into an open landing folder."""
    write_matrix(folder / "matrix.parquet", cohort.matrix, id_name="subject_id")
    cohort.matrix.vocabulary.write(folder / "vocabulary.parquet")
    names = pa.array([SPLITS[k] for k in cohort.split], pa.string())
    table = pa.table({"subject_id": pa.array(cohort.matrix.ids), "split": names})
    pq.write_table(table, folder / "splits.parquet", compression="zstd")


def read_cohort(folder: Path) -> Cohort:
    """Read a cohort landing.

    Raises:
        IncompleteLanding: no complete cohort there. BadData: the three files do not fit each other.
    """
    read_manifest(folder, "cohort")
    vocabulary = Vocabulary.read(folder / "vocabulary.parquet")
    matrix = read_matrix([folder / "matrix.parquet"], vocabulary)
    splits = pq.read_table(folder / "splits.parquet")
    names = splits.column("split").to_pylist()
    if not np.array_equal(np.asarray(splits.column("subject_id")), matrix.ids) or not set(names) <= set(SPLITS):
        raise BadData(
            f"{folder}/splits.parquet must name a split of {SPLITS} for each row of matrix.parquet, in order."
        )
    return Cohort(matrix, np.asarray([SPLITS.index(name) for name in names], dtype=np.uint8))
