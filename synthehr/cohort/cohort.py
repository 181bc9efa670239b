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
GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: the step of SplitMix64


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


def draw_splits(ids: NDArray[np.int64], *, shares: tuple[float, float, float], seed: int) -> NDArray[np.uint8]:
    """Assign every patient to train, validation or holdout: (n_patients,) uint8, position in `SPLITS`.

    ids: (n_patients,) int64, in any order. The split of a patient is a function of (seed, id) alone: whoever is added
    or removed changes the split of nobody else, and the order of ids does not matter. So sizes are not fixed: each is
    binomial around its share x n, and may be 0 where n is small. seed: any integer, taken modulo 2**64.

    Raises:
        ValueError: the shares do not sum to 1, or one is not positive.
    """
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise ValueError(
            f"The 'shares' parameter of draw_splits must be positive and sum to 1. Got {shares!r} instead."
        )
    # without the last bound, which rounding may leave below the largest number drawn
    return np.searchsorted(np.cumsum(shares)[:-1], _uniform(ids, seed), side="right").astype(np.uint8)


def _uniform(ids: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """(n,) float64 in [0, 1): the id-th number of the stream that SplitMix64 gives from the scrambled seed."""
    # scrambled, since a stream from seed + GAMMA would be that of seed, moved on by one patient
    start = splitmix64(np.array([seed % 2**64], dtype=np.uint64) + GAMMA)
    drawn = splitmix64(start + np.asarray(ids, dtype=np.int64).astype(np.uint64) * GAMMA)
    return (drawn >> np.uint64(11)).astype(np.float64) * np.float64(2.0**-53)


def splitmix64(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble each (n,) uint64: the finaliser of SplitMix64, one to one, the same on every machine.

    Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", doi 10.1145/2714064.2660195, with the
    multipliers of its Java 8 form (Stafford's variant 13). The k-th number from a seed is that of seed + k x `GAMMA`.
    """
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


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
