from pathlib import Path

import duckdb
import numpy as np
import pytest

from synthehr.release.fitness import sandbox
from synthehr.release.fitness.sandbox import REASONS, Answer, Unanswered, ask

PATIENTS = 40


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty patients, half of each sex; beside the database stands a file that is none of the query's business."""
    folder = tmp_path_factory.mktemp("o'brien")
    with duckdb.connect(str(folder / "c.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE patients AS SELECT -i AS synthetic_id, CASE WHEN i % 2 = 0 THEN 'f' ELSE 'm' END AS sex, "
            f"(i % 3)::UINTEGER AS n_codes FROM range(1, {PATIENTS + 1}) r(i);"
            "CREATE TABLE codes AS SELECT synthetic_id, i AS code FROM patients, range(1000) r(i)"
        )
    (folder / "other.csv").write_text("secret,n\nhidden,40\n")
    return folder / "c.duckdb"


def asked(database: Path, sql: str, seconds: float = 20.0) -> Answer:
    return ask(database, sql, patients=PATIENTS, seconds=seconds, scratch=database.parent)


def refused(database: Path, sql: str, **how: float) -> str:
    with pytest.raises(Unanswered) as caught:
        asked(database, sql, **how)
    assert str(caught.value) == REASONS[caught.value.reason]  # never DuckDB's words: they may quote a value
    return caught.value.reason


def test_an_answer(database: Path) -> None:
    found = asked(
        database,
        "SELECT sum(n_codes), sex, avg(n_codes) AS mean, NULL::DOUBLE FROM patients GROUP BY sex ORDER BY sex;",
    )
    # n_codes of -2, -4, ... -40 is 2, 1, 0 in turn, of -1, -3 ... -39 it is 1, 0, 2
    assert found.keys == (("f",), ("m",))
    assert list(found.whole) == [True, False, False]
    np.testing.assert_equal(found.values, [[21, 1.05, np.nan], [19, 0.95, np.nan]])


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT count(*) FROM read_csv('{folder}/other.csv')", "outside"),
        ("SELECT secret, n FROM '{folder}/other.csv'", "outside"),
        ("SELECT count(*) FROM glob('{folder}/*')", "outside"),
        ("SELECT content, size FROM read_text('{folder}/other.csv')", "outside"),
        ("COPY patients TO '{folder}/out.csv'", "statement"),
        ("ATTACH '{folder}/new.duckdb'", "statement"),
        ("CREATE TABLE more AS SELECT 1", "statement"),
        ("DELETE FROM patients", "statement"),
        ("INSTALL httpfs", "statement"),
        ("SET enable_external_access = true", "statement"),
        ("PRAGMA enable_profiling", "statement"),
        ("EXPLAIN SELECT count(*) FROM patients", "statement"),
        ("SELECT 40; SELECT 40", "statement"),
        ("SET threads = 2; SELECT 40", "statement"),
        ("-- nothing", "statement"),
        ("SELEC 1", "syntax"),
        ("SELECT count(*) FROM absent", "name"),
        ("SELECT count(absent) FROM patients", "name"),
        ("SELECT * FROM patients", "listing"),
        ("SELECT Synthetic_ID, count(*) FROM patients GROUP BY ALL", "listing"),
        ("SELECT sex, count(*), list(n_codes) FROM patients GROUP BY sex", "listing"),
        ("SELECT sex, 40 AS n, {{'a': 1}} FROM patients", "listing"),
        ("SELECT synthetic_id::VARCHAR AS who, 40 AS n FROM patients", "listing"),
        ("SELECT sex, avg(n_codes) AS mean FROM patients GROUP BY sex", "count"),
        ("SELECT n_codes, count(*) FROM patients GROUP BY n_codes", "keys"),
        ("SELECT i::VARCHAR AS k, 40 FROM range(10001) r(i)", "rows"),
        ("SELECT sum(sex::INTEGER) FROM patients", "value"),
        ("SELECT count(*) FROM patients WHERE error(sex) IS NULL", "value"),
    ],
)
def test_what_is_refused(database: Path, sql: str, reason: str) -> None:
    before = {file: file.read_bytes() for file in database.parent.iterdir()}
    assert refused(database, sql.format(folder=str(database.parent).replace("'", "''"))) == reason
    assert {file: file.read_bytes() for file in database.parent.iterdir()} == before


def test_the_file_could_have_been_read(database: Path) -> None:
    """Or the refusals above would be those of a wrong path."""
    folder = str(database.parent).replace("'", "''")
    assert duckdb.execute(f"SELECT n FROM read_csv('{folder}/other.csv')").fetchall() == [(40,)]


@pytest.mark.parametrize("reader", ["read_text", "read_blob", "glob"])
def test_the_folder_to_spill_to_leads_nowhere(database: Path, reader: str) -> None:
    """DuckDB allows a query the files of that folder; nothing lies there, and there is no way out of it."""
    with sandbox._locked(database, database.parent) as connection:
        spill = connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]
        assert Path(spill).parent == database.parent
        for path in ("*", "%2e%2e/other.csv"):
            read = f"SELECT * FROM {reader}('{spill}/{path}')".replace("o'b", "o''b")
            assert connection.execute(read).fetchall() == []
        for path in ("../other.csv", "..//other.csv", "../*"):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"SELECT * FROM {reader}('{spill}/{path}')".replace("o'b", "o''b"))
    assert not list(database.parent.glob(".spill-*"))


def test_settings_are_locked_even_in_a_select(database: Path) -> None:
    assert refused(database, "SELECT count(*) FROM query('SET threads = 2')") in ("syntax", "name", "value")


def test_it_is_stopped(database: Path) -> None:
    endless = "SELECT count(*) FROM codes a, codes b, codes c WHERE a.code + b.code + c.code = 7"
    assert refused(database, endless, seconds=0.3) == "time"


def test_memory_ends(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "MEMORY_LIMIT", "20MB")
    hungry = "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(1000)"
    assert refused(database, hungry) == "memory"


def test_chance_is_the_same_each_time(database: Path) -> None:
    sql = "SELECT sex, sum(random()) AS luck, count(*) FROM patients GROUP BY sex ORDER BY sex"
    np.testing.assert_array_equal(asked(database, sql).values, asked(database, sql).values)


def test_a_single_row_needs_no_key_and_no_row_is_an_answer(database: Path) -> None:
    assert asked(database, "SELECT count(*) FROM patients").keys == ((),)
    nothing = asked(database, "SELECT sex, count(*) FROM patients WHERE sex = 'x' GROUP BY sex")
    assert nothing.values.shape == (0, 1)
