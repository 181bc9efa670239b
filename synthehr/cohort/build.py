"""Events become a cohort: how often each patient has each code, and exactly one member of each exclusive group."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.cohort import SPLITS, Cohort, draw_splits, write_cohort
from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.rollup import Rollup, rolled_up
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData, BadRequest
from synthehr.events.engine import engine, literal
from synthehr.events.schema import EXCLUSIVE, system
from synthehr.landing import file_hash, land, read_manifest, write_text
from synthehr.progress import Progress, silent

REPORT = "cohort_report.json"
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """How events become columns.

    seed: of the splits. shares: train, validation, holdout; they sum to 1. min_patients: a code is a column if at
    least so many train patients have it: what others alone have cannot be learned, and the holdout never chooses.
    rollup: see `rolled_up`. exclusive: code system -> group of which each patient has exactly one member.
    """

    seed: int = 0
    shares: tuple[float, float, float] = (0.65, 0.05, 0.30)
    min_patients: int = 1
    rollup: Rollup = "icd9_category"
    exclusive: Mapping[str, str] = field(default_factory=lambda: dict(EXCLUSIVE))

    def __post_init__(self) -> None:
        if self.min_patients < 1:
            raise BadRequest(f"min_patients of CohortOptions must be at least 1. Got {self.min_patients} instead.")
        if len(self.shares) != len(SPLITS) or min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-9:
            raise BadRequest(
                f"shares of CohortOptions must be {SPLITS}, positive, of sum 1. Got {self.shares} instead."
            )


@dataclass(frozen=True, kw_only=True)
class CohortReport:
    """One cohort, in counts.

    patients, codes: rows and columns. patients_without_codes: with members of exclusive groups alone. codes_dropped:
    too rare for `min_patients`. nnz: codes set over all patients. splits: patients of each. unknown: patients of each
    group whose member is `unknown`, since no event says. differing: patients of each group whose encounters differ (age
    may, sex should not); the earliest that says anything was taken.
    """

    patients: int
    codes: int
    patients_without_codes: int
    codes_dropped: int
    nnz: int
    splits: Mapping[str, int]
    unknown: Mapping[str, int]
    differing: Mapping[str, int]

    @staticmethod
    def read(folder: Path) -> "CohortReport":
        """Read `cohort_report.json` of a cohort landing."""
        return CohortReport(**json.loads((folder / REPORT).read_text(encoding="utf-8")))


def identity(events: Path, options: CohortOptions) -> tuple[dict[str, Any], dict[str, str]]:
    """The `config` and `made_from` that `build_cohort` would write into its manifest, for `landing.is_current`.

    Raises:
        IncompleteLanding: no complete events landing there.
    """
    read_manifest(events, "events")
    config = json.loads(json.dumps(asdict(options)))
    return config, {"events": file_hash(events / "manifest.json")}


def build_cohort(
    events: Path, out: Path, *, options: CohortOptions | None = None, progress: Progress = silent
) -> CohortReport:
    """Count the events of each patient and write a `cohort` landing at `out`, with `cohort_report.json`.

    A count is the number of encounters (visits) with the code; each event without a visit counts as one. In an
    exclusive group the earliest encounter that says anything decides (time, then visit; static facts first), with count
    1; a patient of whom no event says gets `SYSTEM/unknown`. Same events and options give the same bytes.

    Raises:
        IncompleteLanding: no complete events landing at `events`. BadData: it holds no patient.
        BadRequest: `out` is something else. OSError: the disk is full.
    """
    options = options or CohortOptions()
    config, made_from = identity(events, options)
    with land(out, kind="cohort", config=config, made_from=made_from) as folder:
        with engine(folder / ".work") as connection:
            progress("cohort", 0, 3, "steps", "counting codes")
            source = f"read_parquet({literal(str(events / 'data' / '*.parquet'))})"
            ids = _patients(connection, source, events)
            names = _columns(connection, source, options)
            counts = _count(connection, names, ids)
            found = {group: _group(connection, exclusive, group, ids) for exclusive, group in options.exclusive.items()}
        shutil.rmtree(folder / ".work")
        progress("cohort", 1, 3, "steps", "laying out the matrix")
        groups = {name: group for name, group in found.items() if group is not None}
        cohort, report = _cohort(ids, (names, counts), groups, _descriptions(events), options)
        progress("cohort", 2, 3, "steps", "writing")
        write_cohort(folder, cohort)
        write_text(folder / REPORT, json.dumps(asdict(report), indent=1) + "\n")
        progress("cohort", 3, 3, "steps", "done")
    return report


def _patients(connection: duckdb.DuckDBPyConnection, source: str, events: Path) -> NDArray[np.int64]:
    found = connection.execute(f"SELECT DISTINCT subject_id FROM {source} ORDER BY subject_id").fetchnumpy()
    if not len(found["subject_id"]):
        raise BadData(f"{events} holds no event: there is no cohort to build.")
    return np.asarray(found["subject_id"], dtype=np.int64)


def _columns(connection: duckdb.DuckDBPyConnection, source: str, options: CohortOptions) -> list[str]:
    """Leave the view `coded` (events with the column that they count in); give the columns in no group, sorted."""
    codes = sorted(code for (code,) in connection.execute(f"SELECT DISTINCT code FROM {source}").fetchall())
    columns = [rolled_up(code, options.rollup) for code in codes]
    names = sorted(name for name in set(columns) if system(name) not in options.exclusive)
    position = {name: k for k, name in enumerate(names)}
    table = {
        "code": pa.array(codes, pa.string()),
        "name": pa.array(columns, pa.string()),
        "position": pa.array([position.get(name) for name in columns], pa.int32()),
        "exclusive": pa.array([options.exclusive.get(system(name)) for name in columns], pa.string()),
    }
    connection.register("columns", pa.table(table))
    connection.execute(f"CREATE TEMP VIEW coded AS SELECT * FROM {source} JOIN columns USING (code)")
    return names


def _count(connection: duckdb.DuckDBPyConnection, names: list[str], ids: NDArray[np.int64]) -> sparse.csr_matrix:
    """CSR (n_patients, n_names): encounters with each code that is in no group."""
    found = connection.execute(
        """SELECT subject_id, position, CAST(sum(n) AS BIGINT) AS n FROM (
          SELECT subject_id, position, CASE WHEN visit_id IS NULL THEN count(*) ELSE 1 END AS n
          FROM coded WHERE position IS NOT NULL GROUP BY subject_id, position, visit_id
        ) GROUP BY subject_id, position"""
    ).fetchnumpy()
    rows = np.searchsorted(ids, np.asarray(found["subject_id"]))
    triplets = (np.asarray(found["n"]), (rows, np.asarray(found["position"])))
    return canonical(sparse.coo_matrix(triplets, shape=(len(ids), len(names))))


@dataclass(frozen=True)
class _Group:
    """An exclusive group. names: its members, sorted; member: (n_patients,) position in names; differing: patients."""

    names: list[str]
    member: NDArray[np.int64]
    unknown: int
    differing: int


def _group(connection: duckdb.DuckDBPyConnection, exclusive: str, group: str, ids: NDArray[np.int64]) -> _Group | None:
    """The member of one group that each patient has, or None where no event is of its system."""
    found = connection.execute(
        """SELECT subject_id, min(name) <> max(name) AS differs, arg_min(
          name, ROW(ends_with(name, ?), time IS NOT NULL, time, visit_id IS NOT NULL, visit_id, name)) AS name
        FROM coded WHERE exclusive = ? GROUP BY subject_id""",
        [f"/{UNKNOWN}", group],
    ).fetchnumpy()
    if not len(found["name"]):
        return None
    said = np.asarray(found["name"], dtype=str)
    nobody = f"{exclusive}/{UNKNOWN}"
    names = sorted({*said.tolist(), *([nobody] if len(said) < len(ids) else [])})
    member = np.full(len(ids), names.index(nobody) if nobody in names else -1, dtype=np.int64)
    member[np.searchsorted(ids, np.asarray(found["subject_id"]))] = np.searchsorted(names, said)
    unknown = int((member == names.index(nobody)).sum()) if nobody in names else 0
    return _Group(names, member, unknown, int(np.asarray(found["differs"]).sum()))


def _cohort(
    ids: NDArray[np.int64],
    codes: tuple[list[str], sparse.csr_matrix],
    groups: Mapping[str, _Group],
    words: Mapping[str, str],
    options: CohortOptions,
) -> tuple[Cohort, CohortReport]:
    """Put groups and codes side by side, drop the codes that are too rare, draw the splits."""
    names, counts = codes
    split = draw_splits(len(ids), shares=options.shares, rng=np.random.default_rng(options.seed))
    having = np.bincount(counts[split == SPLITS.index("train")].indices, minlength=len(names))
    kept = np.flatnonzero(having >= options.min_patients)
    ones = np.ones(len(ids), dtype=np.uint16)
    blocks = [
        sparse.csr_matrix((ones, (np.arange(len(ids)), group.member)), shape=(len(ids), len(group.names)))
        for group in groups.values()
    ]
    clinical = counts[:, kept]
    columns = [*(name for group in groups.values() for name in group.names), *(names[k] for k in kept)]
    vocabulary = Vocabulary(
        code=tuple(columns),
        description=tuple(words.get(name, "") for name in columns),
        group=(*(name for name, group in groups.items() for _ in group.names), *(None for _ in kept)),
    )
    matrix = CodeMatrix(canonical(sparse.hstack([*blocks, clinical], format="csr")), ids, vocabulary)
    report = CohortReport(
        patients=len(ids),
        codes=len(columns),
        patients_without_codes=int((np.diff(clinical.indptr) == 0).sum()),
        codes_dropped=len(names) - len(kept),
        nnz=int(matrix.counts.nnz),
        splits={name: int((split == k).sum()) for k, name in enumerate(SPLITS)},
        unknown={name: group.unknown for name, group in groups.items()},
        differing={name: group.differing for name, group in groups.items()},
    )
    return Cohort(matrix, split), report


def _descriptions(events: Path) -> dict[str, str]:
    table = pq.read_table(events / "metadata" / "codes.parquet", columns=["code", "description"])
    words = zip(table.column("code").to_pylist(), table.column("description").to_pylist(), strict=True)
    return {code: text for code, text in words if text}
