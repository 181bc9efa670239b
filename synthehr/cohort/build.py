"""Events become a cohort: how often each patient has each code, and exactly one member of each exclusive group."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from synthehr.cohort.cohort import SPLITS, Cohort, draw_splits, write_cohort
from synthehr.cohort.counting import Group, count_codes, group_members, lay_columns, patients_of
from synthehr.cohort.matrix import UNKNOWN, CodeMatrix, canonical
from synthehr.cohort.public import public_vocabulary
from synthehr.cohort.rollup import Rollup
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData, BadRequest
from synthehr.events.engine import engine, literal
from synthehr.events.schema import EXCLUSIVE
from synthehr.landing import file_hash, land, read_manifest, write_text
from synthehr.progress import Progress, silent

REPORT = "cohort_report.json"
BY_PATIENT = "by patient"  # how splits are drawn: each patient's from seed and id alone


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """How events become columns.

    seed: of the splits; it and the subject_id decide a patient's split, whoever else is there. shares: the chances of
    train, validation, holdout; they sum to 1, and sizes are binomial around shares x n. min_patients: a code is a
    column if at least so many train patients have it: what others alone have cannot be learned, and the holdout never
    chooses. rollup: see `rolled_up`. exclusive: code system -> group of which each patient has exactly one member.
    vocabulary: file of a public list of codes (`public_vocabulary`), which are then the columns, whoever has
    them: min_patients does not apply.
    """

    seed: int = 0
    shares: tuple[float, float, float] = (0.65, 0.05, 0.30)
    min_patients: int = 1
    rollup: Rollup = "icd9_category"
    exclusive: Mapping[str, str] = field(default_factory=lambda: dict(EXCLUSIVE))
    vocabulary: str | None = None

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
    too rare for `min_patients`, or on no public list. nnz: codes set over all patients. splits: patients of each.
    unknown: patients of each group whose member is `unknown`, since no event says. differing: patients of each group
    whose encounters differ (age may, sex should not); the earliest that says anything was taken.
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
    # landings of before drew splits by a permutation of all patients: no budget may rest on those
    config = json.loads(json.dumps(asdict(options))) | {"splits": BY_PATIENT}
    named = config.pop("vocabulary")
    if named is not None:  # what is in the list decides, and no path leaves the house
        config["vocabulary"] = file_hash(Path(named)) if Path(named).is_file() else "absent"
    return config, {"events": file_hash(events / "manifest.json")}


def build_cohort(
    events: Path, out: Path, *, options: CohortOptions | None = None, progress: Progress = silent
) -> CohortReport:
    """Count the events of each patient and write a `cohort` landing at `out`, with `cohort_report.json`.

    A count is the number of encounters (visits) with the code; each event without a visit counts as one. In an
    exclusive group the earliest encounter that says anything decides (time, then visit; static facts first), with count
    1; a patient of whom no event says gets `SYSTEM/unknown`. Visits that ingest renumbered are in the order of their
    hashes. Same events and options give the same bytes.

    Raises:
        IncompleteLanding: no complete events landing at `events`. BadData: it holds no patient, or none for a split.
        BadRequest: `out` is something else. OSError: the disk is full.
    """
    options = options or CohortOptions()
    config, made_from = identity(events, options)
    with land(out, kind="cohort", config=config, made_from=made_from) as folder:
        with engine(folder / ".work") as connection:
            progress("cohort", 0, 3, "steps", "counting codes")
            source = f"read_parquet({literal(str(events / 'data' / '*.parquet'))})"
            ids = patients_of(connection, source, events)
            names = lay_columns(connection, source, options.rollup, options.exclusive)
            counts = count_codes(connection, names, ids)
            asked = options.exclusive.items()
            found = {group: group_members(connection, exclusive, group, ids) for exclusive, group in asked}
        shutil.rmtree(folder / ".work")
        progress("cohort", 1, 3, "steps", "laying out the matrix")
        groups = {name: group for name, group in found.items() if group is not None}
        cohort, report = _cohort(ids, (names, counts), groups, _descriptions(events), options)
        progress("cohort", 2, 3, "steps", "writing")
        write_cohort(folder, cohort)
        write_text(folder / REPORT, json.dumps(asdict(report), indent=1) + "\n")
        progress("cohort", 3, 3, "steps", "done")
    return report


def _cohort(
    ids: NDArray[np.int64],
    codes: tuple[list[str], sparse.csr_matrix],
    groups: Mapping[str, Group],
    words: Mapping[str, str],
    options: CohortOptions,
) -> tuple[Cohort, CohortReport]:
    """Put groups and codes side by side, drop the codes that are too rare, draw the splits."""
    names, counts = codes
    split = _splits(ids, options)
    having = np.bincount(counts[split == SPLITS.index("train")].indices, minlength=len(names))
    # on a public list the number of other patients with a code decides nothing
    least = options.min_patients if options.vocabulary is None else 1
    kept = np.flatnonzero(having >= least)
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
    if options.vocabulary is not None:
        matrix = matrix.onto(_described(public_vocabulary(Path(options.vocabulary), options.exclusive), words))
    vocabulary = matrix.vocabulary
    report = CohortReport(
        patients=len(ids),
        codes=len(vocabulary),
        patients_without_codes=int((np.diff(matrix.counts[:, vocabulary.free].indptr) == 0).sum()),
        codes_dropped=len(set(names) - set(vocabulary.code)),
        nnz=int(matrix.counts.nnz),
        splits={name: int((split == k).sum()) for k, name in enumerate(SPLITS)},
        unknown={name: _unknown(matrix, members) for name, members in vocabulary.groups.items()},
        differing={name: group.differing for name, group in groups.items()},
    )
    return Cohort(matrix, split), report


def _splits(ids: NDArray[np.int64], options: CohortOptions) -> NDArray[np.uint8]:
    split = draw_splits(ids, shares=options.shares, seed=options.seed)
    if empty := [name for k, name in enumerate(SPLITS) if not (split == k).any()]:
        raise BadData(
            f"Of {len(ids)} patients none fell into {' and '.join(empty)}, by seed {options.seed} and shares "
            f"{options.shares}; every split needs one. Choose another seed or other shares, or bring more patients."
        )
    return split


def _described(vocabulary: Vocabulary, words: Mapping[str, str]) -> Vocabulary:
    texts = zip(vocabulary.code, vocabulary.description, strict=True)
    return Vocabulary(vocabulary.code, tuple(text or words.get(code, "") for code, text in texts), vocabulary.group)


def _unknown(matrix: CodeMatrix, members: NDArray[np.int64]) -> int:
    """Patients whose member of a group is its `unknown`."""
    named = [j for j in members if matrix.vocabulary.code[j].endswith(UNKNOWN)]
    return int(matrix.counts[:, named].nnz)


def _descriptions(events: Path) -> dict[str, str]:
    table = pq.read_table(events / "metadata" / "codes.parquet", columns=["code", "description"])
    words = zip(table.column("code").to_pylist(), table.column("description").to_pylist(), strict=True)
    return {code: text for code, text in words if text}
