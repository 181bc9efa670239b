"""An extract becomes an events landing: MEDS events, their metadata, and an account of every row that was read."""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dict
from pathlib import Path
from typing import Any, TypeVar

from synthehr.errors import BadData, BadRequest
from synthehr.events.accounting import Account, account_of
from synthehr.events.concepts import write_concepts, write_source_tables
from synthehr.events.hierarchy import write_ancestors
from synthehr.events.making import EVENTS_FILE, Made, MakeEvents, made, make_events
from synthehr.events.mapping import Mapping
from synthehr.events.partition import DONE, Partitioned, PartitionFile, partition_file, partitioned, partitions_of
from synthehr.events.rejects import write_rejects
from synthehr.events.report import IngestReport
from synthehr.events.settle import settle
from synthehr.events.sources.databases import DatabaseTable
from synthehr.events.sources.recognise import Files, Source, choose
from synthehr.events.sql.staging import other_columns
from synthehr.events.write import added, write_metadata
from synthehr.executor import Executor, Unfinished, here
from synthehr.landing import file_hash, land, versions
from synthehr.progress import Progress, silent

T = TypeVar("T", PartitionFile, MakeEvents)


def ingest_events(
    source: Source,
    out: Path,
    *,
    mapping: str | Path | None = None,
    executor: Executor = here,
    alone: bool = True,
    progress: Progress = silent,
) -> IngestReport:
    """Read an extract (a folder, a zip, a file, or a database) and write an `events` landing at `out`.

    The landing holds `data/*.parquet` (each patient in one of them) and `metadata/` (MEDS 0.4), `ingest_report.json`,
    and `rejected/rows.csv` (file, row, column and reason of what was set aside; no values). mapping: a name, the path
    of a TOML file, or None to recognise the source by its file and column names. executor runs the two kinds of task: a
    file is partitioned by patient, a partition becomes events. The same extract and mapping give the same bytes,
    whatever the executor. After an interruption or a full disk the same call goes on from the tasks that were done.
    alone: False where several jobs share the tasks.

    Raises:
        BadData: a file or column is missing, a file is not what it says or is cut short, more rows were rejected than
            the mapping allows, or two identifiers have one hash; the message names file, row, column and remedy, never
            a value.
        BadRequest: nothing at `source`, no such mapping, or SQL in it that does not fit. OSError: the disk is full.
        Unfinished: other jobs have not done their tasks.
    """
    chosen, files = choose(source, mapping)
    config, made_from = _identity(chosen, files)
    final = (BadData, BadRequest)
    with land(out, kind="events", config=config, made_from=made_from, resumes=True, alone=alone, final=final) as folder:
        work = folder / ".work" / _key(config, made_from)
        if alone:
            _forget_all_but(folder, work)
        work.mkdir(parents=True, exist_ok=True)
        report = _Ingest(chosen, files, work, executor, progress).land(folder, alone=alone)
        shutil.rmtree(folder / ".work")
        report.write(folder)
    return report


def identity(source: Source, mapping: str | Path | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """The `config` and `made_from` that `ingest_events` would write into its manifest, for `landing.is_current`."""
    return _identity(*choose(source, mapping))


def _identity(mapping: Mapping, files: Files) -> tuple[dict[str, Any], dict[str, str]]:
    made_from: dict[str, str] = {}
    for part in (part.file for parts in files.values() for part in parts):
        if isinstance(part, DatabaseTable) and part.is_file:
            name = Path(part.address).name
            made_from[name] = made_from.get(name) or part.digest()
        else:
            made_from[part.name] = part.digest() if isinstance(part, DatabaseTable) else file_hash(part.path)
    return {"mapping": mapping.name, "mapping_hash": mapping.digest()}, dict(sorted(made_from.items()))


def _key(config: Dict[str, Any], made_from: Dict[str, str]) -> str:
    """Names the work of this extract, mapping and software: no other's is ever taken for it."""
    return hashlib.sha256(json.dumps([config, made_from, versions()], sort_keys=True).encode()).hexdigest()[:16]


def _forget_all_but(folder: Path, work: Path) -> None:
    for entry in [*folder.iterdir(), *((folder / ".work").iterdir() if (folder / ".work").is_dir() else ())]:
        if entry not in (work, folder / ".work"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _shared(path: Path, also: Path) -> None:
    """Give a file a second name: the work stays whole until the landing is."""
    try:
        os.link(path, also)
    except OSError:  # not every file system can
        shutil.copyfile(path, also)


class _Ingest:
    """One ingest: tasks, what is done of them, and what comes of all."""

    def __init__(self, mapping: Mapping, files: Files, work: Path, executor: Executor, progress: Progress) -> None:
        self.mapping, self.files, self.work = mapping, files, work
        self.executor, self.progress = executor, progress
        parts = [part.file for table in files.values() for part in table]
        self.partitions = partitions_of(sum(part.text_bytes() for part in parts))
        self.steps = len(parts) + self.partitions + 2
        self.step = 0

    def land(self, folder: Path, *, alone: bool) -> IngestReport:
        """Run the tasks that are not done, and write the landing from all of them."""
        read = self._partition()
        self._tell("settling keys")
        settled = self.work / "settled"
        if not settled.is_dir():
            own = self.work / f"settled-{os.getpid()}"
            settle(self.mapping, self._staged(), self._others(), own)
            with contextlib.suppress(OSError):  # another job was first, with the same
                own.rename(settled)
        parts = self._make(read)
        if not alone:
            raise Unfinished("All tasks are done. Run the same command without --shard: it writes the landing.")
        self._tell("writing")
        found = account_of(self.mapping, self.files, read, self.work)
        if not any(part.written.events for part in parts):
            shown = ", ".join(part.file.shown for table in self.files.values() for part in table[:1])
            raise BadData(f"{self.mapping.name} found no event in {shown}: is it the right mapping?")
        self._write(folder, found)
        self.progress("ingest", self.steps, self.steps, "steps", "done")
        return self._report(read, parts, found)

    def _tell(self, note: str) -> None:
        self.progress("ingest", self.step, self.steps, "steps", note)
        self.step += 1

    def _run(self, function: Callable[[T], None], tasks: Sequence[T], note: str) -> None:
        left = [task for task in tasks if not (task.out / DONE).is_file()]
        self.step += len(tasks) - len(left)
        try:
            self._tell(note)
            for _ in self.executor(function, left):
                self._tell(note)
        except Unfinished:
            if any(not (task.out / DONE).is_file() for task in tasks):
                raise
        self.step -= bool(left)

    def _folder(self, table: str, k: int) -> Path:
        return self.work / "staged" / f"{table}-{k:05d}"

    def _staged(self) -> dict[str, tuple[Path, ...]]:
        return {name: tuple(self._folder(name, k) for k in range(len(parts))) for name, parts in self.files.items()}

    def _others(self) -> dict[str, tuple[str, ...]]:
        return {
            name: tuple(dict.fromkeys(c for p in parts for c in other_columns(self.mapping.tables[name], p.layout)))
            for name, parts in self.files.items()
        }

    def _partition(self) -> dict[str, tuple[Partitioned, ...]]:
        tasks = [
            PartitionFile(
                mapping=self.mapping,
                table=name,
                parts=tuple(parts),
                k=k,
                partitions=self.partitions,
                out=self._folder(name, k),
                alone=sum(map(len, self.files.values())) == 1,
                foreign=tuple(
                    folder for other in self.mapping.tables[name].subject_from for folder in self._staged()[other]
                ),
            )
            for name, parts in self.files.items()
            for k in range(len(parts))
        ]
        self._run(partition_file, [task for task in tasks if not task.foreign], "reading files")
        self._run(partition_file, [task for task in tasks if task.foreign], "reading files")
        read = {name: [partitioned(self._folder(name, k)) for k in range(len(p))] for name, p in self.files.items()}
        return {name: tuple(part for part in parts if part is not None) for name, parts in read.items()}

    def _make(self, read: Dict[str, Sequence[Partitioned]]) -> list[Made]:
        files = [part for parts in read.values() for part in parts]
        tasks = [
            MakeEvents(
                mapping=self.mapping,
                partition=k,
                staged=self._staged(),
                others=self._others(),
                settled=self.work / "settled",
                plain_subjects=all(part.plain_subjects for part in files),
                plain_visits=all(part.plain_visits for part in files),
                out=self.work / "made" / f"{k:05d}",
            )
            for k in range(self.partitions)
        ]
        self._run(make_events, tasks, "making events")
        return [part for part in (made(task.out) for task in tasks) if part is not None]

    def _write(self, folder: Path, found: Account) -> None:
        for name in ("data", "metadata", "rejected"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "data").mkdir()
        for k in range(self.partitions):
            events = self.work / "made" / f"{k:05d}" / EVENTS_FILE
            if events.is_file():
                _shared(events, folder / "data" / f"{k:05d}.parquet")
        write_metadata(folder, found.codes, dataset=self.mapping.title)
        write_ancestors(self.work / "settled", folder / "metadata")
        write_concepts(self.work / "settled", folder / "metadata")
        write_source_tables(self.mapping, list(self.files), self.work / "made", folder / "metadata")
        write_rejects(folder, found.rejects)

    def _report(self, read: Dict[str, Sequence[Partitioned]], parts: Sequence[Made], found: Account) -> IngestReport:
        plain = all(part.plain_subjects for files in read.values() for part in files)
        return IngestReport(
            mapping=self.mapping.name,
            **vars(added([part.written for part in parts])),
            codes=len(found.codes),
            patients_without_events=sum(part.without_events for part in parts),
            subject_ids="as in the source" if plain else "renumbered",
            tables=found.tables,
            unmapped=found.unmapped,
        )
