from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.sensitive_codes import LISTS, SensitiveList, read_list, sensitive_columns, topics


def covered(topic: str, *columns: str) -> list[str]:
    return [columns[j] for j in sensitive_columns(columns, [topic])[topic]]


def test_every_topic_of_the_house_comes_along_with_its_provenance() -> None:
    assert topics() == ("abortion", "hiv", "mental_health", "sexually_transmitted_disease", "substance_use")
    for file in LISTS.glob("*.toml"):
        found = read_list(file)
        assert found.topic == file.stem
        assert len(found.provenance) > 10
        assert found.ICD9CM
        assert found.ICD10CM
        assert found.SNOMED


@pytest.mark.parametrize(
    ("topic", "inside", "outside"),
    [
        ("hiv", ["ICD9CM/042", "ICD9CM/V08", "ICD9CM/795.71", "ICD10CM/B20", "ICD10CM/Z21", "SNOMED/86406008"],
         ["ICD9CM/250", "ICD9CM/795.4", "ICD10CM/B21", "SNOMED/864060080", "DRUG/042"]),
        ("mental_health", ["ICD9CM/295", "ICD9CM/296.20", "ICD9CM/319", "ICD10CM/F32.9", "ICD10CM/F99"],
         ["ICD9CM/303", "ICD9CM/320", "ICD10CM/F10.2", "ICD10CM/F17"]),
        ("substance_use", ["ICD9CM/303", "ICD9CM/305.00", "ICD10CM/F10.20", "ICD10CM/F19"],
         ["ICD9CM/296", "ICD10CM/F20", "ICD10CM/E10"]),
        ("abortion", ["ICD9CM/632", "ICD9CM/637.9", "ICD10CM/O04.5", "ICD10CM/Z33.2"],
         ["ICD9CM/633", "ICD9CM/640", "ICD10CM/O80", "ICD10CM/Z33.1"]),
        ("sexually_transmitted_disease", ["ICD9CM/091", "ICD9CM/099", "ICD9CM/054.10", "ICD10CM/A51", "ICD10CM/A64"],
         ["ICD9CM/100", "ICD9CM/054.2", "ICD10CM/A65", "ICD10CM/A49"]),
    ],
)  # fmt: skip
def test_what_is_listed_is_covered_and_its_neighbours_are_not(
    topic: str, inside: list[str], outside: list[str]
) -> None:
    assert covered(topic, *inside, *outside) == inside


def test_a_rolled_up_column_that_holds_a_listed_code_is_covered() -> None:
    # 079.53 is HIV-2; rolled up to three characters it stands in 079 with other viruses
    assert covered("hiv", "ICD9CM/079", "ICD9CM/07") == ["ICD9CM/079"]


def test_single_codes_are_topics_of_their_own() -> None:
    columns = ["ICD9CM/282", "ICD9CM/282.6", "ICD9CM/283"]
    assert sensitive_columns(columns, ["ICD9CM/282"]) == {"ICD9CM/282": [0, 1]}


@settings(deadline=None)  # the first one reads the lists
@given(st.sampled_from(["ICD9CM", "ICD10CM", "SNOMED", "DRUG"]), st.text(max_size=8))
def test_any_column_is_covered_or_not_and_never_an_error(vocabulary: str, code: str) -> None:
    for columns in sensitive_columns([f"{vocabulary}/{code}", code], topics()).values():
        assert set(columns) <= {0, 1}


@pytest.mark.parametrize("name", ["hvi", "DRUG/insulin", "ICD9CM/"])
def test_what_is_no_topic_is_refused_and_the_known_ones_are_named(name: str) -> None:
    with pytest.raises(ValueError, match="is no topic: give one of abortion, hiv"):
        sensitive_columns([], [name])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("topic = 'x'", "provenance: Field required"),
        ("topic = 'x'\nprovenance = 'y'\nICD9CN = []", "ICD9CN"),
        ("topic = 'x'\nprovenance = 'y'\nICD9CM = ['300-290']", "neither a code nor an ascending range"),
        ("topic =", "Invalid value"),
    ],
)
def test_a_list_that_is_none_names_the_file_and_the_key(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"mine.toml.*{message}"):
        read_list(tmp_path / "mine.toml")


def test_a_list_of_one_vocabulary_says_nothing_of_another() -> None:
    found = SensitiveList(topic="t", provenance="p", ICD9CM=("042",))
    assert not found.covers("ICD10CM/042")
    assert found.covers("ICD9CM/042")
