"""The bundle: what a researcher receives. It is written only when the policy gate lets it out."""

import mmap
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from privacy.ledger import Ledger
from privacy.policy import Decision, GateRefused
from privacy.statement import statement
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.evaluation import Evaluation
from synthehr.landing import check_landing, file_hash, land, source_hash, write_text
from synthehr.progress import Progress, silent
from synthehr.release.croissant import describe
from synthehr.release.database import write_database
from synthehr.release.dictionary import write_dictionary
from synthehr.release.disclosure import published
from synthehr.release.parquet import copy_matrix, copy_vocabulary, write_events, write_events_metadata
from synthehr.release.public import public_decision, public_risks, public_scores, to_json
from synthehr.release.researcher import write_readme

WARNING = "Synthetic data: no row is a real patient. Not for decisions about any person."
CHECKSUMS = "SHA256SUMS"
JUDGEMENT = ("threshold", "alpha", "verdict", "provenance")


def write_bundle(
    out: Path,
    *,
    synthetic: Path,
    evaluation: Path,
    decision: Decision,
    ledger: Ledger,
    report_html: str,
    datasheet: str,
    name: str,
    progress: Progress = silent,
) -> None:
    """Write a `bundle` landing at `out` from a synthetic cohort, its evaluation and the decision upon it.

    Holds no real patient's id or value, no path of this machine and no time. Same inputs, same bytes, but for
    `cohort.duckdb` (see `synthehr.release.database`) and the two files that hold its hash.

    Raises:
        GateRefused: the decision does not release; the message has each gate and by how much. Nothing is written.
        IncompleteLanding: a landing is absent or altered, or the evaluation is of another cohort or not the one judged.
        BadRequest: a page holds a path of this machine. BadData: the cohort is not what a synthetic landing promises.
    """
    if not decision.released or (decision.verdict == "FAIL" and not decision.override):
        raise GateRefused(decision.refusal())
    made = check_landing(synthetic, "synthetic")
    found = _checked_evaluation(evaluation, synthetic, decision)
    hashes = {"synthetic": source_hash(synthetic), "evaluation": source_hash(evaluation)}
    config = {"name": name, "policy": decision.policy, "verdict": decision.verdict, "override": decision.override}
    generator = str(made.config.get("model", "not stated"))
    with land(out, kind="bundle", config=config, made_from=hashes) as folder:
        stamp = {
            "synthetic": "true",
            "synthehr_version": version("synthehr"),
            "synthetic_manifest_sha256": hashes["synthetic"],
        }
        _write_data(folder, synthetic, stamp, _about(stamp, name, generator, decision, ledger), progress)
        _write_pages(folder, found, decision, ledger, report_html, datasheet)
        _write_guides(folder, name, generator, decision, stamp)
        _refuse_paths(folder, (out, synthetic, evaluation))
        _write_checksums(folder)


def _about(
    stamp: Mapping[str, str], name: str, generator: str, decision: Decision, ledger: Ledger
) -> Mapping[str, str]:
    return {
        **stamp,
        "name": name,
        "warning": WARNING,
        "generator": generator,
        "policy": decision.policy,
        "verdict": decision.verdict,
        "override": decision.override or "none",
        "differential_privacy": statement(ledger),
    }


def _checked_evaluation(evaluation: Path, synthetic: Path, decision: Decision) -> Evaluation:
    """The evaluation, if it is of this synthetic cohort and if it is what was judged."""
    manifest = check_landing(evaluation, "evaluation")
    if manifest.made_from.get("synthetic") != source_hash(synthetic):
        raise IncompleteLanding(
            f"{evaluation} is not the evaluation of {synthetic}: its manifest names another cohort. Evaluate this one."
        )
    found = Evaluation.read(evaluation)
    judged = public_risks(decision.risks)
    measured = public_risks(found.risks)
    for risk in (*judged, *measured):
        for key in JUDGEMENT:
            risk.pop(key)
    if judged != measured:
        raise IncompleteLanding(f"The decision was made on other risks than those of {evaluation}: decide again.")
    return found


def _write_data(
    folder: Path, synthetic: Path, stamp: Mapping[str, str], about: Mapping[str, str], progress: Progress
) -> None:
    vocabulary = Vocabulary.read(synthetic / "vocabulary.parquet")
    shards = sorted((synthetic / "data").glob("*.parquet"))
    for path in ("data", "events/data", "events/metadata"):
        (folder / path).mkdir(parents=True)
    total = len(shards) + 1
    for number, shard in enumerate(shards):
        progress("bundle", number, total, "file")
        target = f"synthetic-{number:05d}.parquet"
        copy_matrix(shard, folder / "data" / target, stamp)
        write_events(shard, folder / "events" / "data" / target, vocabulary, stamp)
    copy_vocabulary(synthetic / "vocabulary.parquet", folder / "vocabulary.parquet", stamp)
    write_events_metadata(folder / "events" / "metadata", vocabulary, name=about["name"], stamp=stamp)
    progress("bundle", total - 1, total, "file", "cohort.duckdb")
    scratch = folder / ".scratch"
    scratch.mkdir()
    write_database(
        folder / "cohort.duckdb",
        shards=sorted((folder / "data").glob("*.parquet")),
        vocabulary=folder / "vocabulary.parquet",
        about=about,
        scratch=scratch,
    )
    scratch.rmdir()
    write_dictionary(folder / "cohort.duckdb", folder / "dictionary.csv")
    progress("bundle", total, total, "file")


def _write_pages(
    folder: Path, found: Evaluation, decision: Decision, ledger: Ledger, report_html: str, datasheet: str
) -> None:
    documents: dict[str, Any] = {
        "risk.json": public_risks(published(decision.risks)),
        "fidelity.json": public_scores(found.scores),
        "decision.json": public_decision(decision),
    }
    if found.audit is not None:
        documents["audit.json"] = found.audit.as_json()
    for path, document in documents.items():
        write_text(folder / path, to_json(document))
    write_text(folder / "report.html", report_html)
    write_text(folder / "datasheet.md", datasheet)
    ledger.write(folder / "ledger.json")


def _write_guides(folder: Path, name: str, generator: str, decision: Decision, stamp: Mapping[str, str]) -> None:
    """README.md and croissant.json, which describe what stands in the folder by now."""
    verdict = f"Verdict of the policy {decision.policy}: {decision.verdict}."
    if decision.override:
        verdict = f"{verdict} Released by override; reason: {decision.override}"
    write_readme(folder / "README.md", folder / "cohort.duckdb", name=name, verdict=verdict)
    text = f"{WARNING} {name}, made by {generator}. {verdict}"
    number = f"1.0.0+{stamp['synthetic_manifest_sha256'][:12]}"
    write_text(folder / "croissant.json", to_json(describe(folder, name=name, description=text, version=number)))


def _refuse_paths(folder: Path, inputs: tuple[Path, ...]) -> None:
    """Refuse a bundle in which a file names where it was built."""
    places = {path.absolute().parent for path in (*inputs, folder)} | {Path.cwd()}
    traces = [str(place).encode() for place in places if len(place.parts) > 2]  # "/data" alone is a word, not a trace
    for file in sorted(f for f in folder.rglob("*") if f.is_file() and f.stat().st_size):
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = any(content.find(trace) >= 0 for trace in traces)
        if found:
            raise BadRequest(
                f"{file.relative_to(folder).as_posix()} holds a path of this machine; paths do not leave the house. "
                "Use names for the source, purpose and cohort."
            )


def _write_checksums(folder: Path) -> None:
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    lines = [f"{file_hash(file)}  {file.relative_to(folder).as_posix()}" for file in files]
    write_text(folder / CHECKSUMS, "\n".join(lines) + "\n")
