import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.tables.columns import Column, not_numbers, read_column


def column(cells: list[object], asked: str | None = None, kind: pa.DataType | None = None) -> Column:
    return read_column(pa.chunked_array([pa.array(cells, kind)]), asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["0", "1", ""], "flag"),
        (["0.0", "1.0"], "flag"),
        (["true", "False"], "flag"),
        ([True, None, False], "flag"),
        ([0, 1, 1], "flag"),
        (["0", "1", "2"], "number"),
        (["-1.5e3", ".5", "+2"], "number"),
        ([0.5, float("nan")], "number"),
        (["1", "two"], "category"),
        (["0401", "250"], "category"),  # as a number 0401 would be 401, another diagnosis
        (["yes", "no"], "category"),
        (["2020-02-29", "1999-01-01 13:00:05.5", "1850-01-01T00:00Z"], "date"),
        (["2020-02-30"], "category"),  # there is no such day
        ([datetime.date(2020, 1, 1), None], "date"),
        (["", "NA", " nan ", "?", None], None),
        ([None, None], None),
        ([["250", "401"], [], None], "codes"),
        ([[3, 1], [2]], "codes"),
    ],
)
def test_the_kind_is_recognised_by_all_cells(cells: list[object], kind: str | None) -> None:
    assert column(cells).kind == kind


def test_values_by_hand() -> None:
    number = column([" 3 ", "", "-0.5"])
    assert number.values[[0, 2]].tolist() == [3.0, -0.5]
    assert number.missing.tolist() == [False, True, False]
    assert column(["1970-01-03", "1969-12-31T12:00"]).values.tolist() == [2.0, -0.5]
    assert column([datetime.date(1970, 1, 3)]).values.tolist() == [2.0]
    sex = column(["M", " M", "", "F"])
    assert [sex.words[place] for place in sex.values[~sex.missing]] == ["M", "M", "F"]


def test_codes_of_a_cell_whether_a_list_or_text() -> None:
    listed = column([["250", "401"], [], ["250"]])
    text = column(["250;401", "", " 250 "], asked="codes")
    for found in (listed, text):
        assert [found.words[place] for place in found.values] == ["250", "401", "250"]
        assert found.entries_of is not None
        assert found.entries_of.tolist() == [0, 0, 2]
        assert len(found.missing) == 3


@pytest.mark.parametrize(
    ("cells", "asked", "words"),
    [
        (["1", "SECRET", "SECRET2"], "number", "text in 2 of 3 cells"),
        (["SECRET"], "date", "declared date and is of kind category"),
        ([["SECRET"]], "category", "of kind codes"),
        ([{"a": "SECRET"}], None, "has the type struct"),
        ([[1.5]], None, "lists of double"),
    ],
)
def test_what_is_not_of_the_kind_asked_for_is_refused_without_a_value(
    cells: list[object], asked: str | None, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        column(cells, asked)
    assert "SECRET" not in str(refusal.value)


def test_a_declared_kind_wins() -> None:
    assert column(["1", "2"], asked="category").words == ("1", "2")
    assert column([10001, 10002], asked="category").words == ("10001", "10002")
    assert column(["0", "1"], asked="number").kind == "number"
    assert not_numbers(column(["1", "x", "x", ""])) == 2


numbers = st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: x not in (0, 1)) | st.none()


@given(st.lists(numbers, min_size=1).filter(lambda cells: any(c is not None for c in cells)))
def test_numbers_are_the_same_from_text_and_from_parquet(cells: list[float | None]) -> None:
    text = column(["" if cell is None else repr(cell) for cell in cells])
    typed = column(list(cells), kind=pa.float64())
    assert text.kind == typed.kind == "number"
    assert np.array_equal(text.values, typed.values)
    assert np.array_equal(text.missing, typed.missing)


@given(st.lists(st.sampled_from(["a", "b", " b", "NA", "", "250"]), min_size=1))
def test_every_text_comes_back_trimmed_or_as_missing(cells: list[str]) -> None:
    found = column(list(cells), asked="category")
    back = ["" if place < 0 else found.words[place] for place in found.values]
    assert back == ["" if cell == "NA" else cell.strip() for cell in cells]
