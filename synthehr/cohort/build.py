"""Events become a cohort: how often each row has each code, and exactly one member of each exclusive group."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synthehr.cohort.assemble import Assembled, CountedFiles, assemble
from synthehr.cohort.cohort import SPLITS, write_cohort
from synthehr.cohort.columns import UNKNOWN, Columns, descriptions, lay_columns
from synthehr.cohort.counting import Counted, CountTask, count_file, counted, write_columns
from synthehr.cohort.options import CohortOptions
from synthehr.cohort.public import public_vocabulary
from synthehr.cohort.report import CohortReport
from synthehr.errors import BadData, BadRequest
from synthehr.events.engine import engine, literal
from synthehr.events.schema import system
from synthehr.executor import Executor, Unfinished, here
from synthehr.landing import file_hash, land, read_manifest, versions
from synthehr.progress import Progress, silent

WORK = ".work"
COLUMNS = "columns.parquet"


def identity(events: Path, options: CohortOptions) -> tuple[dict[str, Any], dict[str, str]]:
    """The `config` and `made_from` that `build_cohort` would write into its manifest, for `landing.is_current`.

    Raises:
        IncompleteLanding: no complete events landing there.
    """
    read_manifest(events, "events")
    return options.as_config(), {"events": file_hash(events / "manifest.json")}


def build_cohort(
    events: Path,
    out: Path,
    *,
    options: CohortOptions | None = None,
    executor: Executor = here,
    alone: bool = True,
    progress: Progress = silent,
) -> CohortReport:
    """Count the events of each patient and write a `cohort` landing at `out`, with `cohort_report.json`.

    A count is the number of encounters (visits) with the code, and each event without a visit counts as one; or the
    number of events, as `options` says. In an exclusive group the earliest encounter that says anything decides (time,
    then visit; static facts first), with count 1; a row of which no event says gets `SYSTEM/unknown`. Where a row is an
    encounter, what was said in it decides, then what was said of the patient outside all encounters. No column tells
    what Safe Harbor lists (`safe_harbor`). Same events and options give the same bytes.

    executor runs a task for each file of the events, of which each patient is in one. After an interruption or a full
    disk the same call goes on from the files that were counted. alone: False where several jobs share the tasks.

    Raises:
        IncompleteLanding: no complete events landing at `events`. BadData: it holds no patient, or none for a split; a
            patient in two files; events without a time under a window; or a list of codes is none. BadRequest: `out` is
            something else, or a list or roll-up that is not there. OSError: the disk is full. Unfinished: other jobs
            have not done their tasks.
    """
    options = options or CohortOptions()
    config, made_from = identity(events, options)
    final = (BadData, BadRequest)
    with land(out, kind="cohort", config=config, made_from=made_from, resumes=True, alone=alone, final=final) as folder:
        work = folder / WORK / _key(config, made_from)
        if alone:
            _forget_all_but(folder, work)
        work.mkdir(parents=True, exist_ok=True)
        report = _build(events, folder, work, options, _Tasks(executor, alone, progress))
        shutil.rmtree(folder / WORK)
    return report


def _key(config: dict[str, Any], made_from: dict[str, str]) -> str:
    """Names the work of this request and software: no other's is ever taken for it."""
    return hashlib.sha256(json.dumps([config, made_from, versions()], sort_keys=True).encode()).hexdigest()[:16]


def _forget_all_but(folder: Path, work: Path) -> None:
    for entry in [*folder.iterdir(), *(folder / WORK).glob("*")]:
        if entry not in (folder / WORK, work):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


@dataclass(frozen=True)
class _Tasks:
    """Who runs the tasks, and who hears of it."""

    executor: Executor
    alone: bool
    progress: Progress

    def run(self, tasks: list[CountTask]) -> None:
        """Count the files that are not counted yet.

        Raises:
            Unfinished: others are to count some, or have, and one of them has to go on alone.
        """
        left = [task for task in tasks if not Path(task.out).is_file()]
        done, steps = len(tasks) - len(left), len(tasks) + 2
        try:
            for k, _ in enumerate(self.executor(count_file, left)):
                self.progress("cohort", done + k + 1, steps, "steps", "counting codes")
        except Unfinished:
            if any(not Path(task.out).is_file() for task in tasks):
                raise
        if not self.alone:
            raise Unfinished("All files are counted. Run the same command without --shard: it writes the landing.")


def _build(events: Path, folder: Path, work: Path, options: CohortOptions, tasks: _Tasks) -> CohortReport:
    codes = _codes(events, work)
    columns = lay_columns(codes, options, events)
    public = None if options.vocabulary is None else public_vocabulary(Path(options.vocabulary), options.exclusive)
    members = _members(columns, options)
    left = [code for code in codes if code not in columns.name and system(code) not in options.exclusive]
    _write_columns(work / COLUMNS, columns, members, left)
    asked = _asked(events, work, len(members), options)
    tasks.run(asked)
    files = CountedFiles([Path(task.out) for task in asked], columns.free, members)
    seen = [counted(path) for path in files.paths]
    _refuse_timeless(sum(one.without_time for one in seen))
    steps = len(asked) + 2
    tasks.progress("cohort", steps - 2, steps, "steps", "laying out the matrix")
    named = list(public.code if public else (*columns.free, *(m for group in members.values() for m in group)))
    words, emptied = descriptions(events, named)
    made = assemble(files, options, words, public)
    tasks.progress("cohort", steps - 1, steps, "steps", "writing")
    write_cohort(folder, made.cohort)
    report = _report(made, columns, seen, emptied)
    report.write(folder)
    tasks.progress("cohort", steps, steps, "steps", "done")
    return report


def _codes(events: Path, work: Path) -> dict[str, int]:
    """Events with each code."""
    source = f"read_parquet({literal(str(events / 'data' / '**' / '*.parquet'))})"
    spill = work / f"codes-{os.getpid()}.spill"
    with engine(spill) as connection:
        found = connection.execute(f"SELECT code, count(*) FROM {source} GROUP BY code").fetchall()
    shutil.rmtree(spill)
    if not found:
        raise BadData(f"{events} holds no event: there is no cohort to build.")
    return dict(sorted(found))


def _asked(events: Path, work: Path, groups: int, options: CohortOptions) -> list[CountTask]:
    """A task for every file of the events."""
    return [
        CountTask(
            events=str(path),
            columns=str(work / COLUMNS),
            out=str(work / f"{k:05d}.parquet"),
            groups=groups,
            by_encounter=options.unit == "encounter",
            by_events=options.counts == "events",
            first_days=options.first_days,
            last_days=options.last_days,
        )
        for k, path in enumerate(sorted((events / "data").rglob("*.parquet")))
    ]


def _refuse_timeless(events: int) -> None:
    if events:
        raise BadData(
            f"{events} events have no time, so that no window says whether they are in it. Leave out first_days and "
            "last_days, name the systems of static facts under exclusive, or drop these codes by a list."
        )


def _members(columns: Columns, options: CohortOptions) -> dict[str, list[str]]:
    """The columns that the members of each group may be, sorted; `SYSTEM/unknown` is among them."""
    found = {
        group: {column for column in columns.name.values() if options.exclusive.get(system(column)) == group}
        for group in options.exclusive.values()
    }
    named = {group: {f"{system(column)}/{UNKNOWN}" for column in members} for group, members in found.items()}
    return {group: sorted(members | named[group]) for group, members in found.items() if members}


def _write_columns(path: Path, columns: Columns, members: dict[str, list[str]], left: list[str]) -> None:
    """left: codes that no column has; they still begin and end a patient's window."""
    position = {name: k for k, name in enumerate(columns.free)}
    group = {name: (g, k) for g, names in enumerate(members.values()) for k, name in enumerate(names)}
    rows = [
        (code, position.get(name), *group.get(name, (None, None)), name.endswith(f"/{UNKNOWN}"))
        for code, name in columns.name.items()
    ]
    write_columns(path, [*rows, *((code, None, None, None, False) for code in left)])


def _report(made: Assembled, columns: Columns, seen: list[Counted], emptied: int) -> CohortReport:
    cohort = made.cohort
    vocabulary = cohort.matrix.vocabulary
    return CohortReport(
        patients=1 + int(np.count_nonzero(np.diff(cohort.subjects))),  # they ascend
        rows=len(cohort.matrix),
        codes=len(vocabulary),
        patients_without_codes=int((cohort.matrix.codes_per_patient() == len(vocabulary.groups)).sum()),
        codes_dropped=len(set(columns.free) - set(vocabulary.code)),
        nnz=int(cohort.matrix.counts.nnz),
        splits={name: int((cohort.split == k).sum()) for k, name in enumerate(SPLITS)},
        unknown=made.unknown,
        differing=made.differing,
        dropped=columns.dropped,
        crosswalk=columns.crosswalk,
        rollup=columns.rollup,
        safe_harbor=columns.safe_harbor,
        descriptions_emptied=emptied,
        events_outside_window=sum(one.outside_window for one in seen),
        events_without_visit=sum(one.without_visit for one in seen),
    )
