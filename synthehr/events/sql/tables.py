"""The SQL over staged rows: tables as a mapping's events see them, and what of their rows is set aside."""

from collections.abc import Iterator, Sequence

from synthehr.events.engine import literal, quoted
from synthehr.events.mapping import Mapping, Table
from synthehr.events.sql.staging import hashed, number

REPEATED = "repeated"


def prepared(
    mapping: Mapping, table: Table, others: Sequence[str], *, settled: bool, visits_plain: bool
) -> Iterator[str]:
    """Statements that leave a view named as the table: rows that stand, with subject_ and visit_ (numbers or null).

    Over `_raw_<table>`. others: its columns that the mapping does not name. settled: `_dropped_<table>` is there
    already, found over all patients. visits_plain: whether every visit of the source is a plain whole number.
    """
    if table.key and not settled:
        yield dropped(table, others)
    if table.key:
        yield from _rejected_keys(table)
    yield f"""INSERT INTO _rejected SELECT {literal(table.name)}, row_, '', problem_
FROM _raw_{table.name} WHERE problem_ IS NOT NULL"""
    standing = f"_raw_{table.name}"
    if table.key:
        standing += f" ANTI JOIN _dropped_{table.name} USING (row_)"
    left_out = _left_out(table, others)
    yield f"""CREATE VIEW _judged_{table.name} AS SELECT *, {left_out} AS left_out_
FROM {standing} WHERE problem_ IS NULL"""
    yield f"""INSERT INTO _left_out SELECT {literal(table.name)}, left_out_, count(*) FROM _judged_{table.name}
WHERE left_out_ IS NOT NULL GROUP BY left_out_"""
    visit = ""
    if table.has_subject:
        visit = f", {_visit(mapping, visits_plain)} AS visit_"
    yield f"""CREATE VIEW {quoted(table.name)} AS SELECT * EXCLUDE (left_out_){visit}
FROM _judged_{table.name} WHERE left_out_ IS NULL"""


def _visit(mapping: Mapping, visits_plain: bool) -> str:
    """Visits are hashed all or none, since their numbers also say their order."""
    if mapping.visit_ids == "integer" or visits_plain:
        return number("visit", "integer")
    return hashed("visit")


def _left_out(table: Table, others: Sequence[str]) -> str:
    """The reason why a row is left out, or null: it is blank, repeats the header, or the mapping says so."""
    blank = " AND ".join(f"{quoted(name)} IS NULL" for name in (*table.named, *others))
    header = " AND ".join(f"lower({quoted(name)}) = {literal(name.lower())}" for name in table.columns)
    cases = [("row is blank", blank), ("row repeats the header", header), *table.drop.items()]
    return "CASE " + " ".join(f"WHEN {sql} THEN {literal(reason)}" for reason, sql in cases) + " END"


def dropped(table: Table, others: Sequence[str]) -> str:
    """`dropped_<table>`: rows of which the key is missing, or stands in an earlier row already, and why."""
    key = ", ".join(quoted(name) for name in table.key)
    missing = " OR ".join(f"{quoted(name)} IS NULL" for name in table.key)
    whole = "ROW(" + ", ".join(quoted(name) for name in (*table.named, *others)) + ")"
    blank = " AND ".join(f"{quoted(name)} IS NULL" for name in table.named)
    raw = f"_raw_{table.name}"
    return f"""CREATE TABLE _dropped_{table.name} AS
SELECT row_, CASE WHEN same_ THEN {literal(REPEATED)} ELSE 'key repeated with other content' END AS reason_
FROM (
  SELECT row_, row_number() OVER w AS nth_, {whole} IS NOT DISTINCT FROM first_value({whole}) OVER w AS same_
  FROM {raw} SEMI JOIN (SELECT {key} FROM {raw} GROUP BY {key} HAVING count(*) > 1) USING ({key})
  WINDOW w AS (PARTITION BY {key} ORDER BY row_)
) WHERE nth_ > 1
UNION ALL SELECT row_, 'key missing' FROM {raw} WHERE ({missing}) AND NOT ({blank}) AND problem_ IS NULL"""


def _rejected_keys(table: Table) -> Iterator[str]:
    yield f"""INSERT INTO _rejected SELECT {literal(table.name)}, row_, {literal(", ".join(table.key))}, reason_
FROM _raw_{table.name} JOIN _dropped_{table.name} USING (row_)
WHERE reason_ <> {literal(REPEATED)}"""
    yield f"""INSERT INTO _repeated SELECT {literal(table.name)}, count(*)
FROM _raw_{table.name} JOIN _dropped_{table.name} USING (row_) WHERE reason_ = {literal(REPEATED)}"""
