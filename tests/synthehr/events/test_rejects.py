from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.errors import BadData
from synthehr.events.mapping_file import load_mapping
from synthehr.events.rejects import Reject, StagedFile, account, refuse_too_many
from synthehr.events.sources.layout import Layout
from synthehr.events.sources.reading import SourceFile

CSV = SourceFile(Path("x.csv"), "x.csv")


ROWS = {"good": "1,2,3", "broken": "1,2", "empty": "", "over two lines": '1,"2\n\n",3'}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(sorted(ROWS)), max_size=40), end=st.sampled_from(["\n", "\r\n"]))
def test_rows_are_found_again_between_broken_and_empty_ones(tmp_path: Path, kinds: list[str], end: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("".join(line + end for line in ("a,b,c", *(ROWS[kind] for kind in kinds))).encode())
    numbered = list(enumerate(kinds, start=2))  # row 1 is the header
    bad = tuple((row, "too few columns") for row, kind in numbered if kind == "broken")
    expected = [row for row, kind in numbered if kind in ("good", "over two lines")]
    records = np.arange(1, len(expected) + 1)
    assert StagedFile(CSV, lambda: path, Layout(("a", "b", "c")), len(expected), bad).rows(records).tolist() == expected


def test_parquet_has_no_header_row() -> None:
    part = StagedFile(SourceFile(Path("x.parquet"), "x.parquet"), Path, Layout(("a",)), 3)
    assert part.rows(np.array([1, 3])).tolist() == [1, 3]


def test_a_row_counts_once_and_once_for_each_reason() -> None:
    rejects = [Reject("x.csv", 2, "a", "one"), Reject("x.csv", 2, "b", "one"), Reject("x.csv", 2, "b", "two")]
    report = account(
        "events", [StagedFile(CSV, Path, Layout(("a",)), 9, ((11, "too few columns"),))], rejects, repeated=4
    )
    assert (report.rows, report.rejected, report.repeated, report.reasons) == (10, 1, 4, {"one": 1, "two": 1})


@pytest.mark.parametrize(("rejected", "refused"), [(10, False), (11, True)])
def test_one_percent_passes_and_more_does_not(rejected: int, refused: bool) -> None:
    rejects = [Reject("x.csv", k + 2, "time", "time missing") for k in range(rejected)]
    report = account("events", [StagedFile(CSV, Path, Layout(("a",)), 1_000)], rejects)
    if refused:
        with pytest.raises(BadData, match=r"11 of 1000 rows"):
            refuse_too_many(load_mapping("long_table"), report, rejects)
    else:
        refuse_too_many(load_mapping("long_table"), report, rejects)
