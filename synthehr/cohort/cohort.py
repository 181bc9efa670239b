"""A cohort: the code matrix of all patients and the split that was drawn once; read from and written to its landing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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
    """All rows of a cohort, each a patient or, where `patients` is given, an encounter.

    split: (n_rows,) uint8, position in `SPLITS`; all encounters of a patient are in one. patients, visits: (n_rows,)
    int64, of whom and of which encounter each row is; the ids of the matrix are then running numbers.

    Training sees train; calibration and the choice of a checkpoint see train and validation; holdout patients are seen
    by the evaluation alone.
    """

    matrix: CodeMatrix
    split: NDArray[np.uint8]
    patients: NDArray[np.int64] | None = None
    visits: NDArray[np.int64] | None = None

    @property
    def subjects(self) -> NDArray[np.int64]:
        """(n_rows,) the patient of each row: the same one several times where rows are encounters."""
        return self.matrix.ids if self.patients is None else self.patients

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
    """Write matrix.parquet, vocabulary.parquet and splits.parquet into an open landing folder.

    Rows that are encounters are numbered in `row_id`, and splits.parquet has their subject_id and visit_id beside it.
    """
    id_name = "subject_id" if cohort.patients is None else "row_id"
    write_matrix(folder / "matrix.parquet", cohort.matrix, id_name=id_name)
    cohort.matrix.vocabulary.write(folder / "vocabulary.parquet")
    columns = {id_name: pa.array(cohort.matrix.ids)}
    if cohort.patients is not None:
        columns |= {"subject_id": pa.array(cohort.patients), "visit_id": pa.array(cohort.visits)}
    names = pa.DictionaryArray.from_arrays(pa.array(cohort.split, pa.int8()), pa.array(SPLITS, pa.string()))
    table = pa.table(columns | {"split": names.cast(pa.string())})
    pq.write_table(table, folder / "splits.parquet", compression="zstd", use_dictionary=["split"])


def read_cohort(folder: Path) -> Cohort:
    """Read a cohort landing.

    Raises:
        IncompleteLanding: no complete cohort there. BadData: the three files do not fit each other.
    """
    read_manifest(folder, "cohort")
    vocabulary = Vocabulary.read(folder / "vocabulary.parquet")
    matrix = read_matrix([folder / "matrix.parquet"], vocabulary)
    splits = pq.read_table(folder / "splits.parquet")
    ids = np.asarray(splits.column("row_id" if "row_id" in splits.schema.names else "subject_id"))
    split = pc.index_in(splits.column("split"), pa.array(SPLITS, pa.string()))
    if not np.array_equal(ids, matrix.ids) or split.null_count:
        raise BadData(
            f"{folder}/splits.parquet must name a split of {SPLITS} for each row of matrix.parquet, in order."
        )
    place = np.asarray(split, dtype=np.uint8)
    if "row_id" not in splits.schema.names:
        return Cohort(matrix, place)
    return Cohort(matrix, place, *(np.asarray(splits.column(name)) for name in ("subject_id", "visit_id")))
