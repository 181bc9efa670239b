"""The half of a bundle that may be passed on: the cohort in every form, the rounded figures, the guides."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.evaluation import Evaluation
from synthehr.landing import write_text
from synthehr.progress import Progress
from synthehr.release.croissant import describe
from synthehr.release.database import write_database
from synthehr.release.dictionary import write_dictionary
from synthehr.release.parquet import copy_matrix, copy_vocabulary, write_events, write_events_metadata
from synthehr.release.public import public_decision, public_risks, public_scores, to_json
from synthehr.release.queries import write_queries
from synthehr.release.researcher import write_readme
from synthehr.release.responsible import responsible
from synthehr.release.source.choose import write_source
from synthehr.release.stamp import stamp

if TYPE_CHECKING:
    from synthehr.release.bundle import Request


def write_public_half(half: Path, request: "Request", found: Evaluation, progress: Progress) -> None:
    """Write the data first, then what describes it: guides hold the hashes and codes of what stands there."""
    about, marks = request.about(), stamp(request.synthetic)
    shards = _write_data(half, request, marks, progress)
    progress("bundle", len(shards), len(shards) + 1, "file", "cohort.duckdb")
    _write_database(half, shards, about)
    _write_queries(half, request)
    write_source(
        half / "source",
        events=request.events,
        shards=shards,
        vocabulary=half / "vocabulary.parquet",
        stamp=marks,
    )
    _write_figures(half, request, found)
    _write_guides(half, request, about)
    progress("bundle", len(shards) + 1, len(shards) + 1, "file")


def _write_data(half: Path, request: "Request", marks: Mapping[str, str], progress: Progress) -> list[Path]:
    """The code matrix and its MEDS form; the shards of the matrix."""
    vocabulary = Vocabulary.read(request.synthetic / "vocabulary.parquet")
    shards = sorted((request.synthetic / "data").glob("*.parquet"))
    for path in ("data", "events/data", "events/metadata"):
        (half / path).mkdir(parents=True)
    written = []
    for number, shard in enumerate(shards):
        progress("bundle", number, len(shards) + 1, "file")
        target = f"synthetic-{number:05d}.parquet"
        written.append(half / "data" / target)
        copy_matrix(shard, written[-1], marks)
        write_events(shard, half / "events" / "data" / target, vocabulary, marks)
    copy_vocabulary(request.synthetic / "vocabulary.parquet", half / "vocabulary.parquet", marks)
    write_events_metadata(half / "events" / "metadata", vocabulary, name=request.name, stamp=marks)
    return written


def _write_database(half: Path, shards: list[Path], about: Mapping[str, str]) -> None:
    scratch = half / ".scratch"
    scratch.mkdir()
    database = half / "cohort.duckdb"
    write_database(database, shards=shards, vocabulary=half / "vocabulary.parquet", about=about, scratch=scratch)
    shutil.rmtree(scratch)
    write_dictionary(database, half / "dictionary.csv")


def _write_queries(half: Path, request: "Request") -> None:
    (half / "queries").mkdir()
    write_queries(half / "queries", half / "cohort.duckdb")
    if request.fitness is not None:
        shutil.copyfile(request.fitness / "public.json", half / "queries" / "fitness.json")


def _write_figures(half: Path, request: "Request", found: Evaluation) -> None:
    documents: dict[str, Any] = {
        "risk.json": public_risks(request.decision.risks),
        "fidelity.json": public_scores(found.scores),
        "decision.json": public_decision(request.decision, request.term),
    }
    if found.audit is not None:
        documents["audit.json"] = found.audit.as_json()
    for path, document in documents.items():
        write_text(half / path, to_json(document))
    request.ledger.write(half / "ledger.json")


def _write_guides(half: Path, request: "Request", about: Mapping[str, str]) -> None:
    """README.md and croissant.json, which describe what stands in the folder by now."""
    decision = request.decision
    verdict = f"Verdict of the policy {decision.policy}: {decision.verdict}."
    if decision.override:
        verdict = f"{verdict} Released by override; reason: {decision.override}"
    verdict = f"{verdict} The decision holds until {request.expires}."
    write_readme(half / "README.md", half / "cohort.duckdb", name=request.name, verdict=verdict)
    described = describe(
        half,
        name=request.name,
        description=f"{about['warning']} {request.name}, made by {about['generator']}. {verdict}",
        version=f"1.0.0+{about['synthetic_sha256'][:12]}",
        responsible=responsible(about, request.policy, source=request.source, expires=request.expires),
    )
    write_text(half / "croissant.json", to_json(described))
