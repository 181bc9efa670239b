"""The SQL of an ingest as one script that anybody can run in DuckDB and read."""

from collections.abc import Iterator
from pathlib import Path

from synthehr.events.engine import quoted
from synthehr.events.macros.normalise import macros
from synthehr.events.mapping import Mapping
from synthehr.events.partition import reader_of
from synthehr.events.sources.databases import DatabaseTable
from synthehr.events.sources.recognise import Files, Resolved, Source, choose
from synthehr.events.sql.compile import PRELUDE, statements
from synthehr.events.sql.staging import COUNTED, identified, other_columns, stage


def explain(source: Source, mapping: str | Path | None = None) -> str:
    """The SQL that `ingest_events` would run on an extract, in one piece; files appear under their names there.

    A real ingest runs the first part file by file and the rest patients by patients.

    Raises:
        BadData, BadRequest: the mapping or its files cannot be found; see `recognise.choose`.
    """
    chosen, files = choose(source, mapping)
    others = {
        name: tuple(dict.fromkeys(c for part in parts for c in other_columns(chosen.tables[name], part.layout)))
        for name, parts in files.items()
    }
    made = [sql for sql in statements(chosen, list(files), others) if sql not in PRELUDE]
    return ";\n\n".join([*macros(), *PRELUDE, *_staged(chosen, files), *made]) + ";\n"


def _staged(mapping: Mapping, files: Files) -> Iterator[str]:
    """Tables that know the patients of others come first."""
    for name in sorted(files, key=lambda name: bool(mapping.tables[name].subject_from)):
        for k, part in enumerate(files[name]):
            table, (reader, row) = mapping.tables[name], _reader(mapping, name, part)
            layouts = [part.layout for part in files[name]]
            sql = identified(table, f"({stage(mapping, table, layouts, k, reader, row=row)})")
            yield f"-- {part.file.shown}\n" + (
                f"INSERT INTO _raw_{name} {sql}" if k else f"CREATE TABLE _raw_{name} AS {sql}"
            )


def _reader(mapping: Mapping, name: str, part: Resolved) -> tuple[str, str]:
    if isinstance(part.file, DatabaseTable):
        return f"{quoted(part.file.schema)}.{quoted(part.file.table)}", COUNTED
    reader, row = reader_of(mapping.tables[name], part, part.layout, part.file.shown)
    shown = "store_rejects=true, rejects_table='lines_', rejects_scan='scans_'"
    return reader.replace(shown, "store_rejects=true"), row
