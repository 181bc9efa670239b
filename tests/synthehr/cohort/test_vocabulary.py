from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadData

SMALL = Vocabulary(("SEX/f", "SEX/m", "ICD9CM/250", "AGE/1"), ("", "", "Diabetes", ""), ("sex", "sex", None, "age"))


def test_what_follows_from_the_codes() -> None:
    assert SMALL.system == ("SEX", "SEX", "ICD9CM", "AGE")
    assert SMALL.index == {"SEX/f": 0, "SEX/m": 1, "ICD9CM/250": 2, "AGE/1": 3}
    assert {name: columns.tolist() for name, columns in SMALL.groups.items()} == {"sex": [0, 1], "age": [3]}
    assert SMALL.free.tolist() == [2]
    mixed = Vocabulary(("B/1", "SEX/f", "A/1", "B/2"), ("",) * 4, (None, "sex", None, None))
    assert {system: found.tolist() for system, found in mixed.free_by_system.items()} == {"B": [0, 3], "A": [2]}
    assert len(SMALL) == 4


codes = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), unique=True, max_size=20)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(code=codes, data=st.data())
def test_what_is_written_is_read(tmp_path: Path, code: list[str], data: st.DataObject) -> None:
    group = data.draw(st.lists(st.sampled_from(["sex", "age", None]), min_size=len(code), max_size=len(code)))
    vocabulary = Vocabulary(tuple(code), tuple(f"words {c}" for c in code), tuple(group))
    vocabulary.write(tmp_path / "v.parquet")
    assert Vocabulary.read(tmp_path / "v.parquet") == vocabulary


def test_rows_are_put_in_the_order_of_their_index(tmp_path: Path) -> None:
    SMALL.write(tmp_path / "v.parquet")
    table = pq.read_table(tmp_path / "v.parquet")
    pq.write_table(table.take(pa.array([2, 0, 3, 1])), tmp_path / "mixed.parquet")
    assert Vocabulary.read(tmp_path / "mixed.parquet") == SMALL


def test_a_code_twice_or_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(BadData, match="each code once; 1 repeat"):
        Vocabulary(("A/1", "A/1"), ("", ""), (None, None))
    with pytest.raises(ValueError, match="one entry a column"):
        Vocabulary(("A/1",), (), (None,))


def test_another_schema_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"code": ["A/1"]}), tmp_path / "v.parquet")
    with pytest.raises(BadData, match="expected the columns"):
        Vocabulary.read(tmp_path / "v.parquet")
