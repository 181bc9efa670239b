"""A mapping compiled to DuckDB SQL: stage the files as text, make events of their rows, set rejects aside.

Nothing is cast that could raise, and nothing is dropped without a reason in the table `rejected`.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from pathlib import Path

from synthehr.events.engine import literal, quoted
from synthehr.events.mapping import PLACEHOLDER, Event, Mapping, Table
from synthehr.events.normalise import macros
from synthehr.events.reading import SourceFile
from synthehr.events.recognise import Resolved, choose
from synthehr.events.staging import stage, tables

PRELUDE = (
    *macros(),
    "CREATE TABLE made (subject_id BIGINT, time TIMESTAMP, code VARCHAR, numeric_value FLOAT, text_value VARCHAR, "
    "visit_id BIGINT)",
    "CREATE TABLE rejected (table_ VARCHAR, row_ BIGINT, column_ VARCHAR, reason_ VARCHAR)",
    "CREATE TABLE descriptions (code VARCHAR, description VARCHAR)",
)


@dataclass(frozen=True)
class Script:
    """The SQL of one ingest, in order. stage: (table, file, statement) for each file; events: the statements after."""

    stage: tuple[tuple[str, SourceFile, str], ...]
    events: tuple[str, ...]

    def text(self) -> str:
        """All of it as one script."""
        staged = (f"-- {file.shown}\n{sql}" for _, file, sql in self.stage)
        return ";\n\n".join([*PRELUDE, *staged, *self.events]) + ";\n"


def explain(source: Path, mapping: str | Path | None = None) -> str:
    """The SQL that `ingest_events` would run on an extract; files appear under the names that they have there.

    Raises:
        BadData, BadRequest: the mapping or its files cannot be found; see `recognise.choose`.
    """
    chosen, files = choose(source, mapping)
    paths = {part.file: part.file.shown for parts in files.values() for part in parts}
    return compile_mapping(chosen, files, paths).text()


def compile_mapping(mapping: Mapping, files: Dict[str, tuple[Resolved, ...]], paths: Dict[SourceFile, str]) -> Script:
    """Compile a mapping for the files found; `paths` says where DuckDB is to read each of them.

    Parts that need an absent optional table are left out.
    """
    present = [table for table in mapping.table if table.name in files]
    staged = [
        (table.name, part.file, stage(table, part, paths[part.file], k))
        for table in present
        for k, part in enumerate(files[table.name])
    ]
    events = [event for event in mapping.event if {event.table, *event.join} <= set(files)]
    made = (sql for k, event in enumerate(events) for sql in _event(mapping, event, f"event_{k}"))
    return Script(tuple(staged), (*tables(mapping, present), *made, *_descriptions(mapping, set(files))))


def _event(mapping: Mapping, event: Event, name: str) -> Iterator[str]:
    table = mapping.tables[event.table]
    yield f"""CREATE VIEW {name} AS SELECT *, CASE
  {_problems(mapping, event, table)}
END AS problem_
FROM ({_parsed(event)})"""
    yield f"""INSERT INTO made
SELECT subject_, time_, code_, number_, CASE WHEN number_ IS NULL THEN value_text_ END, visit_
FROM {name} WHERE problem_ IS NULL AND code_ IS NOT NULL"""
    yield f"""INSERT INTO rejected SELECT {literal(table.name)}, row_, CASE
  WHEN problem_ LIKE 'subject%' THEN {literal(table.subject or "")}
  WHEN problem_ LIKE 'visit%' THEN {literal(table.visit or "")}
  WHEN problem_ LIKE 'time%' THEN {literal(event.time or "")}
  ELSE {"column_name" if event.each else literal(_label(event.code))}
END, problem_
FROM {name} WHERE problem_ IS NOT NULL"""


def _parsed(event: Event) -> str:
    """One row for each event that the rows of a table could make, with its code, time and value parsed."""
    prefix, rest = _code(event.code, event.normalise, event.levels)
    time = f"try_strptime(time_text_, {literal(event.time_format)})" if event.time_format else "as_time(time_text_)"
    alias = quoted(event.table)
    columns = [f"{alias}.{name} AS {name}" for name in ("row_", "subject_", "subject_text_", "visit_", "visit_text_")]
    columns += [f"{quoted(other)}.row_ AS joined_{other}" for other in event.join]
    columns += ["column_name"] if event.each else []
    columns += [
        f"{rest} AS rest_",
        f"CAST(({event.time or 'NULL'}) AS VARCHAR) AS time_text_",
        f"CAST(({event.value or 'NULL'}) AS VARCHAR) AS value_text_",
        f"({event.check or 'true'}) AS check_",
    ]
    where = f"\n  WHERE {event.when}" if event.when else ""
    return f"""
  SELECT * EXCLUDE (rest_), CASE WHEN rest_ = '' THEN '' ELSE {literal(prefix)} || rest_ END AS code_, {time} AS time_,
    CASE WHEN isfinite(TRY_CAST(value_text_ AS FLOAT)) THEN TRY_CAST(value_text_ AS FLOAT) END AS number_
  FROM (SELECT {", ".join(columns)}
  FROM {_source(event)}{where})"""


def _source(event: Event) -> str:
    alias = quoted(event.table)
    source = alias
    if event.each:
        selects = (f"SELECT *, {quoted(c)} AS value, {literal(c)} AS column_name FROM {alias}" for c in event.each)
        source = "(" + "\n    UNION ALL ".join(selects) + f") AS {alias}"
    for other, columns in event.join.items():
        on = " AND ".join(f"{quoted(other)}.{quoted(c)} = {alias}.{quoted(c)}" for c in columns)
        source += f"\n    LEFT JOIN {quoted(other)} ON {on}"
    return source


def _problems(mapping: Mapping, event: Event, table: Table) -> str:
    """The first thing that is wrong with a row, or null; a code that is missing where it may be is no problem."""
    cases = [("code_ IS NULL", "")] if event.optional else []
    cases += [("subject_text_ IS NULL", "subject missing"), ("subject_ IS NULL", "subject is no plain whole number")]
    cases += [("visit_text_ IS NOT NULL AND visit_ IS NULL", "visit is no plain whole number")]
    cases += [(f"joined_{other} IS NULL", f"no row of {other}") for other in event.join]
    cases += [("check_ IS NOT TRUE", "value is none of those expected")]
    cases += [("code_ IS NULL", "code missing"), ("NOT regexp_full_match(code_, '[^/]+/.+')", "code malformed")]
    if event.time and not event.time_optional:
        cases.append(("time_text_ IS NULL", "time missing"))
    if event.time:
        span = f"TIMESTAMP {literal(mapping.earliest)} AND TIMESTAMP {literal(mapping.latest)}"
        cases.append(("time_text_ IS NOT NULL AND (time_ IS NULL OR NOT isfinite(time_))", "time is no date"))
        cases.append((f"time_ NOT BETWEEN {span}", "time is no plausible date"))
    return "\n  ".join(f"WHEN {test} THEN {literal(reason) if reason else 'NULL'}" for test, reason in cases)


def _code(template: str, normalise: str, levels: Dict[str, str]) -> tuple[str, str]:
    """A code template as its literal system, with the slash, and the SQL of the rest; null where a part is null."""
    cut = template.split("{", 1)[0].find("/") + 1
    pieces = enumerate(PLACEHOLDER.split(template[cut:]))
    sql = " || ".join(f"CAST(({piece}) AS VARCHAR)" if k % 2 else literal(piece) for k, piece in pieces if piece)
    if levels:
        known = " ".join(f"WHEN {literal(raw)} THEN {literal(code)}" for raw, code in levels.items())
        return template[:cut], f"CASE WHEN ({sql}) IS NULL THEN NULL ELSE CASE {sql} {known} ELSE '' END END"
    return template[:cut], f"{normalise}({sql})"


def _label(template: str) -> str:
    """What to call a code's column in a list of rejects: the column, or the system where an expression makes it."""
    found = PLACEHOLDER.findall(template)
    plain = len(found) == 1 and found[0].replace(".", "_").isidentifier()
    return found[0] if plain else template.split("/", 1)[0]


def _descriptions(mapping: Mapping, files: set[str]) -> Iterator[str]:
    for part in mapping.description:
        if part.table in files:
            prefix, rest = _code(part.code, part.normalise, {})
            yield f"""INSERT INTO descriptions SELECT {literal(prefix)} || rest_, text_
FROM (SELECT {rest} AS rest_, CAST(({part.text}) AS VARCHAR) AS text_ FROM {quoted(part.table)})
WHERE rest_ <> '' AND text_ IS NOT NULL"""
