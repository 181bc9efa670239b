import gzip
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.errors import BadData, BadRequest
from synthehr.events.mapping import Table
from synthehr.events.sources.layout import layout
from synthehr.events.sources.reading import SourceFile, matching, plain_file, source_files

CSV = b"subject_id,time,code\n" + b"".join(b"%d,2020-01-%02d,ICD9CM/250\n" % (k, k % 28 + 1) for k in range(2_000))


def header(file: SourceFile, delimiter: str) -> list[str]:
    """Column names of a file, for a table of which nothing is known but its delimiter."""
    return list(layout(Table(name="x", files=("x",), columns=("subject_id",), delimiter=(delimiter,)), file).names)


def at(path: Path, content: bytes) -> SourceFile:
    path.write_bytes(content)
    return SourceFile(path, path.name)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_plain_files_come_before_gzip_before_members_of_a_zip(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"inner/visits.csv": CSV})
    at(tmp_path / "VISITS.csv.gz", gzip.compress(CSV))
    (tmp_path / "sub").mkdir()
    at(tmp_path / "sub" / "other.csv", CSV)
    at(tmp_path / ".hidden.csv", CSV)
    found = [file.shown for file in source_files(tmp_path)]
    assert found == ["sub/other.csv", "VISITS.csv.gz", "a.zip:inner/visits.csv"]


def test_a_landing_beside_the_extract_is_no_part_of_it(tmp_path: Path) -> None:
    at(tmp_path / "x.csv", CSV)
    (tmp_path / "out").mkdir()
    for name in ("x.csv", "manifest.json"):
        at(tmp_path / "out" / name, CSV)
    assert [file.shown for file in source_files(tmp_path)] == ["x.csv"]


def test_of_two_spellings_in_one_folder_the_first_is_taken(tmp_path: Path) -> None:
    at(tmp_path / "PATIENTS.csv", CSV)
    at(tmp_path / "patients.csv.gz", gzip.compress(CSV))
    assert [f.shown for f in matching("Patients.csv", source_files(tmp_path))] == ["PATIENTS.csv"]


def test_nothing_there_is_a_wrong_request(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="nothing is there"):
        source_files(tmp_path / "absent")


@pytest.mark.parametrize("packing", ["plain", "gzip", "zip", "gzip in zip"])
def test_what_is_unpacked_is_what_was_packed(tmp_path: Path, packing: str) -> None:
    if packing == "plain":
        file = at(tmp_path / "x.csv", CSV)
    elif packing == "gzip":
        file = at(tmp_path / "x.csv.gz", gzip.compress(CSV))
    else:
        inner = ("x.csv", CSV) if packing == "zip" else ("deep/x.csv.gz", gzip.compress(CSV))
        file = source_files(zipped(tmp_path / "x.zip", dict([inner])))[0]
    assert file.base == "x.csv"
    assert header(file, ",") == ["subject_id", "time", "code"]
    assert plain_file(file, tmp_path / "work").read_bytes() == CSV


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_gzip_cut_anywhere_is_refused(tmp_path: Path, cut: float) -> None:
    whole = gzip.compress(CSV)
    file = at(tmp_path / "x.csv.gz", whole[: int(cut * len(whole))])

    def read() -> Path:
        header(file, ",")
        return plain_file(file, tmp_path / "work")

    with pytest.raises(BadData, match=r"x\.csv\.gz (is cut short|is empty|says it is gzip but is not)"):
        read()


def test_a_damaged_member_of_a_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", {"x.csv": CSV})
    content = bytearray(path.read_bytes())
    content[200] ^= 0xFF  # inside the deflated member
    path.write_bytes(content)
    with pytest.raises(BadData, match=r"x\.zip:x\.csv is cut short or damaged"):
        plain_file(source_files(path)[0], tmp_path / "work")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x.csv", gzip.compress(CSV), "is gzip"),
        ("x.csv", b"PAR1" + bytes(9), "is Parquet"),
        ("x.csv", b"PK\x03\x04" + bytes(9), "Excel"),
        ("x.csv", b"<html>Please log in</html>", "HTML"),
        ("x.csv", "subject_id,time".encode("utf-16"), "UTF-16"),
        ("x.csv", b"a,b\n\0\0\0", "binary"),
        ("x.csv", b"", "is empty"),
        ("x.csv", b"\n1,2\n", "is empty"),
        ("x.csv.gz", CSV, "is not: give it its true ending"),
        ("x.parquet", CSV, "is not Parquet"),
        ("x.parquet.gz", gzip.compress(CSV), "unpack it first"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    with pytest.raises(BadData, match=expected) as caught:
        header(at(tmp_path / name, content), ",")
    assert name in str(caught.value)


def test_a_zip_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(CSV)
    with pytest.raises(BadData, match=r"x\.zip is not a zip archive"):
        source_files(tmp_path)


def test_the_header_is_read_through_byte_order_mark_quotes_and_line_ends(tmp_path: Path) -> None:
    file = at(tmp_path / "x.csv", b'\xef\xbb\xbf"subject_id"; time ;"a;b"\r\n1;2;3\r\n')
    assert header(file, ";") == ["subject_id", "time", "a;b"]


def test_parquet_names_its_columns(tmp_path: Path) -> None:
    pq.write_table(pa.table({"subject_id": [1], "code": ["A/1"]}), tmp_path / "x.parquet")
    assert header(SourceFile(tmp_path / "x.parquet", "x.parquet"), ",") == ["subject_id", "code"]
