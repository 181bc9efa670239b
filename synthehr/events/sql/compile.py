"""A mapping compiled to DuckDB SQL: make events of staged rows, and set aside what is wrong with them.

Nothing is cast that could raise, and nothing is dropped without a reason in a table of its own.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Dict

from synthehr.events.engine import literal, quoted
from synthehr.events.mapping import EACH_OTHER, PLACEHOLDER, Event, Mapping, Table
from synthehr.events.sql.tables import prepared

PRELUDE = (
    "CREATE TABLE _made (subject_id BIGINT, time TIMESTAMP, code VARCHAR, numeric_value FLOAT, text_value VARCHAR, "
    "visit_id BIGINT, event_ SMALLINT, row_ BIGINT, column_ VARCHAR, problem_ VARCHAR, unmapped_ BOOLEAN)",
    "CREATE TABLE _rejected (table_ VARCHAR, row_ BIGINT, column_ VARCHAR, reason_ VARCHAR)",
    "CREATE TABLE _left_out (table_ VARCHAR, reason_ VARCHAR, rows_ BIGINT)",
    "CREATE TABLE _repeated (table_ VARCHAR, rows_ BIGINT)",
    "CREATE TABLE _descriptions (code VARCHAR, description VARCHAR)",
)
EVENTS = """CREATE VIEW _events AS
SELECT subject_id, time, code, numeric_value, text_value, visit_id FROM _made WHERE problem_ IS NULL"""

Others = Dict[str, Sequence[str]]  # table -> columns that the mapping does not name


def statements(
    mapping: Mapping,
    present: Sequence[str],
    others: Others,
    *,
    settled: Sequence[str] = (),
    ready: Sequence[str] = (),
    visits_plain: bool = True,
) -> Iterator[str]:
    """What makes events of the staged rows in `raw_<table>`, in order.

    present: tables that the source has; parts of the mapping that need an absent one are left out. settled,
    visits_plain: see `prepared`. ready: tables of which the view is there already.
    """
    yield from PRELUDE
    for name in (name for name in present if name not in ready):
        yield from prepared(
            mapping,
            mapping.tables[name],
            others.get(name, ()),
            settled=name in settled,
            visits_plain=visits_plain,
        )
    asked = made_events(mapping, present)
    for name in sorted({name for event in asked for name in event.lookup} - set(present)):
        yield _absent(mapping.tables[name])
    for k, event in enumerate(asked):
        yield _made(mapping, event, k, others.get(event.table, ()))
        yield _rejected(mapping.tables[event.table], event, k)
    yield EVENTS
    yield from _descriptions(mapping, set(present))


def _absent(table: Table) -> str:
    """An empty table in the place of one that the source does not have."""
    columns = ", ".join(f"{quoted(name)} VARCHAR" for name in (*table.named, *table.derived))
    return f"CREATE TABLE {quoted(table.name)} (row_ BIGINT, {columns})"


def _made(mapping: Mapping, event: Event, k: int, others: Sequence[str]) -> str:
    return f"""INSERT INTO _made SELECT subject_, time_, code_, number_, CASE WHEN number_ IS NULL THEN value_text_ END,
  visit_, {k}, row_, column_name, problem_, unmapped_
FROM (SELECT *, CASE
  {_problems(mapping, event)}
END AS problem_
FROM ({_parsed(event, others)}))
WHERE problem_ IS NOT NULL OR code_ IS NOT NULL"""


def _rejected(table: Table, event: Event, k: int) -> str:
    column = f"coalesce(column_, {literal(_label(event.code))})"
    return f"""INSERT INTO _rejected SELECT {literal(table.name)}, row_, CASE
  WHEN problem_ LIKE 'subject%' THEN {literal(table.subject or "")}
  WHEN problem_ LIKE 'visit%' THEN {literal(table.visit or "")}
  WHEN problem_ LIKE 'time%' THEN {literal(event.time or "")}
  ELSE {column}
END, problem_
FROM _made WHERE event_ = {k} AND problem_ IS NOT NULL"""


def _parsed(event: Event, others: Sequence[str]) -> str:
    """One row for each event that the rows of a table could make, with its code, time and value parsed."""
    prefix, text, written = _template(event.code, event.normalise, event.levels)
    time = f"try_strptime(time_text_, {literal(event.time_format)})" if event.time_format else "as_time(time_text_)"
    alias = quoted(event.table)
    columns = [f"{alias}.{name} AS {name}" for name in ("row_", "subject_", "subject_text_", "visit_", "visit_text_")]
    columns += [f"{quoted(other)}.row_ AS joined_{other}" for other in event.join]
    columns += [
        f"{f'{alias}.column_name' if event.each else 'CAST(NULL AS VARCHAR)'} AS column_name",
        f"{text} AS code_text_",
        f"CAST(({event.time or 'NULL'}) AS VARCHAR) AS time_text_",
        f"CAST(({event.value or 'NULL'}) AS VARCHAR) AS value_text_",
        f"({event.check or 'true'}) AS check_",
        f"({event.unmapped or 'false'}) AS unmapped_",
    ]
    where = f"\n  WHERE {event.when}" if event.when else ""
    code = f"{literal(prefix)} || rest_" if prefix else "rest_"
    return f"""
  SELECT * EXCLUDE (rest_), CASE WHEN rest_ = '' THEN '' ELSE {code} END AS code_,
    CASE WHEN isfinite(TRY_CAST(value_text_ AS FLOAT)) THEN TRY_CAST(value_text_ AS FLOAT) END AS number_
  FROM (SELECT *, {written} AS rest_, {time} AS time_
  FROM (SELECT {", ".join(columns)}
  FROM {_source(event, others)}{where}))"""


def _source(event: Event, others: Sequence[str]) -> str:
    alias = quoted(event.table)
    source = alias
    if event.each:
        named = [name for each in event.each for name in (others if each == EACH_OTHER else [each])]
        selects = (f"SELECT *, {quoted(c)} AS value, {literal(c)} AS column_name FROM {alias}" for c in named)
        source = "(" + "\n    UNION ALL ".join(selects) + f") AS {alias}"
    if event.unnest:
        source = f"""(SELECT * REPLACE (trim(value) AS value)
    FROM (SELECT *, unnest({event.unnest}) AS value FROM {alias}) WHERE trim(value) <> '') AS {alias}"""
    for other, columns in event.joined.items():
        on = " AND ".join(f"{quoted(other)}.{quoted(c)} = {alias}.{quoted(c)}" for c in columns)
        source += f"\n    LEFT JOIN {quoted(other)} ON {on}"
    return source


def _problems(mapping: Mapping, event: Event) -> str:
    """The first thing that is wrong with a row, or null; a code that is missing where it may be is no problem."""
    cases = [(f"joined_{other} IS NULL", f"no row of {other}") for other in event.join]
    cases += [("code_ IS NULL", "")] if event.optional else []
    cases += [("subject_text_ IS NULL", "subject missing"), ("subject_ IS NULL", "subject is no plain whole number")]
    cases += [("visit_text_ IS NOT NULL AND visit_ IS NULL", "visit is no plain whole number")]
    cases += [("check_ IS NOT TRUE", "value is none of those expected"), ("code_ IS NULL", "code missing")]
    form = "strpos(code_, '/') BETWEEN 2 AND length(code_) - 1" if mapping.slashes else "code_ <> ''"
    cases += [(f"NOT ({form})", "code malformed")]
    if event.time and not event.time_optional:
        cases.append(("time_text_ IS NULL", "time missing"))
    if event.time:
        span = f"TIMESTAMP {literal(mapping.earliest)} AND TIMESTAMP {literal(mapping.latest)}"
        cases.append(("time_text_ IS NOT NULL AND (time_ IS NULL OR NOT isfinite(time_))", "time is no date"))
        cases.append((f"time_ NOT BETWEEN {span}", "time is no plausible date"))
    return "\n  ".join(f"WHEN {test} THEN {literal(reason) if reason else 'NULL'}" for test, reason in cases)


def _template(template: str, normalise: str, levels: Dict[str, str]) -> tuple[str, str, str]:
    """A code template as its literal system, with the slash; SQL of the rest as text; SQL of that as it is written.

    The second is called `code_text_` in the third; null where a part is null.
    """
    cut = template.split("{", 1)[0].find("/") + 1
    if normalise == "by_system":
        cut = 0
    pieces = enumerate(PLACEHOLDER.split(template[cut:]))
    sql = " || ".join(f"CAST(({piece}) AS VARCHAR)" if k % 2 else literal(piece) for k, piece in pieces if piece)
    if levels:
        known = " ".join(f"WHEN {literal(raw)} THEN {literal(code)}" for raw, code in levels.items())
        return template[:cut], sql, f"CASE code_text_ {known} ELSE CASE WHEN code_text_ IS NOT NULL THEN '' END END"
    return template[:cut], sql, f"{normalise}(code_text_)"


def _label(template: str) -> str:
    """What to call a code's column in a list of rejects: the column, or the system where an expression makes it."""
    found = PLACEHOLDER.findall(template)
    plain = len(found) == 1 and found[0].replace(".", "_").isidentifier()
    return found[0] if plain else template.split("/", 1)[0].split("{", 1)[0] or "code"


def made_events(mapping: Mapping, present: Sequence[str]) -> list[Event]:
    """The events of a mapping whose tables are there, in the order in which `made` numbers them."""
    return [event for event in mapping.event if {event.table, *event.join} <= set(present)]


def _descriptions(mapping: Mapping, present: set[str]) -> Iterator[str]:
    for part in mapping.description:
        if part.table in present:
            prefix, text, written = _template(part.code, part.normalise, {})
            code = f"{literal(prefix)} || rest_" if prefix else "rest_"
            yield f"""INSERT INTO _descriptions SELECT {code}, min(text_)
FROM (SELECT {written} AS rest_, text_
  FROM (SELECT {text} AS code_text_, CAST(({part.text}) AS VARCHAR) AS text_ FROM {quoted(part.table)}))
WHERE rest_ <> '' AND text_ IS NOT NULL GROUP BY rest_"""
