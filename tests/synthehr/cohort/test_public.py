from pathlib import Path

import pytest

from synthehr.cohort.public import public_vocabulary
from synthehr.errors import BadData, BadRequest
from synthehr.events.schema import EXCLUSIVE


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "codes.txt"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_list_gives_groups_first_then_codes_by_their_names(tmp_path: Path) -> None:
    file = written(tmp_path, "# ours\nDRUG/b\nDRUG/a # the other\n\nSEX/male\nSEX/female\nICD9CM/250\nDRUG/a\n")
    found = public_vocabulary(file, EXCLUSIVE)
    assert found.code == ("SEX/female", "SEX/male", "SEX/unknown", "DRUG/a", "DRUG/b", "ICD9CM/250")
    assert found.group == ("sex", "sex", "sex", None, None, None)
    assert found.description[-1] == "Diabetes mellitus"


def test_a_star_stands_for_all_categories_of_icd_9_cm(tmp_path: Path) -> None:
    found = public_vocabulary(written(tmp_path, "ICD9CM/*\n"), EXCLUSIVE)
    assert len(found) == 1_234  # of version 32
    assert {"ICD9CM/001", "ICD9CM/V01", "ICD9CM/E800"} <= set(found.code)


@pytest.mark.parametrize(("text", "line"), [("DRUG/a\n250\n", "line 2"), ("/a\n", "line 1"), ("DRUG/\n", "line 1")])
def test_what_is_no_code_is_said_by_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(BadData, match=line):
        public_vocabulary(written(tmp_path, text), EXCLUSIVE)


def test_other_stars_no_file_and_no_code_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="only ICD9CM"):
        public_vocabulary(written(tmp_path, "ICD10CM/*\n"), EXCLUSIVE)
    with pytest.raises(BadRequest, match="No list of codes"):
        public_vocabulary(tmp_path / "absent.txt", EXCLUSIVE)
    with pytest.raises(BadData, match="no code"):
        public_vocabulary(written(tmp_path, "# nothing\n"), EXCLUSIVE)
