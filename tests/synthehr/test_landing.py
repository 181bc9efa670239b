import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from synthehr import landing
from synthehr.errors import BadRequest, IncompleteLanding
from synthehr.landing import altered, check_landing, is_current, land, partial_path, read_manifest, source_hash

ASKED = {"kind": "cohort", "config": {"seed": 1}, "made_from": {"events": "abc"}}


def lay(path: Path, text: str = "one") -> None:
    with land(path, **ASKED) as folder:
        (folder / "data").mkdir(exist_ok=True)
        (folder / "data" / "0.txt").write_text(text)


def break_off(path: Path, failure: BaseException, *, resumes: bool = False) -> None:
    with land(path, **ASKED, resumes=resumes) as folder:
        (folder / "half.txt").write_text("half")
        raise failure


def fill(path: Path) -> None:
    with land(path, **ASKED) as folder:
        (folder / "big.bin").symlink_to("/dev/full")
        (folder / "big.bin").write_bytes(b"x" * 65_536)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_landing_has_a_manifest_with_the_hash_of_each_file(tmp_path: Path) -> None:
    lay(tmp_path / "c")
    manifest = read_manifest(tmp_path / "c", "cohort")
    # SHA-256 of the three bytes "one"
    assert manifest.files == {"data/0.txt": "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"}
    assert manifest.config == {"seed": 1}
    assert manifest.made_from == {"events": "abc"}
    assert names(tmp_path) == ["c"]


def test_two_landings_of_the_same_content_have_the_same_manifest(tmp_path: Path) -> None:
    lay(tmp_path / "a")
    lay(tmp_path / "b")
    lay(tmp_path / "other", "two")
    assert source_hash(tmp_path / "a") == source_hash(tmp_path / "b")
    assert source_hash(tmp_path / "a") != source_hash(tmp_path / "other")


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
@pytest.mark.parametrize("resumes", [False, True])
def test_an_interruption_leaves_the_former_landing_and_nothing_new(
    tmp_path: Path, failure: BaseException, resumes: bool
) -> None:
    lay(tmp_path / "c", "old")
    with pytest.raises(type(failure)):
        break_off(tmp_path / "c", failure, resumes=resumes)
    assert (tmp_path / "c" / "data" / "0.txt").read_text() == "old"
    assert altered(tmp_path / "c") == []
    assert partial_path(tmp_path / "c").exists() is resumes


def test_an_interrupted_first_landing_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        break_off(tmp_path / "c", KeyboardInterrupt())
    assert names(tmp_path) == []


def test_a_full_disk_while_the_manifest_is_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(landing.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        lay(tmp_path / "c")
    assert names(tmp_path) == []
    with pytest.raises(OSError, match="No space left"):
        landing.write_text(tmp_path / "note.json", "{}")
    assert names(tmp_path) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_device_that_is_really_full_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        fill(tmp_path / "c")
    assert names(tmp_path) == []


def test_what_a_resuming_landing_left_is_found_again_and_what_another_left_is_not(tmp_path: Path) -> None:
    for resumes in (True, False):
        partial_path(tmp_path / "c").mkdir(exist_ok=True)
        (partial_path(tmp_path / "c") / "checkpoint").write_text("42")
        with land(tmp_path / "c", **ASKED, resumes=resumes) as folder:
            assert (folder / "checkpoint").exists() is resumes


@pytest.mark.parametrize("content", ["thesis.docx", "manifest.json"])
def test_a_folder_that_is_no_landing_is_never_touched(tmp_path: Path, content: str) -> None:
    """A web application's manifest.json does not make its folder ours."""
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / content).write_text('{"name": "somebody else\'s"}')
    with pytest.raises(BadRequest, match="is not a landing"):
        lay(tmp_path / "c")
    assert names(tmp_path / "c") == [content]
    assert names(tmp_path) == ["c"]


def test_a_file_or_a_landing_of_another_kind_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(BadRequest, match="is not a landing"):
        lay(tmp_path / "file")
    lay(tmp_path / "c")
    with pytest.raises(BadRequest, match="kind cohort, not a run"), land(tmp_path / "c", **(ASKED | {"kind": "run"})):
        pass
    assert (tmp_path / "file").read_text() == "kept"
    assert altered(tmp_path / "c") == []


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    lay(tmp_path / "c")
    assert altered(tmp_path / "c") == []


def test_every_change_to_a_landing_is_named(tmp_path: Path) -> None:
    lay(tmp_path / "c")
    assert check_landing(tmp_path / "c", "cohort").kind == "cohort"
    (tmp_path / "c" / ".DS_Store").write_text("a desktop's own")
    assert altered(tmp_path / "c") == []
    (tmp_path / "c" / "data" / "1.txt").write_text("added")
    assert altered(tmp_path / "c") == ["data/1.txt"]
    (tmp_path / "c" / "data" / "0.txt").write_text("onE")
    assert altered(tmp_path / "c") == ["data/0.txt", "data/1.txt"]
    (tmp_path / "c" / "data" / "0.txt").unlink()
    with pytest.raises(IncompleteLanding, match=r"data/0\.txt, data/1\.txt changed since"):
        check_landing(tmp_path / "c", "cohort")


def test_current_means_same_request_same_inputs_same_versions_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_current(tmp_path / "c", **ASKED)
    lay(tmp_path / "c")
    assert is_current(tmp_path / "c", **ASKED)
    assert not is_current(tmp_path / "c", **(ASKED | {"kind": "run"}))
    assert not is_current(tmp_path / "c", **(ASKED | {"config": {"seed": 2}}))
    assert not is_current(tmp_path / "c", **(ASKED | {"made_from": {"events": "abd"}}))
    with monkeypatch.context() as other:
        other.setattr(landing, "versions", lambda: {"torch": "0"})
        assert not is_current(tmp_path / "c", **ASKED)
    (tmp_path / "c" / "data" / "0.txt").write_text("two")
    assert not is_current(tmp_path / "c", **ASKED)


def test_a_config_is_compared_as_json_holds_it(tmp_path: Path) -> None:
    asked = ASKED | {"config": {"shares": (0.7, 0.3)}}
    with land(tmp_path / "c", **asked):
        pass
    assert is_current(tmp_path / "c", **asked)


def test_a_broken_or_foreign_manifest_is_an_incomplete_landing(tmp_path: Path) -> None:
    lay(tmp_path / "c")
    file = tmp_path / "c" / "manifest.json"
    later = json.loads(file.read_text()) | {"schema": 99}
    for text, words in [("{", "is not the manifest"), ("[]", "is not the manifest"), (json.dumps(later), "schema 99")]:
        file.write_text(text)
        with pytest.raises(IncompleteLanding, match=words):
            read_manifest(tmp_path / "c")
        assert not is_current(tmp_path / "c", **ASKED)
    with pytest.raises(IncompleteLanding, match="does not exist"):
        read_manifest(tmp_path / "absent", "run")


def test_a_second_writer_is_refused_and_the_first_is_undisturbed(tmp_path: Path) -> None:
    with land(tmp_path / "c", **ASKED) as folder:
        (folder / "0.txt").write_text("first")
        with pytest.raises(BadRequest, match="Another process is writing"), land(tmp_path / "c", **ASKED):
            pass
        assert names(folder) == ["0.txt"]
    assert altered(tmp_path / "c") == []


def test_a_killed_writer_leaves_no_lock(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, synthehr.landing as l\n"
        f"with l.land(pathlib.Path({str(tmp_path / 'c')!r}), kind='cohort', config={{}}, made_from={{}}) as f:\n"
        "    (f / 'half').write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert names(tmp_path) == [".c.partial"]
    lay(tmp_path / "c")
    assert names(tmp_path) == ["c"]
    assert names(tmp_path / "c") == ["data", "manifest.json"]


def test_a_swap_cut_off_in_the_middle_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path / "c", "old")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name == ".c.partial":
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="Input/output"):
            lay(tmp_path / "c", "new")
    assert (tmp_path / "c" / "data" / "0.txt").read_text() == "old"
    assert names(tmp_path) == ["c"]


def test_a_landing_left_under_its_old_name_by_a_crash_comes_back(tmp_path: Path) -> None:
    lay(tmp_path / "c", "old")
    (tmp_path / "c").rename(tmp_path / ".c.old")
    with pytest.raises(KeyboardInterrupt):
        break_off(tmp_path / "c", KeyboardInterrupt())
    assert (tmp_path / "c" / "data" / "0.txt").read_text() == "old"


def test_the_hash_of_a_plain_folder_sees_names_and_content(tmp_path: Path) -> None:
    for name, file, text in [("a", "x", "1"), ("b", "x", "1"), ("c", "y", "1"), ("d", "x", "2")]:
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    a, b, c, d = (source_hash(tmp_path / name) for name in "abcd")
    assert a == b
    assert len({a, c, d}) == 3
