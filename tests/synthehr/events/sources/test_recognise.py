import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from synthehr.errors import BadData, BadRequest
from synthehr.events.mapping_file import load_mapping
from synthehr.events.sources.recognise import choose, recognise, resolve

Extract = Callable[..., Path]
LONG = "subject_id,time,code,value\n1,2020-01-01,ICD9CM/250,\n"


def test_each_source_is_recognised_by_its_names(mimic: Extract, diabetes: Extract, tmp_path: Path) -> None:
    assert recognise(mimic()).mapping == "mimic3"
    found = recognise(diabetes({}))
    assert found.mapping == "diabetes130"
    assert "diabetic_data.csv" in found.why
    (tmp_path / "my events.csv").write_text(LONG)
    assert recognise(tmp_path / "my events.csv").mapping == "long_table"


def test_a_single_file_may_have_any_name(diabetes: Extract, tmp_path: Path) -> None:
    renamed = shutil.copy(diabetes({}) / "diabetic_data.csv", tmp_path / "export 7.csv")
    assert recognise(Path(renamed)).mapping == "diabetes130"


def test_header_case_and_optional_tables_do_not_matter(mimic: Extract) -> None:
    folder = mimic(lower=True, packed=True, PRESCRIPTIONS=None, PROCEDURES_ICD=None)
    assert set(resolve(load_mapping("mimic3"), folder)) == {
        "patients",
        "admissions",
        "diagnoses_icd",
        "d_icd_diagnoses",
        "d_icd_procedures",
    }


def test_what_fits_nothing_is_told_what_was_looked_for(mimic: Extract) -> None:
    folder = mimic(ADMISSIONS=None)
    with pytest.raises(BadData) as caught:
        recognise(folder)
    assert "mimic3: expected ADMISSIONS.csv" in str(caught.value)
    assert "diabetes130: expected diabetic_data.csv" in str(caught.value)
    assert "--format" in str(caught.value)


def test_a_missing_column_is_named_with_its_file(diabetes: Extract) -> None:
    folder = diabetes({}, without=["diag_2"])
    for attempt in (lambda: recognise(folder), lambda: choose(folder, "diabetes130")):
        with pytest.raises(BadData, match=r"diabetic_data\.csv, row 1: no column diag_2"):
            attempt()


def test_the_first_row_of_a_file_without_header_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("SECRET-17,1999-09-09,ICD9CM/042,\n")
    with pytest.raises(BadData) as caught:
        choose(tmp_path / "x.csv", "long_table")
    assert "no column subject_id, time, code" in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert "042" not in str(caught.value)


def test_another_separator_is_hinted_at(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(LONG.replace(",", ";"))
    with pytest.raises(BadData, match="delimiter"):
        choose(tmp_path / "x.csv", "long_table")


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("subject_id,time,code,Code\n1,2020-01-01,ICD9CM/250,ICD9CM/401\n")
    with pytest.raises(BadData, match="column code stands there twice"):
        choose(tmp_path / "x.csv", "long_table")


def test_two_copies_of_one_table_are_refused(mimic: Extract) -> None:
    folder = mimic()
    (folder / "old").mkdir()
    shutil.copy(folder / "PATIENTS.csv", folder / "old" / "PATIENTS.csv")
    with pytest.raises(BadData, match="count patients twice"):
        choose(folder, "mimic3")


def test_nothing_there_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="nothing is there"):
        choose(tmp_path / "absent", None)
