"""A synthetic cohort of six patients in two shards, its evaluation, and a decision that releases it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from privacy.ledger import Ledger
from privacy.policy import Decision, decide
from privacy.policy_file import Gate, Policy
from privacy.risk import FILE_ONLY, Risk
from synthehr.cohort.matrix import CodeMatrix, canonical, write_matrix
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.evaluation import CODE_COLUMNS, COMPARATOR_COLUMNS, ROC_COLUMNS, Evaluation
from synthehr.fidelity.score import Score
from synthehr.landing import land, source_hash
from synthehr.progress import Progress, silent
from synthehr.release.bundle import Request, write_bundle
from synthehr.release.database import write_database
from synthehr.release.parquet import write_events

VOCABULARY = Vocabulary(
    code=("ICD9CM/250", "ICD9CM/401", "DRUG/insulin", "SEX/female", "SEX/male", "AGE/70-80", "AGE/[80-90)"),
    description=("Diabetes mellitus", 'Essential "hypertension", benign', "It's insulin", "", "", "", ""),
    group=(None, None, None, "sex", "sex", "age", "age"),
)
# columns as above; the last patient has demographics alone
COUNTS = [
    [1, 0, 2, 1, 0, 1, 0],
    [3, 1, 0, 0, 1, 1, 0],
    [0, 0, 1, 1, 0, 0, 1],
    [1, 1, 1, 1, 0, 0, 1],
    [0, 4, 0, 0, 1, 1, 0],
    [0, 0, 0, 0, 1, 0, 1],
]
IDS = [-1, -2, -3, -4, -5, -6]
MARK = "REAL-PATIENT-MARK"  # stands for whatever must not get out
REAL_ID = 71_518_424_242_424

POLICY = Policy(
    name="trial",
    purpose="A trial.",
    inconclusive="refuse",
    gates=(Gate(attack="membership", metric="auc", threshold=0.55, provenance="house default", why="Because."),),
)


def write_synthetic(
    path: Path, counts: list[list[int]] | None = None, ids: list[int] | None = None, vocabulary: Vocabulary = VOCABULARY
) -> Path:
    rows, names = counts or COUNTS, ids or IDS
    matrix = CodeMatrix(canonical(sparse.csr_matrix(np.array(rows))), np.array(names, dtype=np.int64), vocabulary)
    config = {"model": "medgan", "patients": len(rows), "seed": 1, "comment": MARK}
    with land(path, kind="synthetic", config=config, made_from={"cohort": "c" * 64, MARK: "d" * 64}) as folder:
        (folder / "data").mkdir()
        vocabulary.write(folder / "vocabulary.parquet")
        Ledger().write(folder / "ledger.json")
        for shard, start in enumerate(range(0, len(rows), 4)):
            part = matrix.rows(np.arange(start, min(start + 4, len(rows))))
            target = folder / "data" / f"synthetic-{shard:05d}.parquet"
            write_matrix(target, part, id_name="synthetic_id", metadata={"synthetic": "true", "note": MARK})
    return path


def evaluation(auc: float = 0.5) -> Evaluation:
    codes = pd.DataFrame({column: [0.123456789] * 7 for column in CODE_COLUMNS})
    codes["code"], codes["description"] = VOCABULARY.code, MARK
    codes["prevalence_real"] = REAL_ID / 1e15
    roc = pd.DataFrame(
        [["membership", "synthetic", 0.0, 0.0], ["membership", "synthetic", 1.0, 1.0]], columns=ROC_COLUMNS
    )
    return Evaluation(
        scores=(
            Score(
                name="dwp_spearman",
                value=0.98123456,
                low=0.97,
                high=0.99,
                floor=0.99,
                ceiling=0.99,
                n=7,
                unit="codes",
                better="higher",
            ),
        ),
        risks=(
            Risk(
                attack="membership",
                knowledge=FILE_ONLY,
                metric="auc",
                value=auc,
                low=auc - 0.01,
                high=auc + 0.01,
                control=0.5,
                n=4_000,
            ),
        ),
        codes=codes,
        roc=roc,
        comparators=pd.DataFrame([["copula", "dwp_spearman", "all", 0.98]], columns=COMPARATOR_COLUMNS),
    )


PAGES = {
    "public": {"report.html": b"<!DOCTYPE html><title>Report</title>", "datasheet.md": b"# Datasheet"},
    "steward": {"report.html": b"<!DOCTYPE html><title>Steward's report</title>"},
}


@dataclass(frozen=True)
class Release:
    """What `write_bundle` takes; `write` calls it, with other values in the place of the given ones."""

    folder: Path
    request: Request

    @property
    def synthetic(self) -> Path:
        return self.request.synthetic

    @property
    def evaluation(self) -> Path:
        return self.request.evaluation

    @property
    def decision(self) -> Decision:
        return self.request.decision

    def write(self, out: Path | None = None, *, progress: Progress = silent, **other: object) -> Path:
        out = out or self.folder / "bundle"
        write_bundle(out, replace(self.request, **other), progress=progress)
        return out


def prepare(folder: Path, *, auc: float = 0.5, override: str | None = None, **cohort: object) -> Release:
    synthetic = write_synthetic(folder / "synthetic", **cohort)
    made_from = {"cohort": "c" * 64, "synthetic": source_hash(synthetic)}
    found = evaluation(auc)
    with land(folder / "evaluation", kind="evaluation", config={}, made_from=made_from) as landing:
        found.write(landing)
    ledger = Ledger()
    ledger.look("vocabulary")
    decision = decide(found.risks, ledger, POLICY, override=override)
    request = Request(
        synthetic=synthetic,
        evaluation=folder / "evaluation",
        decision=decision,
        policy=POLICY,
        ledger=ledger,
        name="trial-cohort",
        source="A made-up hospital",
        decided="2026-03-01",
        expires="2028-03-01",
        n_test=1_000,
        pages=PAGES,
    )
    return Release(folder, request)


@pytest.fixture
def make_release(tmp_path: Path) -> Callable[..., Release]:
    return lambda **how: prepare(tmp_path, **how)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One bundle for all tests that only read; its path has characters that SQL and globs know."""
    return prepare(tmp_path_factory.mktemp("o'brien [x]")).write()


@pytest.fixture(scope="session")
def public(bundle: Path) -> Path:
    """Its half for researchers."""
    return bundle / "public"


@pytest.fixture
def vocabulary() -> Vocabulary:
    return VOCABULARY


@pytest.fixture
def mark() -> tuple[str, int]:
    return MARK, REAL_ID


@pytest.fixture(scope="session")
def build_cohort(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write `cohort.duckdb`, what it is made from and its events, without a bundle around them; the folder of all."""

    def build(
        counts: list[list[int]] | None = None, ids: list[int] | None = None, vocabulary: Vocabulary = VOCABULARY
    ) -> Path:
        folder = tmp_path_factory.mktemp("o'brien [y]")
        synthetic = write_synthetic(folder / "synthetic", counts, ids, vocabulary)
        shards = sorted((synthetic / "data").glob("*.parquet"))
        (folder / "events" / "data").mkdir(parents=True)
        for shard in shards:
            write_events(shard, folder / "events" / "data" / shard.name, vocabulary, {"synthetic": "true"})
        write_database(
            folder / "cohort.duckdb",
            shards=shards,
            vocabulary=synthetic / "vocabulary.parquet",
            about={"synthetic": "true"},
            scratch=folder,
        )
        return folder

    return build


@pytest.fixture(scope="session")
def database(build_cohort: Callable[..., Path]) -> Path:
    """The database of the six patients, for tests that only read."""
    return build_cohort() / "cohort.duckdb"
