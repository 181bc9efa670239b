"""DuckDB as this house runs it: offline, bounded in memory, spilling where it is told, in a stable order."""

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb

from synthehr.errors import BadData, BadRequest

MEMORY_LIMIT = "2GB"  # the rest spills; a laptop also runs a browser
_SPEAKS_OF_SQL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)


@contextlib.contextmanager
def engine(
    work: Path, *, memory_limit: str = MEMORY_LIMIT, threads: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB that never downloads an extension and spills into `work` only; closed on leaving.

    threads: as many as there are cores unless given.

    Raises:
        OSError: the disk is full (`errno.ENOSPC`). BadRequest: SQL of a mapping does not fit its tables, or the memory
            limit does not suffice. BadData: anything else that DuckDB refuses; its words may quote a record, so they
            are not repeated.
    """
    work.mkdir(parents=True, exist_ok=True)
    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory_limit,
        "temp_directory": str(work),
        "preserve_insertion_order": "true",
    }
    if threads is not None:
        config["threads"] = str(threads)
    connection = duckdb.connect(config=config)
    try:
        connection.execute("SET enable_progress_bar = false")  # it would print between the lines of --json
        yield connection
    except duckdb.Error as error:
        raise _translated(error) from None
    finally:
        connection.close()


@contextlib.contextmanager
def interrupted(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what the connection runs after so many seconds; an operation on one huge value is carried to its end.

    Raises:
        duckdb.InterruptException: from what was running.
    """
    alarm = threading.Timer(seconds, connection.interrupt)
    alarm.start()
    try:
        yield
    finally:
        alarm.cancel()
        alarm.join()  # or it might interrupt a connection that is closed by then


def _translated(error: duckdb.Error) -> Exception:
    if isinstance(error, _SPEAKS_OF_SQL):
        return BadRequest(f"The mapping's SQL does not fit its tables. {error}")
    if isinstance(error, duckdb.OutOfMemoryException):
        return BadRequest("DuckDB needs more memory than it may take and could not spill to disk: free disk space.")
    if isinstance(error, duckdb.IOException) and os.strerror(errno.ENOSPC) in str(error):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return BadData(
        f"DuckDB refused a value or file ({type(error).__name__}); its words may quote a record and are not repeated. "
        "Use TRY_CAST instead of CAST in the mapping's expressions."
    )


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"
