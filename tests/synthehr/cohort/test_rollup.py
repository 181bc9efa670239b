import pytest

from synthehr.codes.ancestors import Ancestor
from synthehr.cohort.rollup import Rollup, rolled_up


@pytest.mark.parametrize(
    ("rollup", "code", "column"),
    [
        ("category", "ICD9CM/250.00", "ICD9CM/250"),
        ("category", "ICD10CM/E11.9", "ICD10CM/E11"),
        ("category", "DRUG/insulin", None),
        ("category", "ICD9CM/odd", None),
        ("ccs", "ICD9CM/250.00", "CCS/49"),
        ("ccs", "ICD10CM/E11.9", "CCSR/END002"),
        ("ccs", "ICD9PROC/36.05", None),
        ("chapter", "ICD10CM/E11.9", "ICD10CM_CHAPTER/E00-E89"),
        ("concept_ancestor", "SNOMED/3", "SNOMED/1"),
        ("concept_ancestor", "ICD9CM/250.00", None),
        ("none", "ICD9CM/250.00", None),
    ],
)
def test_each_roll_up_says_its_column_or_nothing(rollup: Rollup, code: str, column: str | None) -> None:
    assert rolled_up(code, rollup, {"SNOMED/3": Ancestor("SNOMED/1", False)}) == column
