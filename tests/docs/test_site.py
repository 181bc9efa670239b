"""The guide is built without a warning, and its pages load nothing from elsewhere: a hospital has no internet."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READ = ("privacy", "synthehr", "reports", "pipelines")
# an element that a browser loads by itself, with the address of another machine; links that one follows are none
LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//[^"'> ]+"""
    r"""|<link\b[^>]*\bhref=["']?(?:https?:)?//[^"'> ]+"""
    r"""|url\(\s*["']?(?:https?:)?//[^)]+|@import\s+["'](?:https?:)?//[^"']+"""
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the built site, and what the builder said."""
    for name in ("zensical", "mkdocstrings", "mkdocstrings_handlers"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name}, which builds the guide, is not installed: pip install 'synthehr[docs]'")
    folder = tmp_path_factory.mktemp("guide")
    shutil.copy(ROOT / "zensical.toml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    for package in READ:
        (folder / package).symlink_to(ROOT / package)
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "build" / "site", done.stdout + done.stderr


def loads(text: str) -> list[str]:
    return LOADED.findall(text)


def test_it_is_built_without_a_warning(built: tuple[Path, str]) -> None:
    assert "No issues found" in built[1]
    assert not re.search(r"warning|griffe:", built[1], re.I), built[1]


def test_every_page_is_built_and_holds_its_tables(built: tuple[Path, str]) -> None:
    pages = {page.relative_to(ROOT / "docs" / "pages").with_suffix("") for page in (ROOT / "docs/pages").rglob("*.md")}
    site = {page.relative_to(built[0]).with_suffix("") for page in built[0].rglob("*.html")}
    assert pages <= site
    text = {page: (built[0] / page.with_suffix(".html")).read_text(encoding="utf-8") for page in pages}
    assert not any("--8<--" in html for html in text.values())
    assert "icd9_to_icd10" in text[Path("recipes")]
    assert "identical_excess_distinctive" in text[Path("metrics")]
    assert 'id="privacy.policy.GateRefused"' in text[Path("api/privacy")]


def test_nothing_is_loaded_from_elsewhere(built: tuple[Path, str]) -> None:
    files = [file for kind in ("*.html", "*.css") for file in built[0].rglob(kind)]
    assert len(files) > 12
    assert {file.name: found for file in files if (found := loads(file.read_text(encoding="utf-8")))} == {}


def test_what_is_loaded_from_elsewhere_would_be_found() -> None:
    assert loads('<link rel="stylesheet" href="https://fonts.googleapis.com/css?family=Inter">')
    assert loads("<script async src=//unpkg.com/iframe-worker/shim></script>")
    assert loads("@font-face { src: url(https://example.org/a.woff2) }")
    assert loads('<a href="https://zensical.org/">made with</a><img src="assets/logo.svg">') == []
