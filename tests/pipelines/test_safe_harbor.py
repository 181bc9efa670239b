"""From an extract with identifiers in it to a bundle: none of them is in any byte of what is released.

Among the codes, as numbers of patients, as the days of their events, and in the metadata of the extract's file.
"""

import datetime
import struct
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.pipelines.conftest import AUTHOR, NUMBERS_FROM, PLANTED

LEAVES = ["synthetic", "evaluation", "bundle"]
EACH = 20
EPOCH = datetime.datetime(1970, 1, 1)


def text_of(folder: Path) -> str:
    """All that stands in the files of a folder: their bytes, and of Parquet and DuckDB the values and statistics too.

    Bytes alone would not do, for both compress what they hold.
    """
    found = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        found += [path.name, path.read_bytes().decode("latin-1")]
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            found += [file.read().to_pandas().to_csv(), str(file.metadata.metadata)]
            found += [str(file.metadata.row_group(g).to_dict()) for g in range(file.metadata.num_row_groups)]
        elif path.suffix == ".duckdb":
            found += _text_of_database(path)
    return "\n".join(found)


def _text_of_database(path: Path) -> list[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        columns = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"
        # the planner's own statistics (least and greatest value) and the sample that it keeps
        statistics = [
            str(connection.execute(f'SELECT stats("{column}") FROM "{table}" LIMIT 1').fetchall())
            for table, column in connection.execute(columns).fetchall()
            if table in tables
        ]
        stored = [str(connection.execute(f"FROM pragma_storage_info('{table}')").fetchall()) for table in tables]
        macros = "SELECT macro_definition, comment FROM duckdb_functions() WHERE NOT internal"
        written = str(connection.execute(macros).fetchall())
        return [
            *(connection.table(name).df().to_csv() for name in tables),
            *statistics,
            *stored,
            written,
        ]


def needles(spine: Path) -> dict[str, list[str]]:
    """What must not be found, each as text and as the eight bytes in which Parquet and DuckDB hold it.

    Of patients and times one in `EACH`: the search for all takes a minute, and what leaks, leaks of more than one.
    """
    events = duckdb.execute(f"SELECT DISTINCT subject_id, time FROM '{spine}/events/data/*.parquet'").fetchall()
    patients = sorted({subject for subject, _ in events})[::EACH]
    times = sorted({time for _, time in events if time is not None})[::EACH]
    microseconds = [(time - EPOCH) // datetime.timedelta(microseconds=1) for time in times]
    return {
        "codes": list(PLANTED),
        "metadata": [AUTHOR],
        "patients": [str(patient) for patient in patients] + [_bytes(patient) for patient in patients],
        "days": [time.date().isoformat() for time in times] + [_bytes(number) for number in microseconds],
    }


def _bytes(number: int) -> str:
    return struct.pack("<q", number).decode("latin-1")


@pytest.fixture(scope="module")
def planted(spine: Path) -> dict[str, list[str]]:
    return needles(spine)


@pytest.mark.parametrize("landing", LEAVES)
def test_nothing_planted_is_in_what_leaves_the_house(spine: Path, planted: dict[str, list[str]], landing: str) -> None:
    text = text_of(spine / landing)
    for kind, texts in planted.items():
        assert [needle for needle in texts if needle in text] == [], kind
    assert "ICD9CM/250" in text  # it was read


def test_no_identifier_is_a_code_of_the_cohort(spine: Path) -> None:
    text = text_of(spine / "cohort")
    assert not [needle for needle in [*PLANTED, AUTHOR] if needle in text]
    assert str(NUMBERS_FROM + 1)[:9] in text  # patients' numbers are there: who is in which split is known in the house


def test_the_search_finds_them_where_they_were_planted(
    spine: Path, extract: Path, planted: dict[str, list[str]]
) -> None:
    text, file = text_of(spine / "events"), text_of(extract)
    for kind in ("codes", "patients", "days"):
        missed = [needle for needle in planted[kind] if needle not in text and needle not in file]
        assert len(missed) < 0.6 * len(planted[kind]), kind  # as text all, as bytes those that no encoding compressed
    assert [needle for needle in planted["codes"] if needle in text] == list(PLANTED)
    assert AUTHOR in file
