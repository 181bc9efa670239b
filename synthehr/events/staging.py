"""The SQL that stages a source's files as text, tells their rows apart and gives subjects and visits their numbers."""

from collections.abc import Iterator, Sequence

from synthehr.events.engine import literal, quoted
from synthehr.events.mapping import Mapping, Table
from synthehr.events.recognise import Resolved

PLAIN_INTEGER = "'0|[1-9][0-9]{0,17}'"  # no sign (negative ids are synthetic), no leading zero (007 is not 7)


def bad_lines(table: str, file: int) -> str:
    """Name of the table where DuckDB notes the lines of a file that it could not split into columns."""
    return f"lines_{table}_{file}"


def stage(table: Table, part: Resolved, path: str, k: int) -> str:
    """Read the k-th file of a table into `raw_<table>`: trimmed text, null where a value is missing."""
    spelled = {name.lower(): name for name in part.header}
    empty = ", ".join(literal(token) for token in ("", *table.missing))
    columns = []
    for name in dict.fromkeys([*table.columns, *table.optional_columns]):
        there = spelled.get(name.lower())
        text = f"trim(CAST({quoted(there)} AS VARCHAR))" if there else "CAST(NULL AS VARCHAR)"
        columns.append(f"CASE WHEN {text} NOT IN ({empty}) THEN {text} END AS {quoted(name)}")
    reader = f"read_parquet({literal(path)})" if part.file.is_parquet else _read_csv(table, part, path, k)
    select = "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {reader}"
    return f"CREATE TABLE raw_{table.name} AS {select}" if k == 0 else f"INSERT INTO raw_{table.name} {select}"


def _read_csv(table: Table, part: Resolved, path: str, k: int) -> str:
    used = {name.lower() for name in (*table.columns, *table.optional_columns)}
    names = [name if name.lower() in used else f"unused {k}" for k, name in enumerate(part.header)]
    columns = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in names)
    rejects = bad_lines(table.name, k)
    return f"""read_csv({literal(path)},
  auto_detect=false, header=true, delim={literal(table.delimiter)}, quote='"', escape='"',
  store_rejects=true, rejects_table={literal(rejects)}, rejects_scan={literal("scans_" + rejects)},
  columns={{{columns}}})"""


def tables(mapping: Mapping, present: Sequence[Table]) -> Iterator[str]:
    """Views named as the tables, over the staged text: its columns, row_, subject_ and visit_ (numbers or null)."""
    for table in present:
        yield from _rows(table)
    for kind, rule in (("subject", mapping.subject_ids), ("visit", mapping.visit_ids)):
        named = [table.name for table in present if getattr(table, kind)]
        if rule == "any" and named:
            yield _numbered(kind, named)
    for table in present:
        yield _identified(mapping, table)


def _rows(table: Table) -> Iterator[str]:
    source = f"(SELECT rowid + 1 AS row_, * FROM raw_{table.name})"
    if table.key:
        yield from _dropped(table, source)
        source += f" ANTI JOIN dropped_{table.name} USING (row_)"
    texts = "".join(
        f", CAST(({getattr(table, kind)}) AS VARCHAR) AS {kind}_text_" if getattr(table, kind) else ""
        for kind in ("subject", "visit")
    )
    yield f"CREATE VIEW rows_{table.name} AS SELECT *{texts}\nFROM {source}"


def _dropped(table: Table, source: str) -> Iterator[str]:
    """Set aside the rows of which the key is missing, or stands in an earlier row already."""
    key = ", ".join(quoted(name) for name in table.key)
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in table.key)
    whole = "ROW(" + ", ".join(quoted(name) for name in (*table.columns, *table.optional_columns)) + ")"
    yield f"""CREATE TABLE dropped_{table.name} AS
SELECT row_, CASE WHEN same_ THEN 'repeated' ELSE 'key repeated with other content' END AS reason_
FROM (
  SELECT row_, row_number() OVER w AS nth_, {whole} IS NOT DISTINCT FROM first_value({whole}) OVER w AS same_
  FROM {source} SEMI JOIN (SELECT {key} FROM raw_{table.name} GROUP BY {key} HAVING count(*) > 1) USING ({key})
  WINDOW w AS (PARTITION BY {key} ORDER BY row_)
) WHERE nth_ > 1"""
    yield f"INSERT INTO dropped_{table.name} SELECT row_, 'key missing' FROM {source} WHERE {missing}"
    yield f"""INSERT INTO rejected SELECT {literal(table.name)}, row_, {literal(", ".join(table.key))}, reason_
FROM dropped_{table.name} WHERE reason_ <> 'repeated'"""


def _numbered(kind: str, named: Sequence[str]) -> str:
    """Numbers for identifiers: plain whole numbers as they stand, for every other text a hash of it.

    The hash is 62 bits of MD5, in [0, 2**62). A subject's number is a function of its own text alone, whatever others
    there are; visits are hashed all or none, asked of the whole extract, since their numbers also say their order. Two
    texts with one number are for `ingest_events` to refuse.
    """
    texts = " UNION ".join(f"SELECT DISTINCT {kind}_text_ AS text_ FROM rows_{name}" for name in named)
    alone = f"coalesce(regexp_full_match(text_, {PLAIN_INTEGER}), true)"
    plain = alone if kind == "subject" else f"bool_and({alone}) OVER ()"
    return f"""CREATE TABLE {kind}_ids AS
SELECT text_, plain_, CASE WHEN plain_ THEN TRY_CAST(text_ AS BIGINT)
  ELSE CAST(md5_number_lower(text_) >> 2 AS BIGINT) END AS id_
FROM (SELECT text_, {plain} AS plain_ FROM ({texts})) WHERE text_ IS NOT NULL"""


def _identified(mapping: Mapping, table: Table) -> str:
    columns, joins = ["r.*"], ""
    for kind, rule in (("subject", mapping.subject_ids), ("visit", mapping.visit_ids)):
        text = f"r.{kind}_text_"
        if not getattr(table, kind):
            columns += [f"CAST(NULL AS VARCHAR) AS {kind}_text_", f"CAST(NULL AS BIGINT) AS {kind}_"]
        elif rule == "any":
            joins += f"\nLEFT JOIN {kind}_ids ON {kind}_ids.text_ = {text}"
            columns.append(f"{kind}_ids.id_ AS {kind}_")
        else:
            plain = f"regexp_full_match({text}, {PLAIN_INTEGER})"
            columns.append(f"CASE WHEN {plain} THEN CAST({text} AS BIGINT) END AS {kind}_")
    return f"CREATE VIEW {quoted(table.name)} AS SELECT {', '.join(columns)}\nFROM rows_{table.name} AS r{joins}"
