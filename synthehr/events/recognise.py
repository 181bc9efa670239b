"""Which mapping fits an extract, judged by the names of its files and columns; never by its records."""

from collections.abc import Mapping as Dict
from dataclasses import dataclass
from pathlib import Path

from synthehr.errors import BadData, BadRequest
from synthehr.events.mapping import Mapping, Table, known_mappings, load_mapping
from synthehr.events.reading import SourceFile, header, matching, source_files

NAMED = 5  # missing columns named before "and n more"


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """mapping: its name; why: the files it was recognised by, in words."""

    mapping: str
    why: str


@dataclass(frozen=True)
class Resolved:
    """One file of one table with its column names, in the file's own spelling and order."""

    file: SourceFile
    header: tuple[str, ...]


def resolve(mapping: Mapping, source: Path) -> dict[str, tuple[Resolved, ...]]:
    """The files of each table of a mapping; a table that is not required may be absent from the result.

    A single file given as the source is taken for the mapping's one required table, whatever its name.

    Raises:
        BadRequest: nothing at `source`. BadData: a required file or column is missing; the message names it.
    """
    files = source_files(source)
    alone = source.is_file() and len(files) == 1 and sum(t.required for t in mapping.table) == 1
    found: dict[str, tuple[Resolved, ...]] = {}
    for table in mapping.table:
        chosen = files if alone and table.required else _files_of(table, files)
        if chosen:
            found[table.name] = tuple(_checked(table, file) for file in chosen)
        elif table.required:
            raise BadData(
                f"{mapping.name}: expected {' or '.join(table.files)} (plain, .gz or in a zip); it is not there."
            )
    return found


def _files_of(table: Table, files: list[SourceFile]) -> list[SourceFile]:
    for pattern in table.files if not table.many else ():
        found = matching(pattern, files)
        if len(found) > 1:
            raise BadData(
                f"{pattern} fits {len(found)} files ({', '.join(f.shown for f in found[:3])}), which would count "
                "patients twice: leave one, or give its path."
            )
        if found:
            return found
    return [file for pattern in table.files for file in matching(pattern, files)] if table.many else []


def _checked(table: Table, file: SourceFile) -> Resolved:
    names = header(file, table.delimiter)
    lower = [name.lower() for name in names]
    wanted = [*table.columns, *table.optional_columns]
    if twice := [name for name in wanted if lower.count(name.lower()) > 1]:
        raise BadData(f"{file.shown}, row 1: column {twice[0]} stands there twice: rename or drop one.")
    if missing := [name for name in table.columns if name.lower() not in lower]:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        hint = ""
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            hint = " It looks separated by another character: copy the mapping and set `delimiter`."
        raise BadData(f"{file.shown}, row 1: no column {', '.join(missing[:NAMED])}{more}; {len(names)} columns.{hint}")
    return Resolved(file, tuple(names))


def recognise(path: Path) -> Recognition:
    """Name the mapping that fits an extract.

    Raises:
        BadData: none fits, or more than one does; the message says what was looked for and what was missing.
        BadRequest: nothing at `path`.
    """
    reasons, fitting = [], []
    for name in known_mappings():
        try:
            fitting.append((name, resolve(load_mapping(name), path)))
        except BadData as error:
            reasons.append(f"  {name}: {str(error).removeprefix(f'{name}: ')}")
    if len(fitting) > 1:
        raise BadData(f"{path.name} fits {' and '.join(name for name, _ in fitting)}: name one with --format.")
    if not fitting:
        raise BadData(
            f"{path.name} fits no mapping:\n" + "\n".join(reasons) + "\nMend the extract, or copy the nearest mapping, "
            "edit it, and give its path with --format."
        )
    name, found = fitting[0]
    shown = ", ".join(part.file.shown for parts in found.values() for part in parts[:1])
    return Recognition(mapping=name, why=f"{shown} with the columns of {name}")


def choose(source: Path, mapping: str | Path | None) -> tuple[Mapping, Dict[str, tuple[Resolved, ...]]]:
    """The mapping that was asked for, or the one recognised, with its files.

    Raises:
        BadData, BadRequest: as `recognise`, `load_mapping` and `resolve`.
    """
    if not source.exists():
        raise BadRequest(f"Expected an extract at {source}; nothing is there.")
    chosen = load_mapping(mapping if mapping is not None else recognise(source).mapping)
    return chosen, resolve(chosen, source)
