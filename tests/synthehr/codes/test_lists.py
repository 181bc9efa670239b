from pathlib import Path

import pytest

from synthehr.codes.lists import list_digest, read_code_list
from synthehr.errors import BadData, BadRequest


def written(tmp_path: Path, text: str) -> str:
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    return str(tmp_path / "mine.txt")


def test_a_list_covers_codes_and_what_its_stars_stand_for(tmp_path: Path) -> None:
    listed = read_code_list(written(tmp_path, "# ours\nICD9CM/042\nICD9CM/250* # diabetes\n\nDRUG/a.b (c)\nRACE/*\n"))
    assert listed.name == "mine.txt"
    inside = ["ICD9CM/042", "ICD9CM/250", "ICD9CM/250.00", "DRUG/a.b (c)", "RACE/asian"]
    outside = ["ICD9CM/042.1", "ICD9CM/25", "ICD10CM/250", "DRUG/axb (c)", "RACE", "XRACE/asian"]
    assert [code for code in inside + outside if listed.covers(code)] == inside


def test_a_topic_covers_what_the_policy_calls_sensitive() -> None:
    listed = read_code_list("hiv", topic_allowed=True)
    assert [code for code in ("ICD9CM/042", "ICD10CM/B20", "ICD9CM/250") if listed.covers(code)] == [
        "ICD9CM/042",
        "ICD10CM/B20",
    ]
    with pytest.raises(BadRequest, match="No list of codes at hiv"):
        read_code_list("hiv")


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"or one of the topics abortion, hiv"):
        read_code_list("hvi", topic_allowed=True)
    for text, said in {"DRUG/a\n250\n": "line 2", "/a\n": "line 1", "# nothing\n": "no code"}.items():
        with pytest.raises(BadData, match=said):
            read_code_list(written(tmp_path, text))
    (tmp_path / "bytes.txt").write_bytes(b"DRUG/\xff\xfe")
    with pytest.raises(BadData, match="UTF-8"):
        read_code_list(str(tmp_path / "bytes.txt"))


def test_a_list_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    first = list_digest(written(tmp_path, "DRUG/a\n"))
    (tmp_path / "moved.txt").write_text("DRUG/a\n")
    assert list_digest(str(tmp_path / "moved.txt")) == first
    assert list_digest(written(tmp_path, "DRUG/b\n")) != first
    assert list_digest("hiv") == "hiv"
    assert list_digest(str(tmp_path / "absent.txt")) == "absent"
