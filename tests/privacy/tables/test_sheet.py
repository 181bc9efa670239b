from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from privacy.tables.reading import BadTable
from privacy.tables.sheet import Sheet, read_sheet


def sheet(path: Path, frame: pd.DataFrame | pa.Table, **declared: str) -> Sheet:
    if isinstance(frame, pa.Table):
        pq.write_table(frame, path / "t.parquet")
        return read_sheet("training table", path / "t.parquet", declared)  # type: ignore[arg-type]
    frame.to_csv(path / "t.csv", index=False)
    return read_sheet("training table", path / "t.csv", declared)  # type: ignore[arg-type]


def codes_of(found: Sheet) -> list[set[str]]:
    (column,) = found.columns.values()
    assert column.entries_of is not None
    return [{column.words[k] for k in column.values[column.entries_of == record]} for record in range(found.n)]


def test_a_list_has_a_row_for_each_code_and_an_empty_code_for_a_patient_without(tmp_path: Path) -> None:
    rows = pd.DataFrame({"subject_id": [7, 7, 9, 8, 7], "code": ["250", "401", "0401", None, "250"]})
    found = sheet(tmp_path, rows)
    assert (found.n, found.from_list) == (3, True)
    assert codes_of(found) == [{"250", "401"}, {"0401"}, set()]


def test_a_matrix_has_a_list_in_each_cell(tmp_path: Path) -> None:
    table = pa.table(
        {
            "synthetic_id": pa.array([-1, -2, -3]),
            "codes": pa.array([[0, 5], [], [2]], pa.list_(pa.uint32())),
            "counts": pa.array([[1, 9], [], [1]], pa.list_(pa.uint16())),
        }
    )
    found = sheet(tmp_path, table)
    assert (found.n, found.from_list, list(found.columns)) == (3, False, ["codes"])
    assert codes_of(found) == [{"0", "5"}, set(), {"2"}]


def test_a_wide_table_has_flags_and_its_ids_are_told_by_name(tmp_path: Path) -> None:
    rows = pd.DataFrame({"Subject_ID": [1, 2], "250": [0, 1], "401": [1, 1], "row": ["x", "y"]})
    found = sheet(tmp_path, rows, row="id")
    assert list(found.columns) == ["250", "401"]
    assert list(found.ids) == ["Subject_ID", "row"]
    assert [column.kind for column in found.columns.values()] == ["flag", "flag"]


def test_a_column_named_as_an_id_is_content_if_declared_so(tmp_path: Path) -> None:
    found = sheet(tmp_path, pd.DataFrame({"id": ["a", "b"], "x": [1, 2]}), id="category")
    assert list(found.columns) == ["id", "x"]
    assert found.ids == {}


def test_codes_as_text_beside_other_columns(tmp_path: Path) -> None:
    found = sheet(tmp_path, pd.DataFrame({"sex": ["F", "M"], "age": [40, 50], "codes": ["250;401", ""]}))
    assert [column.kind for column in found.columns.values()] == ["category", "number", "codes"]
    assert np.array_equal(found.columns["codes"].entries_of, [0, 0])


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"subject_id": [1], "id": [2]}), "no column but ids"),
        (pd.DataFrame({"subject_id": [1, None], "code": ["SECRET", "SECRET"]}), "1 rows have no 'subject_id'"),
        (pa.table({"subject_id": [1], "code": [{"a": "SECRET"}]}), "'code' must hold one code a row"),
        (pa.table({"codes": [[1, 2]], "counts": [[1]]}), "one count for each"),
        (pa.table({"codes": [[1, 2]], "counts": [[1, 0]]}), "above 0"),
        (pa.table({"codes": [[1, 2]], "counts": [3]}), "must hold a list"),
        (pa.table({"x": [{"a": "SECRET"}]}), "column 'x' has the type struct"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_column(
    frame: pd.DataFrame | pa.Table, words: str, tmp_path: Path
) -> None:
    with pytest.raises(BadTable, match=words) as refusal:
        sheet(tmp_path, frame)
    assert "training table t." in str(refusal.value)
    assert "SECRET" not in str(refusal.value)
