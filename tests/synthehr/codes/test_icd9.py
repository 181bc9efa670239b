import pytest

from synthehr.codes.icd9 import categories, category


@pytest.mark.parametrize(
    ("code", "parent"),
    [
        ("ICD9CM/250.00", "ICD9CM/250"),
        ("ICD9CM/25000", "ICD9CM/250"),
        ("ICD9CM/250", "ICD9CM/250"),
        ("ICD9CM/E849.0", "ICD9CM/E849"),
        ("ICD9CM/V45.81", "ICD9CM/V45"),
        ("ICD9PROC/36.05", "ICD9PROC/36"),
        ("ICD9PROC/36", "ICD9PROC/36"),
        ("ICD9PROC/3605", None),  # where its dot belongs is not known
        ("ICD9CM/8", None),
        ("ICD10CM/E11.9", None),
        ("DRUG/250.00", None),
        ("ICD9CM", None),
    ],
)
def test_a_category_is_what_stands_before_the_dot(code: str, parent: str | None) -> None:
    assert category(code) == parent


def test_every_category_has_a_title_and_is_its_own_category() -> None:
    assert len(categories()) == 1_234
    assert categories()["ICD9CM/250"] == "Diabetes mellitus"
    assert all(category(code) == code and title for code, title in categories().items())
