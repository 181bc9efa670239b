"""Questions to the bundle's database: one SELECT at a time, nothing but that one file, bounded in memory and time."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from synthehr.errors import BadData
from synthehr.events.engine import interrupted

ROWS = 1_000  # shown on a page
CSV_ROWS = 100_000  # written to a file
SECONDS = 10.0
NO_FILES = (
    "This page reads the database alone. What reads files runs in DuckDB itself, from the folder of the database."
)
# views of a bundle that somebody sent are looked into like everything else, so the engine itself is shut
CLOSED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",  # or a query could name a variable of this program
    "temp_directory": "",  # nothing is written beside the database
    "memory_limit": "1GB",
    "lock_configuration": "true",
}


class Refused(ValueError):
    """A query that was not answered; the message is for whoever wrote it."""


@dataclass(frozen=True)
class Answer:
    """What a query gave. more: whether there were more rows than `rows`. seconds: wall-clock."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool
    seconds: float


class Database:
    """`cohort.duckdb`, opened to be read.

    seconds: after which a query is interrupted; an operation on a single huge value is first carried to its end.

    Raises:
        BadData: the file is no database that this DuckDB reads.
    """

    def __init__(self, path: Path, *, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._busy = threading.Lock()
        self._running: duckdb.DuckDBPyConnection | None = None
        try:
            self._connection = duckdb.connect(str(path), read_only=True, config=CLOSED)
        except duckdb.Error as error:
            raise BadData(f"{path} cannot be read as a DuckDB database: copy the bundle again. {error}") from None

    def ask(self, sql: str, *, limit: int = ROWS) -> Answer:
        """Run one SELECT and fetch at most `limit` rows; queries wait for each other.

        Raises:
            Refused: nothing to run, several statements, anything but a SELECT, what DuckDB refuses, or too slow.
        """
        if not self._busy.acquire(timeout=self.seconds + 1):
            raise Refused("Another query is still running. Try again when it has ended.")
        cursor = self._running = self._connection.cursor()
        started = time.monotonic()
        try:
            statement = _single_select(cursor, sql)
            with interrupted(cursor, self.seconds):
                cursor.execute(statement)
                rows = cursor.fetchmany(limit + 1)
            columns = tuple(str(column[0]) for column in cursor.description or ())
        except duckdb.InterruptException:
            raise Refused(
                f"Stopped after {self.seconds:g} seconds. Ask for less: filter first, or join on synthetic_id."
            ) from None
        except duckdb.PermissionException as error:
            raise Refused(f"{error}\n{NO_FILES}") from None
        except (duckdb.Error, ValueError, OverflowError) as error:
            raise Refused(str(error)) from None
        finally:
            self._running = None
            cursor.close()
            self._busy.release()
        return Answer(columns, rows[:limit], len(rows) > limit, time.monotonic() - started)

    def close(self) -> None:
        """Interrupt what runs and close the file."""
        running = self._running
        if running is not None:
            running.interrupt()
        self._connection.close()


def _single_select(cursor: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """The one statement in `sql`. What is checked here is what is run: nothing is parsed twice."""
    statements = cursor.extract_statements(sql)
    if not statements:
        raise Refused("There is no query yet: write one, or take an example.")
    if len(statements) > 1:
        raise Refused(f"One query at a time: here are {len(statements)}, parted by semicolons.")
    kind = statements[0].type.name
    if kind != "SELECT":
        hint = " In a PIVOT, name the values: ON sex IN ('female', 'male')." if kind == "MULTI" else ""
        raise Refused(f"Only queries that read are run here: SELECT, WITH, FROM, DESCRIBE. This one is {kind}.{hint}")
    return statements[0]
