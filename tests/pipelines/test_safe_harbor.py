"""From an extract with identifiers among its codes to a bundle: none of them is in any file that is released."""

from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.pipelines.conftest import PLANTED


def text_of(folder: Path) -> str:
    """All that stands in the files of a folder: Parquet and DuckDB as their values, the rest as it is."""
    found = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        if path.suffix == ".parquet":
            found.append(pq.read_table(path).to_pandas().to_csv())
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
                found += [connection.table(name).df().to_csv() for name in tables]
        else:
            found.append(path.read_bytes().decode("utf-8", errors="ignore"))
    return "\n".join(found)


@pytest.mark.parametrize("landing", ["cohort", "synthetic", "evaluation", "bundle"])
def test_nothing_planted_is_in_what_leaves_the_house(spine: Path, landing: str) -> None:
    text = text_of(spine / landing)
    assert not [needle for needle in PLANTED if needle in text]
    assert "ICD9CM/250" in text or landing == "evaluation"  # it was read


def test_the_search_finds_them_where_they_were_planted(spine: Path) -> None:
    text = text_of(spine / "events")
    assert [needle for needle in PLANTED if needle in text] == list(PLANTED)
