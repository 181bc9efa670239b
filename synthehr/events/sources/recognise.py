"""Which mapping fits an extract, judged by the names of its files and columns; never by its records."""

import difflib
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synthehr.errors import BadData, BadRequest
from synthehr.events.mapping import Mapping, Table
from synthehr.events.mapping_file import known_mappings, load_mapping
from synthehr.events.sources.databases import DatabaseTable, database_tables, is_address, is_duckdb
from synthehr.events.sources.layout import Layout, layout
from synthehr.events.sources.reading import SourceFile, matching, source_files, stem

NAMED = 12  # columns named in a diff before "and n more"
Source = Path | str  # files, or the address of a database server
Files = Dict[str, tuple["Resolved", ...]]


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """mapping: its name; why: the files it was recognised by, in words."""

    mapping: str
    why: str


@dataclass(frozen=True)
class Resolved:
    """One file, or table of a database, of one table of a mapping, and how it is laid out."""

    file: SourceFile | DatabaseTable
    layout: Layout


def resolve(mapping: Mapping, source: Source) -> dict[str, tuple[Resolved, ...]]:
    """The files of each table of a mapping; a table that is not required may be absent from the result.

    A single file given as the source is taken for the mapping's one required table, whatever its name; not where it is
    its folder that says what it is.

    Raises:
        BadRequest: nothing at `source`. BadData: a required file or column is missing; the message names it.
    """
    files = _parts(source)
    alone = len(files) == 1 and isinstance(source, Path) and source.is_file()
    required = [table for table in mapping.table if table.required]
    alone = alone and len(required) == 1 and not any("/" in pattern for pattern in required[0].files)
    found: dict[str, tuple[Resolved, ...]] = {}
    for table in mapping.table:
        chosen = files if alone and table.required else _files_of(table, files)
        if chosen:
            found[table.name] = tuple(_checked(mapping, table, file) for file in chosen)
        elif table.required:
            raise BadData(
                f"{mapping.name}: expected {' or '.join(table.files)} (plain, .gz or in a zip); it is not there."
            )
    return found


def _parts(source: Source) -> Sequence[SourceFile | DatabaseTable]:
    if is_address(source):
        return database_tables(str(source))
    path = Path(source)
    if path.is_file() and is_duckdb(path):
        return database_tables(str(path))
    return source_files(path)


def _files_of(table: Table, parts: Sequence[SourceFile | DatabaseTable]) -> Sequence[SourceFile | DatabaseTable]:
    files = [part for part in parts if isinstance(part, SourceFile)]
    found: list[SourceFile | DatabaseTable] = []
    for pattern in table.files:
        here = [part for part in parts if isinstance(part, DatabaseTable) and part.table.lower() == stem(pattern)]
        these = here or matching(pattern, files)
        if table.many:
            found += [part for part in these if part not in found]
            continue
        if len(these) > 1 and not _one_folder(pattern, these):
            raise BadData(
                f"{pattern} fits {len(these)} files ({', '.join(f.shown for f in these[:3])}), which would count "
                "patients twice: leave one, or give its path."
            )
        if these:
            return these
    return found


def _one_folder(pattern: str, parts: Sequence[SourceFile | DatabaseTable]) -> bool:
    """Whether these are the parts of one table, in a folder of its name."""
    folders = {(part.path.parent, part.folder.lower()) for part in parts if isinstance(part, SourceFile)}
    return len(folders) == 1 and all(name == pattern.lower() for _, name in folders)


def _checked(mapping: Mapping, table: Table, file: SourceFile | DatabaseTable) -> Resolved:
    found = layout(table, file)
    lower = [name.lower() for name in found.names]
    if twice := [name for name in (found.names if table.others else table.named) if lower.count(name.lower()) > 1]:
        raise BadData(f"{file.shown}, row 1: column {twice[0]} stands there twice: rename or drop one.")
    if missing := [name for name in table.columns if name.lower() not in lower]:
        raise BadData(_drifted(mapping, table, file, found, missing))
    return Resolved(file, found)


def _drifted(
    mapping: Mapping, table: Table, file: SourceFile | DatabaseTable, found: Layout, missing: Sequence[str]
) -> str:
    """What a file's columns are and what they were to be, as a diff."""
    names = found.names
    hint = ""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        hint = " It looks separated by another character: copy the mapping and set `delimiter`."
    told = f"{file.shown}, row 1: no column {', '.join(missing)}; {len(names)} columns.{hint}"
    if len(missing) == len(table.columns):  # no header, for all that is known: what stands there may be of a patient
        return told
    known = {name.lower() for name in table.named}
    extra = [name for name in names if name.lower() not in known]
    lines = [f"  - {name}{_nearest(name, extra)}" for name in missing]
    lines += [f"  + {name}" for name in extra[:NAMED]]
    lines += [f"  and {len(extra) - NAMED} more that the mapping does not read"] if len(extra) > NAMED else []
    return f"{told}\nExpected (-) and found instead (+), for {table.name} of {mapping.name}:\n" + "\n".join(lines)


def _nearest(name: str, found: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower(), [column.lower() for column in found], n=1)
    return f"   (is it {close[0]}?)" if close else ""


def recognise(path: Source) -> Recognition:
    """Name the mapping that fits an extract; of those that fit, the one that reads most of its files.

    Raises:
        BadData: none fits, or two read equally many; the message says what was looked for and what was missing.
        BadRequest: nothing at `path`.
    """
    reasons, fitting = [], []
    for name in known_mappings():
        mapping = load_mapping(name)
        if not mapping.recognised:
            continue
        try:
            fitting.append((name, resolve(mapping, path)))
        except BadData as error:
            reasons.append(f"  {name}: {str(error).splitlines()[0].removeprefix(f'{name}: ')}")
    shown = "The database" if is_address(path) else Path(path).name
    if not fitting:
        raise BadData(
            f"{shown} fits no mapping:\n" + "\n".join(reasons) + "\nMend the extract, or copy the nearest mapping, "
            "edit it, and give its path with --format."
        )
    most = max(len(found) for _, found in fitting)
    best = [(name, found) for name, found in fitting if len(found) == most]
    if len(best) > 1:
        raise BadData(f"{shown} fits {' and '.join(name for name, _ in best)}: name one with --format.")
    name, found = best[0]
    files = ", ".join(part.file.shown for parts in found.values() for part in parts[:1])
    return Recognition(mapping=name, why=f"{files} with the columns of {name}")


def choose(source: Source, mapping: str | Path | None) -> tuple[Mapping, Files]:
    """The mapping that was asked for, or the one recognised, with its files.

    Raises:
        BadData, BadRequest: as `recognise`, `load_mapping` and `resolve`.
    """
    if not is_address(source) and not Path(source).exists():
        raise BadRequest(f"Expected an extract at {source}; nothing is there.")
    source = source if is_address(source) else Path(source)
    chosen = load_mapping(mapping if mapping is not None else recognise(source).mapping)
    return chosen, resolve(chosen, source)
