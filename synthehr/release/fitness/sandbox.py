"""SQL of others, run where it can read one database and nothing else, for so long and so many rows."""

import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from numpy.typing import NDArray

from synthehr.events.engine import interrupted

MEMORY_LIMIT = "2GB"
MOST_ROWS = 10_000
IDS = ("synthetic_id", "subject_id", "person_id")
# why a query has no answer: the words a card shows. DuckDB's own may quote a value, so they are not repeated
REASONS = {
    "statement": "It is not one SELECT statement; a file holds one, and it changes nothing.",
    "syntax": "DuckDB cannot read it.",
    "name": "It names a table, column, macro or function that is not there, or puts types together that do not fit.",
    "outside": "It reads or writes outside the database.",
    "listing": "It lists patients (an id, a list, or as many rows as there are patients). Return aggregates.",
    "count": "It counts nobody: no column is a whole number. Add count(*), so that each row says whom it rests on.",
    "keys": "Rows cannot be told apart by their columns of text. Cast whole numbers that are no counts to VARCHAR.",
    "rows": f"It returns more than {MOST_ROWS:,} rows.",
    "columns": "Its columns depend on the data.",
    "time": "It took too long.",
    "memory": "It needs more memory than it may take.",
    "value": "DuckDB refused a value on the way, such as a text that is no number.",
}
_WHOLE = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(\d+,\s*0\)|BIGNUM|VARINT")
_FRACTION = re.compile(r"FLOAT|DOUBLE|DECIMAL\(\d+,\s*\d+\)")
_TEXT = re.compile(r"VARCHAR|BOOLEAN|DATE|TIME.*|ENUM\((?s:.*)\)|UUID|INTERVAL|\"NULL\"")


class Unanswered(Exception):
    """A query has no answer on one database; `reason` is a key of `REASONS`. Never leaves this room."""

    def __init__(self, reason: str) -> None:
        super().__init__(REASONS[reason])
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """What a query returned on one database.

    keys: one a row, unique: its columns that are no numbers, as text. columns: names of the numeric ones. whole:
    (n_columns,) bool, whether a column is of a whole-number type, and so may count patients. values: (n_rows,
    n_columns) float64, nan for NULL and for what is not finite.
    """

    keys: tuple[tuple[str | None, ...], ...]
    columns: tuple[str, ...]
    whole: NDArray[np.bool_]
    values: NDArray[np.float64]


def ask(database: Path, sql: str, *, patients: int, seconds: float, scratch: Path) -> Answer:
    """The answer of one query on one database of `patients` patients.

    The database is opened to read; files, network, extensions and settings are barred (DuckDB, "Securing DuckDB").
    One thread, and a fixed seed of random(): same bytes, same answer. seconds: after which it is interrupted. scratch:
    an existing folder to spill in.

    Raises:
        Unanswered: it was refused, or failed; with the reason.
    """
    try:
        with _locked(database, scratch) as connection:
            statement = _statement(connection, sql)
            with interrupted(connection, seconds):
                kinds = connection.execute(f"DESCRIBE {statement}").fetchall()
                places = _places([(str(kind[0]), str(kind[1])) for kind in kinds])
                rows = connection.execute(statement).fetchmany(MOST_ROWS + 1)
    except duckdb.Error as error:
        raise Unanswered(_reason(error)) from None
    return _answer(rows, [str(kind[0]) for kind in kinds], places, patients)


@contextlib.contextmanager
def _locked(database: Path, scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    # a folder of its own: DuckDB lets a query read the folder that it spills to
    with tempfile.TemporaryDirectory(prefix=".spill-", dir=scratch) as spill, _opened(database, spill) as connection:
        connection.execute("SET enable_progress_bar = false; SELECT setseed(0.5)")
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        yield connection


def _opened(database: Path, spill: str) -> duckdb.DuckDBPyConnection:
    config = {
        "threads": "1",  # the order in which floats are summed is then always the same
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": spill,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    return duckdb.connect(str(database), read_only=True, config=config)


def _statement(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise Unanswered("statement")
    return str(statements[0].query)


def _places(described: list[tuple[str, str]]) -> dict[str, list[int]]:
    """Positions of the columns by what they are: whole numbers, fractions, text."""
    places: dict[str, list[int]] = {"whole": [], "fraction": [], "text": []}
    for position, (name, kind) in enumerate(described):
        fitting = [k for k, form in _FORMS.items() if form.fullmatch(kind)]
        if name.lower() in IDS or not fitting:
            raise Unanswered("listing")
        places[fitting[0]].append(position)
    if not places["whole"]:
        raise Unanswered("count")
    return places


_FORMS = {"whole": _WHOLE, "fraction": _FRACTION, "text": _TEXT}  # the first that fits: DECIMAL(5,0) is whole


def _answer(rows: list[tuple[object, ...]], names: list[str], places: dict[str, list[int]], patients: int) -> Answer:
    if len(rows) > MOST_ROWS:
        raise Unanswered("rows")
    keys = tuple(tuple(None if row[i] is None else str(row[i]) for i in places["text"]) for row in rows)
    if len(rows) > 1 and len(rows) >= patients:
        raise Unanswered("listing")
    if len(set(keys)) < len(keys):
        raise Unanswered("keys")
    numeric = sorted(places["whole"] + places["fraction"])
    values = np.array([[row[i] for i in numeric] for row in rows], dtype=np.float64).reshape(len(rows), len(numeric))
    return Answer(
        keys=keys,
        columns=tuple(names[i] for i in numeric),
        whole=np.isin(numeric, places["whole"]),
        values=np.where(np.isfinite(values), values, np.nan),
    )


def _reason(error: duckdb.Error) -> str:
    by_kind = (
        (duckdb.InterruptException, "time"),
        (duckdb.OutOfMemoryException, "memory"),
        (duckdb.PermissionException, "outside"),
        (duckdb.ParserException, "syntax"),
        (duckdb.SyntaxException, "syntax"),
        (duckdb.BinderException, "name"),
        (duckdb.CatalogException, "name"),
    )
    return next((reason for kind, reason in by_kind if isinstance(error, kind)), "value")
