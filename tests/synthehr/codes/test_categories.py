import pytest

from synthehr.codes.categories import category, titles


@pytest.mark.parametrize(
    ("code", "above"),
    [
        ("ICD9CM/250.00", "ICD9CM/250"),
        ("ICD9CM/E849.0", "ICD9CM/E849"),
        ("ICD9PROC/36.05", "ICD9PROC/36"),
        ("ICD10CM/E11.9", "ICD10CM/E11"),
        ("ICD10CM/E119", "ICD10CM/E11"),
        ("ICD10CM/C4A.0", "ICD10CM/C4A"),
        ("ICD10CM/QA0.01", "ICD10CM/QA0"),
        ("ICD10CM/E11", "ICD10CM/E11"),
        ("ICD10/I50.0", "ICD10/I50"),
        ("ICD10PCS/0JDP0ZZ", "ICD10PCS/0JD"),
        ("ICD10PCS/0JD", "ICD10PCS/0JD"),
        ("ATC/A10BA02", "ATC/A10BA"),
        ("ATC/A10BA", "ATC/A10BA"),
        # the controls: not of the shape, or of no such system
        ("ICD10CM/odd", None),
        ("ICD10CM/E1", None),
        ("ICD10PCS/0JDP", None),
        ("ICD10PCS/0IO0000", None),  # I and O are no characters of ICD-10-PCS
        ("ATC/A10", None),
        ("DRUG/A10BA02", None),
        ("ICD10CM", None),
    ],
)
def test_a_category_is_read_off_the_first_characters(code: str, above: str | None) -> None:
    assert category(code) == above
    assert above is None or category(above) == above


def test_titles_are_those_of_the_classifications() -> None:
    assert titles()["ICD10CM/I50"] == "Heart failure"
    assert titles()["ICD9CM/428"] == "Heart failure"
    assert len([code for code in titles() if code.startswith("ICD10CM/")]) == 1_918  # of April 2026
    assert all(category(code) == code and title for code, title in titles().items())
