"""Between the two tasks of an ingest: what only all patients together can tell.

Rows that contradict each other although the key does not name the patient, and of the tables that are looked up the
rows that anybody asks for.
"""

import shutil
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from pathlib import Path

import duckdb

from synthehr.events.concepts import settle_concepts
from synthehr.events.engine import engine, literal, quoted
from synthehr.events.hierarchy import settle_ancestors
from synthehr.events.macros.normalise import macros
from synthehr.events.mapping import Mapping
from synthehr.events.sql.compile import PRELUDE, Others, made_events
from synthehr.events.sql.staging import identified
from synthehr.events.sql.tables import dropped, prepared

SET_ASIDE = ("rejected", "left_out", "repeated")
Staged = Dict[str, Sequence[Path]]  # table -> the folders of its files


def settle(mapping: Mapping, staged: Staged, others: Others, folder: Path) -> None:
    """Write `folder/<table>.dropped.parquet`, tables that are looked up, and what of their rows is set aside.

    Raises:
        OSError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with engine(folder / ".work") as connection:
        for sql in (*macros(), *PRELUDE):
            connection.execute(sql)
        for name, folders in staged.items():
            connection.execute(f"CREATE VIEW _raw_{name} AS {identified(mapping.tables[name], staged_rows(folders))}")
        for name in settled_tables(mapping, staged):
            connection.execute(dropped(mapping.tables[name], others.get(name, ())))
            connection.execute(f"COPY _dropped_{name} TO {literal(str(folder / f'{name}.dropped.parquet'))}")
        for name in lookups(mapping, staged):
            table, more = mapping.tables[name], others.get(name, ())
            for sql in prepared(mapping, table, more, settled=bool(table.key), visits_plain=True):
                connection.execute(sql)
            _write_lookup(connection, mapping, name, staged, folder)
        settle_ancestors(connection, mapping, list(staged), folder)
        settle_concepts(connection, mapping, list(staged), folder)
        write_set_aside(connection, folder)
    shutil.rmtree(folder / ".work")


def write_set_aside(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the tables `rejected`, `left_out` and `repeated`, each as `folder/<name>.parquet`."""
    for name in SET_ASIDE:
        connection.execute(f"COPY _{name} TO {literal(str(folder / f'{name}.parquet'))}")


def lookups(mapping: Mapping, staged: Staged) -> list[str]:
    """Tables whose rows are of no patient."""
    return [name for name in staged if not mapping.tables[name].has_subject]


def staged_rows(folders: Sequence[Path], partition: int | None = None) -> str:
    """SQL that gives the rows of a table's staged files, all or those of one partition."""
    inner = "*" if partition is None else f"p_={partition}"
    globs = [folder / inner / "*.parquet" for folder in folders if partition is None or (folder / inner).is_dir()]
    if globs:
        paths = ", ".join(literal(str(path)) for path in globs)
        return f"read_parquet([{paths}], union_by_name=true, hive_partitioning=false)"
    return f"(SELECT * FROM {staged_rows(folders)} LIMIT 0)"


def settled_tables(mapping: Mapping, staged: Staged) -> list[str]:
    """Tables with a key that does not name the patient: where two rows contradict each other, all must be seen."""
    return [name for name in staged if mapping.tables[name].key and not mapping.tables[name].key_has_subject]


def _write_lookup(
    connection: duckdb.DuckDBPyConnection, mapping: Mapping, name: str, staged: Staged, folder: Path
) -> None:
    """The rows of a table that a row of a patient asks for; all where it is no key that they are asked by."""
    key = ", ".join(quoted(column) for column in mapping.tables[name].key)
    tables = [event.table for event in made_events(mapping, list(staged)) if name in event.joined]
    asked = " UNION ".join(f"SELECT {key} FROM _raw_{table}" for table in dict.fromkeys(tables))
    wanted = f" SEMI JOIN ({asked}) USING ({key})" if asked else ""
    target = literal(str(folder / f"{name}.parquet"))
    connection.execute(f"COPY (SELECT * FROM {quoted(name)}{wanted} ORDER BY row_) TO {target}")
