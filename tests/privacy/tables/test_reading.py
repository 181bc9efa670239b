import gzip
from pathlib import Path

import pandas as pd
import pytest

from privacy.tables.reading import BadTable, read_table

FRAME = pd.DataFrame({"subject_id": [1, 2, 3], "sex": ["F", "M", "F"], "note": ["a;b", 'said "no"', "two\nlines"]})


def written(path: Path) -> Path:
    FRAME.to_csv(path, index=False, sep="\t" if ".tsv" in path.name else ",")
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.tsv", "t.tsv.gz", "without_ending"])
def test_text_is_read_cell_by_cell_as_text(name: str, tmp_path: Path) -> None:
    table = read_table(written(tmp_path / name))
    assert table.column_names == ["subject_id", "sex", "note"]
    assert table["subject_id"].to_pylist() == ["1", "2", "3"]
    assert table["note"].to_pylist() == FRAME["note"].to_list()


def test_content_decides_and_not_the_ending(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "parquet.csv")
    assert read_table(tmp_path / "parquet.csv")["subject_id"].to_pylist() == [1, 2, 3]
    (tmp_path / "packed.csv").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert read_table(tmp_path / "packed.csv").to_pydict() == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("text", ["\ufeffa;b\n1;2\n", "a|b\r\n1|2\r\n", "\n a , b \n1,2\n"])
def test_separators_marks_and_blanks_around_names(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    assert read_table(tmp_path / "t.csv").to_pydict() == {"a": ["1"], "b": ["2"]}


@pytest.mark.parametrize("folder", [".", "data"])
def test_shards_are_one_table_in_the_order_of_their_names(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    for k, part in enumerate((FRAME.iloc[:1], FRAME.iloc[1:])):
        part.to_parquet(tmp_path / folder / f"part-{k}.parquet", index=False)
    if folder == "data":
        FRAME.to_parquet(tmp_path / "vocabulary.parquet")  # stands beside the shards of a synthetic landing
    assert read_table(tmp_path)["subject_id"].to_pylist() == [1, 2, 3]


def test_shards_of_two_schemas_are_no_table(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "a.parquet")
    FRAME[["sex"]].to_parquet(tmp_path / "b.parquet")
    with pytest.raises(BadTable, match=r"b\.parquet has other columns or types than a\.parquet"):
        read_table(tmp_path)


SECRET = "SECRET77001"
BAD = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \n", "is empty"),
    "too many cells": (f"a,b\n1,2\n{SECRET},2,3\n".encode(), "row 3 has 3 cells, the header 2"),
    "too few cells": (f"a,b\n{SECRET}\n".encode(), "row 2 has 1 cells, the header 2"),
    "not UTF-8": (f"a,b\n{SECRET},".encode() + b"\xff\n", "not UTF-8"),
    "binary": (b"a\0b" + SECRET.encode(), "neither Parquet nor UTF-8 text"),
    "excel": (b"PK\x03\x04\x14\0\0\0" + SECRET.encode(), "neither Parquet nor UTF-8 text"),
    "cut gzip": (gzip.compress(f"a,b\n{SECRET},2\n".encode())[:-6], "gzip that is cut short"),
    "cut parquet": (b"PAR1" + SECRET.encode(), "is not Parquet, or it is cut short"),
    "repeated name": (f"sex,age,sex\n{SECRET},2,3\n".encode(), "'sex' stand more than once"),
    "no header, repeated value": (f"{SECRET},45,45\n{SECRET},3,4\n".encode(), "must hold column names"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_named_and_none_of_its_values_is(kind: str, tmp_path: Path) -> None:
    content, words = BAD[kind]
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(BadTable, match=words) as refusal:
        read_table(tmp_path / "bad.csv")
    assert "bad.csv" in str(refusal.value)
    assert SECRET not in str(refusal.value)
    assert refusal.value.exit_code == 3
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None  # no traceback quotes it either


def test_nothing_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="nothing is there"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(BadTable, match="folder without Parquet files"):
        read_table(tmp_path)
