import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.viewing.queries import Database, Refused
from synthehr.errors import BadData

ENDLESS = "SELECT max(i) FROM range(1000000000000) t(i)"


def test_a_select_is_answered(database: Database) -> None:
    answer = database.ask("-- a comment\nFROM patients SELECT sex, count(*) AS n GROUP BY sex ORDER BY sex;")
    assert (answer.columns, answer.rows, answer.more) == (("sex", "n"), [("female", 3), ("male", 3)], False)
    for same in ("WITH a AS (SELECT 1) FROM a", "DESCRIBE patients", "SUMMARIZE patients", "VALUES (1)", "SHOW TABLES"):
        assert database.ask(same).rows


def test_rows_are_limited_and_it_is_told(database: Database) -> None:
    six = "SELECT synthetic_id FROM patients ORDER BY 1"
    assert [len(database.ask(six, limit=n).rows) for n in (5, 6, 7)] == [5, 6, 6]
    assert [database.ask(six, limit=n).more for n in (5, 6, 7)] == [True, False, False]
    everything = "FROM range(1000000000)"  # is not fetched whole
    assert len(database.ask(everything).rows) == 1_000


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO patients SELECT * FROM patients",
        "DELETE FROM patients",
        "CREATE TEMP TABLE t AS SELECT 1",
        "COPY patients TO '{folder}/stolen.csv'",
        "EXPORT DATABASE '{folder}/stolen'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "DETACH cohort",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "RESET memory_limit",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "EXPLAIN ANALYZE SELECT 1",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "VACUUM",
        "CHECKPOINT",
        "PIVOT patients ON sex USING count(*)",
    ],
)
def test_anything_but_a_select_is_refused_before_it_runs(database: Database, sql: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Only queries that read"):
        database.ask(sql.format(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_csv('{folder}/secret.csv')",
        "FROM '{folder}/secret.csv'",
        "FROM read_text('{folder}/secret.csv')",
        "FROM glob('{folder}/*')",
        "FROM sniff_csv('{folder}/secret.csv')",
        "FROM read_parquet('http://127.0.0.1/x.parquet')",
        "SELECT getenv('HOME')",
        "FROM query('COPY patients TO ''{folder}/stolen.csv''')",
        "WITH t AS (INSERT INTO _about VALUES ('a', 'b') RETURNING *) FROM t",
        "FROM secret",  # a variable of this test: DuckDB looks for such in Python unless told not to
    ],
)
def test_a_select_reaches_nothing_but_the_database(database: Database, sql: str, tmp_path: Path) -> None:
    import pandas as pd

    secret = pd.DataFrame({"a": ["SECRET"]})
    (tmp_path / "secret.csv").write_text(f"a\n{secret.a[0]}\n")
    with pytest.raises(Refused) as refusal:
        database.ask(sql.format(folder=tmp_path))
    assert "SECRET" not in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_the_control_an_open_duckdb_would_read_that_file(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "secret.csv").write_text("a\nSECRET\n")
    assert duckdb.connect().execute(f"FROM read_csv('{tmp_path}/secret.csv')").fetchall() == [("SECRET",)]


def test_one_statement_at_a_time(database: Database) -> None:
    for several in ("SELECT 1; SELECT 2", "SELECT 1; DROP TABLE patients"):
        with pytest.raises(Refused, match="One query at a time: here are 2"):
            database.ask(several)
    for nothing in ("", "  \n", "-- only a comment"):
        with pytest.raises(Refused, match="no query yet"):
            database.ask(nothing)


def test_errors_are_those_of_duckdb(database: Database) -> None:
    with pytest.raises(Refused, match='column "nope" not found'):
        database.ask("SELECT nope FROM patients")
    with pytest.raises(Refused, match="syntax error"):
        database.ask("SELEC 1")
    with pytest.raises(Refused, match="from the folder of the database"):
        database.ask("FROM read_parquet('events/data/*.parquet')")


def test_an_endless_query_is_interrupted_and_the_next_one_answered(bundle: Path) -> None:
    opened = Database(bundle / "public" / "cohort.duckdb", seconds=0.3)
    started = time.monotonic()
    with pytest.raises(Refused, match=r"Stopped after 0\.3 seconds"):
        opened.ask(ENDLESS)
    assert 0.3 <= time.monotonic() - started < 5
    assert opened.ask("SELECT 1").rows == [(1,)]
    opened.close()


def test_memory_is_bounded_and_nothing_is_spilled(database: Database) -> None:
    asked = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    assert database.ask(asked).rows == [("953.6 MiB", "")]  # 1 GB


def test_what_is_no_database_is_bad_data(make_bundle: Callable[[], Path]) -> None:
    file = make_bundle() / "public" / "cohort.duckdb"
    file.write_bytes(b"no database" * 1_000)
    with pytest.raises(BadData, match="copy the bundle again"):
        Database(file)
