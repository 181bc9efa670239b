from pathlib import Path

import pytest

from synthehr.errors import BadData, BadRequest
from synthehr.release.fitness.query import LONGEST, MOST_QUERIES, Query, read_queries


def test_a_folder_in_order_of_name_with_titles(tmp_path: Path) -> None:
    (tmp_path / "b.sql").write_bytes(b"\n  SELECT 1 -- not a title\r\n")
    (tmp_path / "a.sql").write_bytes("\ufeff--  By sex \r\n-- and more\r\nSELECT 2".encode())
    (tmp_path / "notes.txt").write_text("no query")
    assert read_queries(tmp_path) == (
        Query("a", "By sex", "--  By sex \n-- and more\nSELECT 2\n"),
        Query("b", "b", "SELECT 1 -- not a title\n"),
    )
    assert [query.name for query in read_queries([tmp_path / "b.sql", tmp_path / "a.sql"])] == ["b", "a"]
    assert read_queries(tmp_path / "b.sql")[0].name == "b"


def test_as_many_as_may_be_and_one_more(tmp_path: Path) -> None:
    for k in range(MOST_QUERIES):
        (tmp_path / f"{k:02}.sql").write_text("SELECT 1")
    assert len(read_queries(tmp_path)) == MOST_QUERIES
    (tmp_path / "more.sql").write_text("SELECT 1")
    with pytest.raises(BadRequest, match=f"at most {MOST_QUERIES} queries; there are {MOST_QUERIES + 1}"):
        read_queries(tmp_path)


def test_what_is_no_query_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="there are none"):
        read_queries(tmp_path)
    with pytest.raises(BadRequest, match="cannot be read"):
        read_queries(tmp_path / "absent.sql")
    (tmp_path / "latin.sql").write_bytes(b"SELECT '\xe9'")
    with pytest.raises(BadData, match="UTF-8"):
        read_queries(tmp_path)
    (tmp_path / "latin.sql").write_text("-" * (LONGEST + 1))
    with pytest.raises(BadData, match="20,001 characters"):
        read_queries(tmp_path)
    (tmp_path / "sub").mkdir()
    for place in (tmp_path, tmp_path / "sub"):
        (place / "same.sql").write_text("SELECT 1")
    with pytest.raises(BadRequest, match="one name"):
        read_queries([tmp_path / "same.sql", tmp_path / "sub" / "same.sql"])
