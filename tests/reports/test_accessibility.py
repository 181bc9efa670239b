"""The pages by axe-core, in light and dark, wide and narrow: no serious fault, and nothing beyond the edge."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.risk_report import render_html
from reports.view import ReportView

HARM = ("serious", "critical")


def faults(page: Any) -> list[str]:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [f"{fault['id']}: {fault['nodes'][0]['html']}" for fault in found if fault["impact"] in HARM]


def show(page: Any, path: Path, *, scheme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(path.as_uri())


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
@pytest.mark.parametrize("copy", ["steward", "public"])
def test_a_report_is_accessible(
    copy: Any, scheme: str, width: int, browser_page: Any, make_view: Callable[..., ReportView], tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(make_view(override="A contract", leak=0.1), copy), encoding="utf-8")
    show(browser_page, path, scheme=scheme, width=width)
    assert faults(browser_page) == []
    root = "document.documentElement"
    assert browser_page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


def test_a_fault_would_be_found(browser_page: Any, text: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(text.replace("--ink: #1a1a1a", "--ink: #cccccc").replace('lang="en"', ""), encoding="utf-8")
    show(browser_page, path, scheme="light", width=1280)
    assert {fault.split(":")[0] for fault in faults(browser_page)} >= {"color-contrast", "html-has-lang"}
