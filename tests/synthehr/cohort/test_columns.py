from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.cohort.columns import lay_columns
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadData, BadRequest

FOUND = {
    "ICD9CM/250.00": 10,
    "ICD9CM/250.60": 5,
    "ICD9CM/249.00": 2,
    "ICD9CM/365.70": 3,
    "ICD9CM/042": 4,
    "ICD10CM/E11.9": 7,
    "DRUG/insulin": 20,
    "SEX/male": 50,
    "RACE/asian": 6,
}


def listed(tmp_path: Path, name: str, text: str) -> str:
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


def tally(codes: int, events: int) -> dict[str, int]:
    return {"codes": codes, "events": events}


def test_by_default_codes_count_in_their_categories(tmp_path: Path) -> None:
    columns = lay_columns(FOUND, CohortOptions(), tmp_path)
    assert columns.name["ICD9CM/250.60"] == columns.name["ICD9CM/250.00"] == "ICD9CM/250"
    assert columns.name["ICD10CM/E11.9"] == "ICD10CM/E11"
    assert columns.free == ["DRUG/insulin", "ICD10CM/E11", "ICD9CM/042", "ICD9CM/249", "ICD9CM/250", "ICD9CM/365"]
    assert columns.rollup == {"rolled_up": tally(6, 31), "unclassified": tally(1, 20)}
    assert columns.dropped == columns.crosswalk == columns.safe_harbor == {}


def test_the_crosswalk_comes_before_the_roll_up_and_counts_what_was_ambiguous(tmp_path: Path) -> None:
    columns = lay_columns(FOUND, CohortOptions(icd9_to_icd10=True), tmp_path)
    assert columns.name["ICD9CM/250.00"] == columns.name["ICD10CM/E11.9"] == "ICD10CM/E11"
    assert columns.name["ICD9CM/249.00"] == "ICD10CM/E08"
    assert columns.name["ICD9CM/365.70"] == "ICD9CM/365"  # without a target it stays
    assert columns.crosswalk == {
        "mapped": tally(4, 21),
        "ambiguous": tally(1, 2),
        "without_target": tally(1, 3),
    }
    classes = lay_columns(FOUND, CohortOptions(icd9_to_icd10=True, rollup="ccs"), tmp_path)
    assert classes.name["ICD9CM/250.00"] == "CCSR/END002"
    assert classes.name["ICD9CM/365.70"] == "CCS/88"


def test_a_list_to_keep_leaves_facts_alone(tmp_path: Path) -> None:
    keep = (listed(tmp_path, "keep.txt", "ICD9CM/250*\n"),)
    columns = lay_columns(FOUND, CohortOptions(keep=keep), tmp_path)
    assert columns.free == ["ICD9CM/250"]
    assert {"SEX/male", "RACE/asian"} <= set(columns.name)
    assert columns.dropped == {"keep": tally(5, 36)}


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("ICD9CM/250.00\n", {"ICD9CM/250.00"}),  # as it stands in the events
        ("ICD10CM/E11*\n", {"ICD9CM/250.00", "ICD9CM/250.60", "ICD10CM/E11.9"}),  # after the crosswalk
        ("CCSR/INF006\n", {"ICD9CM/042"}),  # rolled up
        ("RACE/*\n", {"RACE/asian"}),
    ],
)
def test_a_list_to_drop_is_asked_before_and_after(tmp_path: Path, text: str, gone: set[str]) -> None:
    drop = (listed(tmp_path, "drop.txt", text),)
    columns = lay_columns(FOUND, CohortOptions(icd9_to_icd10=True, rollup="ccs", drop=drop), tmp_path)
    assert set(FOUND) - set(columns.name) == gone
    assert columns.dropped == {"drop.txt": tally(len(gone), sum(FOUND[code] for code in gone))}


def test_a_sensitive_topic_goes_whole_and_a_list_that_drops_nothing_is_told_too(tmp_path: Path) -> None:
    columns = lay_columns(FOUND, CohortOptions(drop=("hiv", "abortion")), tmp_path)
    assert set(FOUND) - set(columns.name) == {"ICD9CM/042"}
    assert columns.dropped == {"hiv": tally(1, 4), "abortion": tally(0, 0)}


def test_concept_ancestors_roll_up_and_count_ties(tmp_path: Path) -> None:
    (tmp_path / "metadata").mkdir()
    table = {
        "code": ["SNOMED/3", "SNOMED/4", "SNOMED/4"],
        "ancestor": ["SNOMED/1", "SNOMED/2", "SNOMED/1"],
        "levels": pa.array([1, 1, 1], pa.int32()),
    }
    pq.write_table(pa.table(table), tmp_path / "metadata" / "ancestors.parquet")
    options = CohortOptions(rollup="concept_ancestor", ancestors=listed(tmp_path, "up.txt", "SNOMED/1\nSNOMED/2\n"))
    columns = lay_columns({"SNOMED/3": 1, "SNOMED/4": 2, "SNOMED/5": 4}, options, tmp_path)
    assert columns.name == {"SNOMED/3": "SNOMED/1", "SNOMED/4": "SNOMED/1", "SNOMED/5": "SNOMED/5"}
    assert columns.rollup == {"rolled_up": tally(2, 3), "ambiguous": tally(1, 2), "unclassified": tally(1, 4)}
    with pytest.raises(BadRequest, match="CONCEPT_ANCESTOR"):
        lay_columns(FOUND, options, tmp_path / "elsewhere")


def test_lists_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="No list of codes"):
        lay_columns(FOUND, CohortOptions(keep=("absent.txt",)), tmp_path)
    with pytest.raises(BadData, match="line 1"):
        lay_columns(FOUND, CohortOptions(drop=(listed(tmp_path, "x.txt", "250\n"),)), tmp_path)
