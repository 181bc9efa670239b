"""Databases as sources: a DuckDB file, a live PostgreSQL through ADBC, a SQL Server through arrow-odbc.

The names of an address's user, password and host are never shown, and are in no manifest.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.errors import BadData, BadRequest
from synthehr.events.engine import quoted
from synthehr.landing import file_hash

READERS = ("postgresql://", "postgres://", "mssql://")
ADDRESS = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]+:/{1,2}[^/]|(.*[;\s])?(driver|server|host|hostaddr|dbname|password|pwd)\s*=", re.I
)
LOG_OF_FILE = ".wal"  # DuckDB's log of what its file does not hold yet
DUCKDB_MAGIC = (8, b"DUCK")  # at byte 8 of a file
BATCH_ROWS = 65_536
LONGEST_TEXT = 4_096  # of a column without a limit (varchar(max)); longer text is refused, never cut
# rows as they lie there, whoever else reads the table
SAME_ORDER = ("SET synchronize_seqscans = off", "SET max_parallel_workers_per_gather = 0")
COLUMNS = """SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE table_schema NOT IN ('information_schema', 'pg_catalog', 'sys') AND {where}
ORDER BY table_schema, table_name, ordinal_position"""


@dataclass(frozen=True)
class DatabaseTable:
    """A table of a database.

    address: path of a DuckDB file, or the URL of a server; never shown. schema, table: where it is. names: its columns.
    """

    address: str = field(repr=False)
    schema: str
    table: str
    names: tuple[str, ...]

    @property
    def shown(self) -> str:
        """How messages and reports name it."""
        return f"{self.schema}.{self.table}"

    @property
    def name(self) -> str:
        """How a manifest names it."""
        return self.shown

    def columns(self) -> tuple[str, ...]:
        """Its columns, as the database spells them."""
        return self.names

    def text_bytes(self) -> int:
        """About how many bytes of text it holds, by its number of rows."""
        return 20 * len(self.names) * self._rows()

    def export(self, columns: Mapping[str, str], path: Path) -> None:
        """Write these columns (name there -> name here) as Parquet, rows as the database gives them."""
        names = ", ".join(f"{quoted(name)} AS {quoted(called)}" for name, called in columns.items())
        batches = self._batches(f"SELECT {names} FROM {quoted(self.schema)}.{quoted(self.table)}")
        first = next(batches, None)
        empty = pa.schema([(called, pa.string()) for called in columns.values()])
        with pq.ParquetWriter(path, first.schema if first is not None else empty) as writer:
            if first is not None:
                writer.write_batch(first)
            for batch in batches:
                writer.write_batch(batch)

    def digest(self) -> str:
        """A hash of its records: the file's own, or one that a server sums over its rows, in whatever order."""
        if self.is_file:
            log = Path(self.address + LOG_OF_FILE)
            return file_hash(Path(self.address)) + (file_hash(log) if log.is_file() else "")
        where = f"{quoted(self.schema)}.{quoted(self.table)}"
        sql = (
            f"SELECT count(*), CAST(sum(hashtextextended(CAST(row_ AS text), 0)::numeric) AS text) FROM {where} AS row_"
            if self.address.startswith("postgres")
            else f"SELECT count_big(*), checksum_agg(binary_checksum(*)) FROM {where}"
        )
        said = [value for batch in self._batches(sql) for row in batch.to_pylist() for value in row.values()]
        return hashlib.sha256(f"{self.shown} {said}".encode()).hexdigest()

    @property
    def is_file(self) -> bool:
        """Whether it is in a DuckDB file and not on a server."""
        return not is_address(self.address)

    def _rows(self) -> int:
        sql = f"SELECT count(*) FROM {quoted(self.schema)}.{quoted(self.table)}"
        return sum(int(next(iter(row.values()))) for batch in self._batches(sql) for row in batch.to_pylist())

    def _batches(self, sql: str) -> Iterator[pa.RecordBatch]:
        return reader_of(self.address)(self.address, sql)


def is_address(source: object) -> bool:
    """Whether a source is the address of a database server, of whatever kind, and not a path."""
    return isinstance(source, str) and ADDRESS.match(source) is not None


def is_duckdb(path: Path) -> bool:
    """Whether a file is a DuckDB database, by what it begins with."""
    at, magic = DUCKDB_MAGIC
    with path.open("rb") as stream:
        return stream.read(at + len(magic))[at:] == magic


def database_tables(address: str) -> list[DatabaseTable]:
    """The tables of a DuckDB file (all schemas) or of a server (those on the search path; SQL Server: all schemas).

    Raises:
        BadRequest: the extra that reads such a server is not installed, or the server cannot be reached, or none reads
            such an address.
        BadData: it has no table.
    """
    where = "table_schema = ANY (current_schemas(false))" if address.startswith("postgres") else "1 = 1"
    found: dict[tuple[str, str], list[str]] = {}
    for batch in reader_of(address)(address, COLUMNS.format(where=where)):
        for row in batch.to_pylist():
            schema, table, column = (str(value) for value in row.values())
            found.setdefault((schema, table), []).append(column)
    if not found:
        raise BadData("The database has no table that this user can see: name the schema in the address.")
    return [DatabaseTable(address, *where, tuple(names)) for where, names in found.items()]


def reader_of(address: str) -> Callable[[str, str], Iterator[pa.RecordBatch]]:
    """What runs a query at an address and gives its rows as Arrow batches."""
    if not is_address(address):
        return _duckdb
    if not address.startswith(READERS):
        raise BadRequest(f"No reader for this kind of address: it has to begin with {' or '.join(READERS)}.")
    return _mssql if address.startswith("mssql") else _postgres


def _duckdb(path: str, sql: str) -> Iterator[pa.RecordBatch]:
    try:
        with duckdb.connect(path, read_only=True) as connection:
            relation = connection.sql(sql)
            reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader  # DuckDB 2, DuckDB 1
            yield from reader(BATCH_ROWS)
    except duckdb.IOException:
        raise BadData(
            f"{Path(path).name} is no DuckDB database that this version reads, or another process holds it: close it "
            "there, or copy it again."
        ) from None


def _postgres(url: str, sql: str) -> Iterator[pa.RecordBatch]:
    dbapi = _extra("adbc_driver_postgresql.dbapi", "postgres", "PostgreSQL")
    with _refused("PostgreSQL"), dbapi.connect(url) as connection, connection.cursor() as cursor:
        for setting in SAME_ORDER:
            cursor.execute(setting)
        cursor.execute(sql)
        yield from cursor.fetch_record_batch()


def _mssql(url: str, sql: str) -> Iterator[pa.RecordBatch]:
    odbc = _extra("arrow_odbc", "mssql", "SQL Server")
    with _refused("SQL Server"):
        yield from odbc.read_arrow_batches_from_odbc(
            query=sql,
            connection_string=url.removeprefix("mssql://"),
            batch_size=BATCH_ROWS,
            max_text_size=LONGEST_TEXT,
        )


def _extra(module: str, extra: str, server: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise BadRequest(f"Reading {server} needs an extra: pip install 'synthehr[{extra}]'.") from None
    except OSError:  # of arrow-odbc
        raise BadRequest(
            f"Reading {server} needs a library of this system: install unixODBC (Debian: apt install unixodbc) and "
            "the ODBC driver of its vendor."
        ) from None


@contextlib.contextmanager
def _refused(server: str) -> Iterator[None]:
    """Turn what a driver says into our own words: its own may hold the address, or a record."""
    try:
        yield
    except (BadData, BadRequest, GeneratorExit):
        raise
    except Exception as error:
        raise BadRequest(
            f"{server} refused ({type(error).__name__}): check the address, that the server is up, and that the user "
            "may read the tables."
        ) from None
