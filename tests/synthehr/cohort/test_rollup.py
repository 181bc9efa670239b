import pytest

from synthehr.cohort.rollup import rolled_up


@pytest.mark.parametrize(
    ("code", "column"),
    [
        ("ICD9CM/250.00", "ICD9CM/250"),
        ("ICD9CM/E849.0", "ICD9CM/E849"),
        ("ICD9CM/V45.81", "ICD9CM/V45"),
        ("ICD9PROC/36.05", "ICD9PROC/36"),
        ("DRUG/insulin", "DRUG/insulin"),
        ("ICD10CM/E11.9", "ICD10CM/E11.9"),
        ("ICD9CM/odd", "ICD9CM/odd"),
    ],
)
def test_icd9_is_counted_in_its_category_and_all_else_as_it_is(code: str, column: str) -> None:
    assert rolled_up(code) == column
    assert rolled_up(rolled_up(code)) == column
    assert rolled_up(code, "none") == code
