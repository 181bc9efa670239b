from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthehr.errors import BadData
from synthehr.release.checksums import CHECKSUMS, SIGNATURE, changed_files, write_checksums

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing, FIPS 180-4


@pytest.fixture
def half(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a b.txt").write_bytes(b"")
    (tmp_path / "z.txt").write_bytes(b"z")
    write_checksums(tmp_path)
    return tmp_path


def test_the_file_is_what_sha256sum_writes(half: Path) -> None:
    assert (half / CHECKSUMS).read_text().splitlines()[0] == f"{EMPTY}  data/a b.txt"
    assert changed_files(half) == {}


def test_what_changed_went_or_came_is_named(half: Path) -> None:
    (half / "z.txt").write_bytes(b"Z")
    (half / "data" / "a b.txt").unlink()
    (half / "new.txt").write_bytes(b"")
    assert changed_files(half) == {"changed": ["z.txt"], "missing": ["data/a b.txt"], "added": ["new.txt"]}


def test_a_signature_and_a_desktops_own_files_are_no_part_of_it(half: Path) -> None:
    for name in (SIGNATURE, ".DS_Store"):
        (half / name).write_bytes(b"x")
    assert changed_files(half) == {}


@pytest.mark.parametrize("line", ["", "abc  z.txt", f"{EMPTY} z.txt"])
def test_a_line_that_is_none_is_refused(half: Path, line: str) -> None:
    (half / CHECKSUMS).write_text(f"{EMPTY}  data/a b.txt\n{line}\n")
    with pytest.raises(BadData, match="line 2"):
        changed_files(half)


def test_without_the_file_nothing_is_known(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="Without it nothing tells"):
        changed_files(tmp_path)


@given(place=st.integers(0, 30), bit=st.integers(0, 7))
def test_any_bit_is_seen(tmp_path_factory: pytest.TempPathFactory, place: int, bit: int) -> None:
    folder = tmp_path_factory.mktemp("half")
    content = bytearray(b"thirty-one bytes of a small file")[:31]
    (folder / "f").write_bytes(bytes(content))
    write_checksums(folder)
    content[place] ^= 1 << bit
    (folder / "f").write_bytes(bytes(content))
    assert changed_files(folder) == {"changed": ["f"]}
