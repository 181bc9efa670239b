import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.viewing.folder import open_folder
from synthehr.errors import IncompleteLanding


def test_a_bundle_its_half_and_a_whole_run(bundle: Path) -> None:
    whole, half, run = (open_folder(folder) for folder in (bundle, bundle / "public", bundle.parent))
    assert [found.kind for found in (whole, half, run)] == [
        "a bundle",
        "the public half of a bundle",
        "the bundle of a whole run",
    ]
    assert [[part.name for part in found.halves] for found in (whole, half, run)] == [
        ["public", "steward"],
        ["public"],
        ["public", "steward"],
    ]
    assert whole.public.changed == ()
    assert list(whole.public.queries) == ["01-by-sex.sql", "02-meds-events.sql"]


def test_the_public_half_beside_no_steward(make_bundle: Callable[[], Path]) -> None:
    folder = make_bundle()
    shutil.rmtree(folder / "steward")
    assert open_folder(folder).kind == "a bundle, its public half alone"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "it is empty"),
        ({"notes.txt": ""}, "it holds notes.txt"),
        ({"policy.json": "{}"}, "the steward's half alone"),
        (
            {
                "manifest.json": json.dumps(
                    {"kind": "cohort", "schema": 1, "config": {}, "made_from": {}, "versions": {}, "files": {}}
                )
            },
            "a landing of kind cohort",
        ),
    ],
)
def test_what_is_no_bundle_is_named(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(IncompleteLanding, match=f"{said}.*Name the folder that `synthehr release --out` wrote"):
        open_folder(tmp_path)
    with pytest.raises(IncompleteLanding, match="it does not exist"):
        open_folder(tmp_path / "absent")


def test_changed_and_missing_sums_are_told(make_bundle: Callable[[], Path]) -> None:
    folder = make_bundle()
    (folder / "public" / "report.html").write_text("another")
    (folder / "steward" / "SHA256SUMS").unlink()
    found = open_folder(folder)
    assert found.public.changed == ("report.html",)
    assert found.steward is not None
    assert found.steward.changed is None
    assert "SHA256SUMS" in found.steward.doubt


def test_a_link_out_of_the_bundle_is_not_followed(make_bundle: Callable[[], Path], tmp_path: Path) -> None:
    folder = make_bundle()
    (tmp_path / "secret.txt").write_text("SECRET")
    (folder / "public" / "README.md").symlink_to(tmp_path / "secret.txt")
    (folder / "public" / "queries" / "03-x.sql").symlink_to(tmp_path / "secret.txt")
    found = open_folder(folder).public
    assert "README.md" not in found.files
    assert "03-x.sql" not in found.queries
    assert "report.html" in found.files  # the control: a file of its own
