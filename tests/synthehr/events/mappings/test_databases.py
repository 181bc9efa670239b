"""Databases as sources: a DuckDB file, our side of SQL Server, addresses. A real server: `test_postgresql.py`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from synthehr.errors import BadData, BadRequest
from synthehr.events.ingest import identity, ingest_events
from tests.synthehr.events.mappings.counted import events_of, keyed
from tests.synthehr.events.mappings.handmade_omop import EVENTS, extract
from tests.synthehr.events.mappings.landings import contents, says_nothing
from tests.synthehr.events.mappings.postgres_server import PASSWORD, USER


def database(path: Path, source: Path, *, upper: bool = False, schema: str = "main") -> Path:
    """The CSVs of an extract as tables of a DuckDB file."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for file in source.glob("*.csv"):
            name = file.stem.upper() if upper else file.stem
            connection.execute(f"CREATE TABLE {schema}.\"{name}\" AS SELECT * FROM read_csv('{file}')")
    return path


@pytest.mark.parametrize("upper", [False, True])
def test_a_duckdb_file_gives_what_csv_gives(tmp_path: Path, upper: bool) -> None:
    source = extract(tmp_path / "cdm", upper=upper)
    ingest_events(source, tmp_path / "csv")
    ingest_events(database(tmp_path / "x.duckdb", source, upper=upper), tmp_path / "duckdb")
    assert contents(tmp_path / "duckdb") == contents(tmp_path / "csv")
    assert keyed(events_of(tmp_path / "duckdb")) == EVENTS


def test_a_table_in_two_schemas_is_refused(tmp_path: Path) -> None:
    source = extract(tmp_path / "cdm")
    path = database(database(tmp_path / "x.duckdb", source, schema="a"), source, schema="b")
    with pytest.raises(BadData, match=r"person fits 2 files \(a\.person, b\.person\).* twice"):
        ingest_events(path, tmp_path / "events", mapping="omop")


def test_a_duckdb_file_with_changes_in_its_log_is_another_source(tmp_path: Path) -> None:
    path = database(tmp_path / "x.duckdb", extract(tmp_path / "cdm"))
    before = identity(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute("DELETE FROM death")
    assert path.with_name("x.duckdb.wal").exists()
    assert identity(path) != before
    ingest_events(path, tmp_path / "events")
    assert "OUTCOME/died" not in set(events_of(tmp_path / "events")["code"])


def test_a_duckdb_file_that_is_cut_short(tmp_path: Path) -> None:
    path = database(tmp_path / "x.duckdb", extract(tmp_path / "cdm"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadData, match=r"x\.duckdb is no DuckDB database that this version reads"):
        ingest_events(path, tmp_path / "events")


@pytest.mark.parametrize(
    "address",
    [
        f"mysql://{USER}:{PASSWORD}@host/db",
        f"POSTGRESQL://{USER}:{PASSWORD}@host/db",
        f"postgresql+psycopg://{USER}:{PASSWORD}@host/db",
        f"postgresql:/{USER}:{PASSWORD}@host/db",  # as pathlib spells it
        f"host=h user={USER} password={PASSWORD}",
        f"Driver={{ODBC Driver 18}};Server=h;Uid={USER};Pwd={PASSWORD}",
    ],
)
def test_an_address_that_nothing_reads_is_not_repeated(tmp_path: Path, address: str) -> None:
    with pytest.raises(BadRequest, match="it has to begin with postgresql:// or") as caught:
        ingest_events(address, tmp_path / "events")
    assert PASSWORD not in str(caught.value)
    assert USER not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "module", "extra"),
    [
        (f"postgresql://{USER}:{PASSWORD}@127.0.0.1/x", "adbc_driver_postgresql.dbapi", "postgres"),
        ("mssql://Driver={ODBC Driver 18 for SQL Server};Server=h", "arrow_odbc", "mssql"),
    ],
)
def test_without_the_extra_its_name_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BadRequest, match=rf"pip install 'synthehr\[{extra}\]'") as caught:
        ingest_events(address, tmp_path / "events")
    assert says_nothing(str(caught.value))


CONNECTION = f"Driver={{ODBC Driver 18 for SQL Server}};Server=h;Uid={USER};Pwd={PASSWORD}"


def sql_server(path: Path, asked: list[dict[str, Any]]) -> ModuleType:
    """arrow_odbc as far as we call it, over a DuckDB file: there is no SQL Server here to ask."""

    def read_arrow_batches_from_odbc(
        query: str, connection_string: str, *, batch_size: int, max_text_size: int
    ) -> Iterator[pa.RecordBatch]:
        asked.append({"query": query, "connection": connection_string, "limit": max_text_size})
        if connection_string != CONNECTION:
            raise RuntimeError(f"Login failed for {connection_string}")
        sums = "count_big(*), checksum_agg(binary_checksum(*))"
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.sql(query.replace(sums, "count(*), 1"))
            yield from (getattr(found, "to_arrow_reader", None) or found.fetch_arrow_reader)(batch_size)

    module = ModuleType("arrow_odbc")
    module.read_arrow_batches_from_odbc = read_arrow_batches_from_odbc  # type: ignore[attr-defined]
    return module


def test_our_side_of_sql_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = extract(tmp_path / "cdm")
    asked: list[dict[str, Any]] = []
    fake = sql_server(database(tmp_path / "x.duckdb", source, upper=True, schema="dbo"), asked)
    monkeypatch.setitem(sys.modules, "arrow_odbc", fake)
    ingest_events(source, tmp_path / "csv")
    ingest_events(f"mssql://{CONNECTION}", tmp_path / "mssql")
    assert contents(tmp_path / "mssql") == contents(tmp_path / "csv")
    assert {each["connection"] for each in asked} == {CONNECTION}
    assert all(each["query"].startswith("SELECT ") for each in asked)
    written = b"".join(f.read_bytes() for f in (tmp_path / "mssql").rglob("*") if f.is_file()).decode("latin-1")
    assert says_nothing(written)
    with pytest.raises(BadRequest, match="SQL Server refused") as caught:
        ingest_events(f"mssql://{CONNECTION}x", tmp_path / "events")
    assert says_nothing(str(caught.value))


def test_arrow_odbc_without_the_library_it_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise OSError("libodbc.so.2: cannot open shared object file")

    monkeypatch.setattr("synthehr.events.sources.databases.import_module", missing)
    with pytest.raises(BadRequest, match="install unixODBC"):
        ingest_events(f"mssql://{CONNECTION}", tmp_path / "events")
