"""A wide table by hand: 0 and 1, counts, yes and no, what is neither, Parquet's own types."""

from pathlib import Path

import pandas as pd
import pytest

from synthehr.errors import BadData
from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import edited, events_of, keyed, lines, set_aside


def ingested(tmp_path: Path, source: Path, share: float = 1) -> pd.DataFrame:
    mapping = edited(tmp_path, "wide_table", "rejected_share = 0.01", f"rejected_share = {share}")
    ingest_events(source, tmp_path / "events", mapping=mapping)
    return events_of(tmp_path / "events")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1", 1.0),
        ("3", 3.0),
        ("2.5", 2.5),
        ("1e2", 100.0),
        ("yes", None),
        ("Y", None),
        ("TRUE", None),
        ("t", None),
    ],
)
def test_what_says_that_a_patient_has_it(tmp_path: Path, value: str, number: float | None) -> None:
    found = ingested(tmp_path, lines(tmp_path / "x.csv", ["subject_id,ICD10CM/E11.9,smoker", f"1,{value},{value}"]))
    assert keyed(found) == {(1, None, "ICD10CM/E11.9", None): 1, (1, None, "CODE/smoker", None): 1}
    assert [None if pd.isna(v) else v for v in found["numeric_value"]] == [number, number]
    assert not set_aside(tmp_path / "events")


@pytest.mark.parametrize("value", ["0", "0.0", "0.00", "-0", "no", "N", "False", "f", "", " "])
def test_what_says_that_not(tmp_path: Path, value: str) -> None:
    found = ingested(tmp_path, lines(tmp_path / "x.csv", ["subject_id,A/1,B/1", f"1,{value},1"]))
    assert keyed(found) == {(1, None, "B/1", None): 1}
    assert not set_aside(tmp_path / "events")


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "NA", "maybe", "1,5", "2020-01-01", "SECRET-17"])
def test_what_is_neither_is_rejected(tmp_path: Path, value: str) -> None:
    found = ingested(tmp_path, lines(tmp_path / "x.csv", ["subject_id,A/1,B/1", f'1,"{value}",1']))
    assert keyed(found) == {(1, None, "B/1", None): 1}
    assert list(set_aside(tmp_path / "events")) == [("x.csv", "2", "A/1", "value is none of those expected")]
    with pytest.raises(BadData, match=r"x\.csv, row 2, column A/1") as caught:
        ingested(tmp_path, tmp_path / "x.csv", 0.5)
    assert "SECRET-17" not in str(caught.value)


def test_parquet_with_its_own_types(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "subject_id": ["a", "b", "c"],
            "A/bool": [True, False, True],
            "A/count": [0, 2, 1],
            "A/gaps": [1.0, None, 0.0],
            "A/nothing": [None, None, None],
        }
    )
    table.to_parquet(tmp_path / "x.parquet")
    found = ingested(tmp_path, tmp_path / "x.parquet")
    assert found["code"].value_counts().to_dict() == {"A/bool": 2, "A/count": 2, "A/gaps": 1}


def test_it_is_never_taken_for_one_unasked(tmp_path: Path) -> None:
    lines(tmp_path / "x.csv", ["subject_id,A/1", "1,1"])
    with pytest.raises(BadData, match=r"x\.csv fits no mapping"):
        ingest_events(tmp_path / "x.csv", tmp_path / "events")


def test_a_patient_in_two_rows_that_say_the_same(tmp_path: Path) -> None:
    found = ingested(tmp_path, lines(tmp_path / "x.csv", ["subject_id,A/1,B/1", "1,1,0", "1,1,0", "2,0,1"]))
    assert keyed(found) == {(1, None, "A/1", None): 1, (2, None, "B/1", None): 1}
    assert not set_aside(tmp_path / "events")


def test_a_patient_in_two_rows_that_contradict_each_other(tmp_path: Path) -> None:
    ingested(tmp_path, lines(tmp_path / "x.csv", ["subject_id,A/1,B/1", "1,1,0", "1,0,1", "2,1,1"]))
    assert [(row, reason) for _, row, _, reason in set_aside(tmp_path / "events")] == [
        ("3", "key repeated with other content")
    ]


def test_two_columns_that_differ_in_case_alone(tmp_path: Path) -> None:
    source = lines(tmp_path / "x.csv", ["subject_id,LOCAL/a,LOCAL/A", "1,1,0", "2,0,1"])
    with pytest.raises(BadData, match="stands there twice"):
        ingested(tmp_path, source)
