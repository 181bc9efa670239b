"""The SQL that stages one file of a source: its rows numbered, as trimmed text, with the number of their patient."""

from collections.abc import Sequence

from synthehr.events.engine import literal, quoted
from synthehr.events.mapping import Mapping, Table
from synthehr.events.sources.layout import Layout

PLAIN_INTEGER = "'0|[1-9][0-9]{0,18}'"  # no sign (negative ids are synthetic), no leading zero (007 is not 7)
ROWS_OF_A_FILE = 1 << 40  # row_ of the n-th row of the k-th file of a table is k times this, and n
REJECTED_LINES = "lines_"
COUNTED = "row_number() OVER ()"
NO_JSON = "line is no JSON object"
LONGEST_LINE = 1 << 24  # bytes; a FHIR resource with an attachment


def other_columns(table: Table, layout: Layout) -> list[str]:
    """Columns of a file that the table does not name, if it reads them."""
    known = {name.lower() for name in table.named}
    return [name for name in layout.names if table.others and name.lower() not in known]


def staged_columns(table: Table, layouts: Sequence[Layout]) -> list[str]:
    """Columns of a table once it is staged: those it names, then all others of its files, then derived ones."""
    others = dict.fromkeys(name for layout in layouts for name in other_columns(table, layout))
    return [*table.named, *others, *table.derived]


def stage(mapping: Mapping, table: Table, layouts: Sequence[Layout], k: int, reader: str, *, row: str = COUNTED) -> str:
    """SQL of the k-th file of a table: row_, problem_, its columns as text, and subject_, the number of its patient.

    reader: SQL that gives the file's rows; row: SQL of the number of a row, from 1. Text is trimmed, and null where a
    value is missing.
    """
    names = [name for name in staged_columns(table, layouts) if name not in table.derived]
    rows = _resources(table, names, k, reader) if table.resource else _records(table, names, layouts[k], k, reader, row)
    derived = "".join(f", CAST(({sql}) AS VARCHAR) AS {quoted(name)}" for name, sql in table.derived.items())
    if not table.has_subject:
        return f"SELECT *{derived}\nFROM ({rows})"
    if table.subject_from:
        return _with_foreign_subject(table, f"SELECT *{derived} FROM ({rows})")
    return f"""SELECT * EXCLUDE (subject_text_), {number("subject", mapping.subject_ids)} AS subject_
FROM (SELECT *, CAST(({table.subject}) AS VARCHAR) AS subject_text_ FROM (SELECT *{derived} FROM ({rows})))"""


def identified(table: Table, rows: str) -> str:
    """SQL of staged rows with what they call their patient and visit: subject_text_ and visit_text_, or null."""
    if not table.has_subject:
        return f"SELECT * FROM {rows}"
    visit = f"CAST(({table.visit}) AS VARCHAR)" if table.visit else "CAST(NULL AS VARCHAR)"
    subject = f", CAST(({table.subject}) AS VARCHAR) AS subject_text_" if table.subject else ""
    return f"SELECT *{subject}, {visit} AS visit_text_ FROM {rows}"


def _records(table: Table, names: Sequence[str], layout: Layout, k: int, reader: str, row: str) -> str:
    spelled = {column.lower(): column for column in layout.names}
    columns = ", ".join(_column(table, name, spelled.get(name.lower()), layout) for name in names)
    return f"""
  SELECT {k * ROWS_OF_A_FILE} + {row} AS row_, CAST(NULL AS VARCHAR) AS problem_, {columns}
  FROM {reader}"""


def _column(table: Table, name: str, there: str | None, layout: Layout) -> str:
    if there is None:
        return f"CAST(NULL AS VARCHAR) AS {quoted(name)}"
    text = f"CAST({quoted(there)} AS VARCHAR)"
    if there in layout.blankless and not table.missing:
        return f"{text} AS {quoted(name)}"
    text = f"trim({text})"
    if there in layout.floats:  # an integer column with gaps, as pandas writes it
        text = f"regexp_replace({text}, '^(-?[0-9]+)[.]0$', '\\1')"
    return _unless_missing(table, text, name)


def _unless_missing(table: Table, text: str, name: str) -> str:
    empty = ", ".join(literal(token) for token in ("", *table.missing))
    return f"CASE WHEN {text} NOT IN ({empty}) THEN {text} END AS {quoted(name)}"


def _resources(table: Table, names: Sequence[str], k: int, reader: str) -> str:
    """The elements of FHIR resources as text, objects and arrays as JSON; a line that is no object has a problem."""
    paths = ", ".join(literal("$." + name) for name in names)
    columns = ", ".join(_unless_missing(table, f"trim(found_[{n}])", name) for n, name in enumerate(names, start=1))
    return f"""
  SELECT row_, CASE WHEN found_ IS NULL THEN {literal(NO_JSON)} END AS problem_, {columns}
  FROM (
    SELECT row_, CASE WHEN json_valid(line_) AND json_type(line_) = 'OBJECT'
      THEN json_extract_string(line_, [{paths}]) END AS found_
    FROM (SELECT {k * ROWS_OF_A_FILE} + {COUNTED} AS row_, line_ FROM {reader}) WHERE line_ IS NOT NULL
  )"""


def _with_foreign_subject(table: Table, source: str) -> str:
    """Rows whose patient another table knows; a row that it does not have is an orphan."""
    ((other, columns),) = table.subject_from.items()
    key = ", ".join(quoted(name) for name in columns)
    problem = f"coalesce(s.problem_, CASE WHEN o.found_ IS NULL THEN {literal(f'no row of {other}')} END) AS problem_"
    return f"""SELECT s.* REPLACE ({problem}), o.subject_text_, o.subject_
FROM ({source}) AS s
LEFT JOIN (
  SELECT {key}, arg_min(subject_text_, row_) AS subject_text_, arg_min(subject_, row_) AS subject_, true AS found_
  FROM _raw_{other} GROUP BY {key}
) AS o USING ({key})"""


def number(kind: str, rule: str) -> str:
    """The number of an identifier: a plain whole number as it stands; for other text a hash of it, or null.

    The hash is 62 bits of MD5, in [0, 2**62). A subject's number is a function of its own text alone, whatever others
    there are. Two texts of one number are for `make_events` to refuse.
    """
    other = f" ELSE {hashed(kind)}" if rule == "any" else ""
    return f"CASE WHEN {is_plain(kind)} THEN TRY_CAST({kind}_text_ AS BIGINT){other} END"


def is_plain(kind: str) -> str:
    """SQL of whether an identifier is a plain whole number below 2**63; null where there is none."""
    text = f"{kind}_text_"
    return f"(regexp_full_match({text}, {PLAIN_INTEGER}) AND (length({text}) < 19 OR TRY_CAST({text} AS BIGINT) >= 0))"


def hashed(kind: str) -> str:
    """The hash of an identifier, as `number` gives it."""
    return f"CAST(md5_number_lower({kind}_text_) >> 2 AS BIGINT)"


def csv_reader(table: Table, layout: Layout, path: str) -> str:
    """`read_csv` of a file, all columns as text; lines that do not split are noted in `REJECTED_LINES`."""
    used = {name.lower() for name in table.named}
    kept = [name if table.others or name.lower() in used else f"unused {k}" for k, name in enumerate(layout.names)]
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in kept)
    quote = "'\"'" if layout.quotes else "''"
    dialect = f"delim={literal(layout.delimiter)}, quote={quote}, escape={quote}"
    return f"""read_csv({literal(path)},
  auto_detect=false, header={"true" if layout.has_header else "false"}, {dialect},
  store_rejects=true, rejects_table={literal(REJECTED_LINES)}, rejects_scan={literal("scans_")},
  columns={{{columns}}})"""


def line_reader(path: str) -> str:
    """`read_csv` of lines, each as the text `line_`."""
    return f"""read_csv({literal(path)},
  auto_detect=false, header=false, delim='\x1f', quote='', escape='', max_line_size={LONGEST_LINE},
  store_rejects=true, rejects_table={literal(REJECTED_LINES)}, rejects_scan={literal("scans_")},
  columns={{'line_': 'VARCHAR'}})"""
