"""A cohort written in its source's own schema, and what an ingest of that finds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import read_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.ingest import ingest_events
from synthehr.events.schema import EXCLUSIVE, system
from synthehr.release.source.cdm import RECORDS
from synthehr.release.source.choose import write_source
from tests.synthehr.events.mappings.counted import events_of

Patient = Mapping[str, int]
Tally = dict[str, tuple[int, int]]  # code -> patients with it, and how often they have it together
STAMP = {"synthetic": "true", "synthehr_version": "1.2.3"}


@dataclass(frozen=True)
class Returned:
    """matrix: what was given; folder: what was written under the name `schema`; events: of the source."""

    matrix: CodeMatrix
    folder: Path
    schema: str | None
    events: Path

    def table(self, name: str) -> pd.DataFrame:
        """A table of what was written."""
        path = self.folder / str(self.schema) / name
        if self.schema == "omop":
            return pd.read_parquet(f"{path}.parquet", dtype_backend="pyarrow")
        return pd.read_csv(f"{path}.csv", dtype=str, keep_default_na=False)

    def per_patient(self) -> Counter[tuple[int, str]]:
        """How often each patient has each code; what is not known is not said."""
        found = self.matrix.counts.tocoo()
        cells = zip(found.row, found.col, found.data, strict=True)
        code = self.matrix.vocabulary.code
        return Counter(
            {(int(self.matrix.ids[i]), code[j]): int(n) for i, j, n in cells if not code[j].endswith("/unknown")}
        )


def go_back(
    folder: Path,
    events: Path,
    patients: Sequence[Patient],
    *,
    words: Mapping[str, str] | None = None,
    per_shard: int = 2,
) -> Returned:
    """Write patients, each as code -> count, in shards of so many, in the schema of the source of `events`."""
    codes = sorted({code for patient in patients for code in patient})
    words = words or {}
    vocabulary = Vocabulary(
        tuple(codes), tuple(words.get(code, "") for code in codes), tuple(EXCLUSIVE.get(system(c)) for c in codes)
    )
    rows = np.array([[patient.get(code, 0) for code in codes] for patient in patients])
    return _written(folder, events, sparse.csr_matrix(rows), vocabulary, per_shard)


def of_cohort(folder: Path, source: Path) -> Returned:
    """Ingest a source, build its cohort, and write that as if it were synthetic."""
    ingest_events(source, folder / "events")
    build_cohort(folder / "events", folder / "cohort")
    matrix = read_cohort(folder / "cohort").matrix
    return _written(folder / "back", folder / "events", matrix.counts, matrix.vocabulary, 1 + len(matrix) // 2)


def _written(folder: Path, events: Path, counts: sparse.csr_matrix, vocabulary: Vocabulary, per_shard: int) -> Returned:
    folder.mkdir(parents=True)
    ids: NDArray[np.int64] = -np.arange(1, counts.shape[0] + 1, dtype=np.int64)
    matrix = CodeMatrix(canonical(counts), ids, vocabulary)
    shards = []
    for k, start in enumerate(range(0, len(ids), per_shard)):
        shards.append(folder / f"{k:05d}.parquet")
        part = matrix.rows(np.arange(start, min(start + per_shard, len(ids))))
        write_matrix(shards[-1], part, id_name="synthetic_id")
    vocabulary.write(folder / "vocabulary.parquet")
    schema = write_source(
        folder / "source", events=events, shards=shards, vocabulary=folder / "vocabulary.parquet", stamp=STAMP
    )
    return Returned(matrix, folder / "source", schema, events)


def unsigned(folder: Path, out: Path) -> Path:
    """A copy of Parquet files with positive ids: an ingest takes no negative ones, since those are synthetic."""
    with duckdb.connect() as connection:
        for path in folder.rglob("*.parquet"):
            target = out / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()}
            own = columns & {"person_id", "subject_id", "visit_occurrence_id", *(f"{name}_id" for name in RECORDS)}
            numbers = ", ".join(f"abs({name}) AS {name}" for name in sorted(own))
            replaced = f"REPLACE ({numbers})" if numbers else ""
            connection.execute(f"COPY (SELECT * {replaced} FROM '{path}') TO '{target}'")
    return out


def found_again(source: Path, out: Path, mapping: str) -> pd.DataFrame:
    """The events of what was written."""
    ingest_events(source, out, mapping=mapping)
    return events_of(out)


def encounters(events: pd.DataFrame) -> Counter[tuple[int, str]]:
    """In how many encounters each patient has each code; of a person's sex, age and race: once."""
    rows = events.drop_duplicates(["subject_id", "visit_id", "code"])
    counted = Counter(zip(rows["subject_id"].astype(int), rows["code"], strict=True))
    return Counter({key: 1 if system(key[1]) in EXCLUSIVE else n for key, n in counted.items()})


def tally(counts: Mapping[tuple[int, str], int]) -> Tally:
    """Patients with each code, and how often they have it together."""
    found: Tally = {}
    for (_, code), n in counts.items():
        patients, total = found.get(code, (0, 0))
        found[code] = (patients + 1, total + n)
    return found
