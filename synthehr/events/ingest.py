"""An extract becomes an events landing: MEDS events, their metadata, and an account of every row that was read."""

import shutil
from collections.abc import Mapping as Dict
from pathlib import Path
from typing import Any

import duckdb

from synthehr.errors import BadData
from synthehr.events.compile import PRELUDE, Script, compile_mapping
from synthehr.events.engine import engine
from synthehr.events.mapping import Mapping
from synthehr.events.reading import SourceFile, plain_file
from synthehr.events.recognise import Resolved, choose
from synthehr.events.rejects import (
    Reject,
    StagedFile,
    account,
    refuse_too_many,
    repeated_rows,
    staged_file,
    table_rejects,
    write_rejects,
)
from synthehr.events.report import IngestReport, TableReport
from synthehr.events.write import write_events
from synthehr.landing import file_hash, land
from synthehr.progress import Progress, silent

Files = Dict[str, tuple[Resolved, ...]]


def ingest_events(
    source: Path, out: Path, *, mapping: str | Path | None = None, progress: Progress = silent
) -> IngestReport:
    """Read an extract (a folder, a zip, or one file) and write an `events` landing at `out`.

    The landing holds `data/*.parquet` and `metadata/` (MEDS 0.4), `ingest_report.json`, and `rejected/rows.csv` (file,
    row, column and reason of what was set aside; no values). mapping: a name, the path of a TOML file, or None to
    recognise the source by its file and column names. The same extract and mapping give the same bytes.

    Raises:
        BadData: a file or column is missing, a file is not what it says or is cut short, more rows were rejected than
            the mapping allows, or two identifiers have one hash; the message names file, row, column and remedy, never
            a value.
        BadRequest: nothing at `source`, no such mapping, or SQL in it that does not fit. OSError: the disk is full.
    """
    chosen, files = choose(source, mapping)
    config, made_from = _identity(chosen, files)
    with land(out, kind="events", config=config, made_from=made_from) as folder:
        work = folder / ".work"
        with engine(work) as connection:
            report = _ingest(connection, chosen, files, folder, progress)
        shutil.rmtree(work)
        report.write(folder)
    return report


def identity(source: Path, mapping: str | Path | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """The `config` and `made_from` that `ingest_events` would write into its manifest, for `landing.is_current`."""
    return _identity(*choose(source, mapping))


def _identity(mapping: Mapping, files: Files) -> tuple[dict[str, Any], dict[str, str]]:
    paths = {part.file.name: part.file.path for parts in files.values() for part in parts}
    made_from = {name: file_hash(path) for name, path in sorted(paths.items())}
    return {"mapping": mapping.name, "mapping_hash": mapping.digest()}, made_from


def _ingest(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, files: Files, folder: Path, progress: Progress
) -> IngestReport:
    parts = [part.file for table in files.values() for part in table]
    steps = 2 * len(parts) + 2
    paths = {}
    for k, file in enumerate(parts):
        progress("ingest", k, steps, "steps", f"opening {file.shown}")
        paths[file] = plain_file(file, folder / ".work" / "unpacked")
    script = compile_mapping(mapping, files, {file: str(path) for file, path in paths.items()})
    staged = _stage(connection, script, paths, progress)
    progress("ingest", steps - 2, steps, "steps", "making events")
    for sql in script.events:
        connection.execute(sql)
    _refuse_shared_numbers(connection, mapping, staged)
    tables, rejects = _account(connection, mapping, staged)
    progress("ingest", steps - 1, steps, "steps", "sorting and writing events")
    if not _one(connection, "SELECT count(*) FROM made"):
        raise BadData(
            f"{mapping.name} found no event in {', '.join(f.shown for f in parts[:3])}: is it the right mapping?"
        )
    written = write_events(connection, folder, dataset=mapping.title)
    write_rejects(folder, rejects)
    progress("ingest", steps, steps, "steps", "done")
    return IngestReport(
        mapping=mapping.name,
        **vars(written),
        patients_without_events=_without_events(connection, mapping, staged),
        subject_ids=_subject_ids(connection, mapping),
        tables=tuple(tables),
    )


def _stage(
    connection: duckdb.DuckDBPyConnection, script: Script, paths: Dict[SourceFile, Path], progress: Progress
) -> dict[str, list[StagedFile]]:
    for sql in PRELUDE:
        connection.execute(sql)
    staged: dict[str, list[StagedFile]] = {}
    for k, (table, file, sql) in enumerate(script.stage):
        progress("ingest", len(paths) + k, 2 * len(paths) + 2, "steps", f"reading {file.shown}")
        connection.execute(sql)
        here = staged.setdefault(table, [])
        here.append(staged_file(connection, table, file, paths[file], here))
    return staged


def _refuse_shared_numbers(connection: duckdb.DuckDBPyConnection, mapping: Mapping, staged: Dict[str, object]) -> None:
    """Refuse identifiers of which two have the same number: two patients would become one."""
    for kind, rule in (("subject", mapping.subject_ids), ("visit", mapping.visit_ids)):
        if rule == "any" and any(getattr(mapping.tables[name], kind) for name in staged):
            texts = _one(connection, f"SELECT count(*) FROM {kind}_ids")
            numbers = _one(connection, f"SELECT count(DISTINCT id_) FROM {kind}_ids")
            if numbers < texts:
                raise BadData(
                    f"{texts} {kind} identifiers have only {numbers} different hashes: two texts share one. Write "
                    f"every {kind} identifier as a plain whole number of your own."
                )


def _account(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, staged: dict[str, list[StagedFile]]
) -> tuple[list[TableReport], list[Reject]]:
    reports, rejects = [], []
    for table, parts in staged.items():
        found = table_rejects(connection, table, parts)
        report = account(table, parts, found, repeated_rows(connection, mapping, table))
        refuse_too_many(mapping, report, found)
        reports.append(report)
        rejects += found
    return reports, rejects


def _without_events(connection: duckdb.DuckDBPyConnection, mapping: Mapping, staged: Dict[str, object]) -> int:
    named = " UNION ".join(f'SELECT subject_ FROM "{name}"' for name in staged if mapping.tables[name].subject)
    return _one(
        connection,
        f"SELECT count(*) FROM ({named}) AS s WHERE subject_ IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM made WHERE made.subject_id = s.subject_)",
    )


def _subject_ids(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> str:
    plain = mapping.subject_ids == "integer" or _one(connection, "SELECT bool_and(plain_) FROM subject_ids")
    return "as in the source" if plain else "renumbered"


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    found = connection.execute(sql).fetchone()
    return int(found[0]) if found and found[0] is not None else 0
