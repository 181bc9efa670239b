"""Second task of an ingest: the events of the patients of one partition."""

import json
import shutil
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from synthehr.errors import BadData
from synthehr.events.concepts import write_event_counts
from synthehr.events.engine import engine, literal, quoted
from synthehr.events.macros.normalise import macros
from synthehr.events.mapping import Mapping
from synthehr.events.partition import DONE, TASK_MEMORY
from synthehr.events.settle import lookups, settled_tables, staged_rows, write_set_aside
from synthehr.events.sql.compile import statements
from synthehr.events.sql.staging import identified
from synthehr.events.write import Written, write_events
from synthehr.landing import write_text

EVENTS_FILE = "events.parquet"


@dataclass(frozen=True, kw_only=True)
class MakeEvents:
    """Make the events of one partition in `out`.

    staged: table -> folders of its files; others: table -> columns that the mapping does not name; settled: folder of
    `settle`; plain_subjects, plain_visits: whether all patients and visits of the source have plain whole numbers.
    """

    mapping: Mapping
    partition: int
    staged: Dict[str, tuple[Path, ...]]
    others: Dict[str, tuple[str, ...]]
    settled: Path
    plain_subjects: bool
    plain_visits: bool
    out: Path


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of a partition: counts of what was written, and of patients of whom nothing was."""

    written: Written
    without_events: int


def make_events(task: MakeEvents) -> None:
    """Write `out/events.parquet`, what was set aside, the codes and their words, and last `out/done.json`.

    Raises:
        BadData: two identifiers have one hash, or a value of the source broke SQL of the mapping. BadRequest: that SQL
            does not fit its tables. OSError: the disk is full.
    """
    shutil.rmtree(task.out, ignore_errors=True)
    task.out.mkdir(parents=True)
    work = task.out / ".work"
    with engine(work, memory_limit=TASK_MEMORY, threads=1) as connection:
        for macro in macros():
            connection.execute(macro)
        _views(connection, task)
        made = statements(
            task.mapping,
            list(task.staged),
            task.others,
            settled=settled_tables(task.mapping, task.staged),
            ready=lookups(task.mapping, task.staged),
            visits_plain=task.plain_visits,
        )
        for sql in made:
            connection.execute(sql)
        _refuse_shared_numbers(connection, task)
        written = write_events(connection, task.out / EVENTS_FILE)
        write_set_aside(connection, task.out)
        _write_codes(connection, task.out)
        if task.mapping.returns:
            write_event_counts(connection, task.out)
        found = {"written": vars(written), "without_events": _without_events(connection, task)}
    shutil.rmtree(work)
    write_text(task.out / DONE, json.dumps(found) + "\n")


def _views(connection: duckdb.DuckDBPyConnection, task: MakeEvents) -> None:
    for name, folders in task.staged.items():
        if task.mapping.tables[name].has_subject:
            rows = staged_rows(folders, task.partition)
            connection.execute(f"CREATE VIEW _raw_{name} AS {identified(task.mapping.tables[name], rows)}")
        else:
            looked_up = literal(str(task.settled / f"{name}.parquet"))
            connection.execute(f"CREATE VIEW {quoted(name)} AS SELECT * FROM read_parquet({looked_up})")
    for name in settled_tables(task.mapping, task.staged):
        if task.mapping.tables[name].has_subject:
            path = literal(str(task.settled / f"{name}.dropped.parquet"))
            connection.execute(f"CREATE VIEW _dropped_{name} AS SELECT * FROM read_parquet({path})")


def _refuse_shared_numbers(connection: duckdb.DuckDBPyConnection, task: MakeEvents) -> None:
    """Refuse identifiers of which two have the same number: two patients would become one."""
    asked = [("subject", task.plain_subjects, "subject_")] if task.mapping.subject_ids == "any" else []
    asked += [("visit", task.plain_visits, "visit_")] if task.mapping.visit_ids == "any" else []
    for kind, plain, column in asked:
        named = _named(task, kind)
        if plain or not named:
            continue
        pairs = " UNION ".join(f"SELECT {kind}_text_ AS text_, {column} AS id_ FROM {quoted(name)}" for name in named)
        texts, numbers = connection.execute(
            f"SELECT count(DISTINCT text_), count(DISTINCT id_) FROM ({pairs}) WHERE text_ IS NOT NULL"
        ).fetchall()[0]
        if numbers < texts:
            raise BadData(
                f"{texts} {kind} identifiers have only {numbers} different hashes: two texts share one. Write "
                f"every {kind} identifier as a plain whole number of your own."
            )


def _named(task: MakeEvents, kind: str) -> Sequence[str]:
    tables = [task.mapping.tables[name] for name in task.staged]
    return [table.name for table in tables if table.has_subject and (kind == "subject" or table.visit)]


def _without_events(connection: duckdb.DuckDBPyConnection, task: MakeEvents) -> int:
    named = " UNION ".join(f"SELECT subject_ FROM _raw_{name}" for name in _named(task, "subject"))
    found = connection.execute(
        f"SELECT count(*) FROM ({named}) AS s WHERE subject_ IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM _written WHERE _written.subject_id = s.subject_)"
    ).fetchone()
    return int(found[0]) if found else 0


def _write_codes(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """The codes of a partition with their words, and how often events have a code that no vocabulary knows."""
    for name, sql in {
        "codes": "SELECT code, min(description) AS description FROM (SELECT DISTINCT code FROM _written) "
        "LEFT JOIN _descriptions USING (code) GROUP BY code",
        "mapped": "SELECT event_, unmapped_, CASE WHEN unmapped_ THEN code END AS code, count(*) AS events, "
        "count(DISTINCT CASE WHEN unmapped_ THEN subject_id END) AS patients "
        "FROM _made WHERE problem_ IS NULL GROUP BY ALL",
    }.items():
        connection.execute(f"COPY ({sql} ORDER BY ALL) TO {literal(str(out / f'{name}.parquet'))}")


def made(folder: Path) -> Made | None:
    """What came of a partition that was made in `folder`, or None if it was not, or not to the end."""
    if not (folder / DONE).is_file():
        return None
    found: dict[str, Any] = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return Made(written=Written(**found["written"]), without_events=found["without_events"])
