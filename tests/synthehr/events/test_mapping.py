from pathlib import Path

import pytest

from synthehr.errors import BadRequest
from synthehr.events.mapping_file import known_mappings, load_mapping

SMALL = """
name = "small"
title = "Small"
[[table]]
name = "visits"
files = ["visits.csv"]
columns = ["who", "what"]
subject = "who"
[[event]]
table = "visits"
code = "ICD9CM/{what}"
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_mappings_that_come_along_are_valid_and_named_as_their_files() -> None:
    sources = ["diabetes130", "eicu", "fhir_r4", "i2b2", "long_table", "meds", "mimic3", "mimic4", "omop", "pcornet"]
    assert known_mappings() == [*sources, "synthea", "wide_table"]
    assert [load_mapping(name).name for name in known_mappings()] == known_mappings()


def test_a_user_mapping_is_read_by_its_path(tmp_path: Path) -> None:
    mapping = load_mapping(written(tmp_path, SMALL))
    assert mapping.tables["visits"].columns == ("who", "what")
    assert mapping.rejected_share == 0.01


def test_layout_and_comments_do_not_change_the_digest_but_content_does(tmp_path: Path) -> None:
    plain = load_mapping(written(tmp_path, SMALL)).digest()
    assert load_mapping(written(tmp_path, "# mine\n" + SMALL.replace(" = ", "="))).digest() == plain
    assert load_mapping(written(tmp_path, SMALL.replace("Small", "Smaller"))).digest() != plain


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('subject = "who"', 'subjekt = "who"', "table.0.subjekt: Extra inputs are not permitted"),
        ('code = "ICD9CM/{what}"', 'code = "ICD9CM/what"', "event.0.code"),
        ('code = "ICD9CM/{what}"', 'code = "ICD9CM{what}"', "event.0.code"),
        ('table = "visits"', 'table = "visit"', "reads table 'visit'; there are ['visits']"),
        ('subject = "who"', "", "states no subject"),
        ('files = ["visits.csv"]', "files = []", "table.0.files"),
        ('name = "small"', 'name = "Small one"', "name: String should match pattern"),
        ('title = "Small"', 'title = "Small"\nrejected_share = 2', "rejected_share"),
        ('code = "ICD9CM/{what}"', 'code = "X/{value}"\neach = ["whom"]', "each names ['whom']"),
        ('code = "ICD9CM/{what}"', 'code = "X/{what}"\njoin = { visits = ["who"] }', "columns of its key"),
        ('code = "ICD9CM/{what}"', 'code = "X/{what}"\nlevels = { a = "b" }\nnormalise = "lower_name"', "leave out"),
        ("[[table]]", "[[table", "is not TOML"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, before: str, after: str, expected: str) -> None:
    with pytest.raises(BadRequest) as caught:
        load_mapping(written(tmp_path, SMALL.replace(before, after, 1)))
    assert "mine.toml" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["diabetes", "missing.toml", "../mimic3"])
def test_an_unknown_mapping_lists_the_known_ones(name: str) -> None:
    with pytest.raises(BadRequest, match=r"diabetes130.*long_table.*mimic3"):
        load_mapping(name)
