"""The pages in a browser: by keyboard alone, and searched for barriers by axe-core. Skipped where there is none."""

import shutil
from collections.abc import Iterator

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

PAGES = ("/", "/query?example=1", "/dictionary?q=icd9cm", "/ledger", "/checksums", "/datasheet", "/fitness", "/nowhere")


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def inside(browser, caller, **how: object):
    page = browser.new_context(**how).new_page()
    page.goto(caller.server.door.address(caller.server.door.token))
    assert page.url == f"http://127.0.0.1:{caller.port}/"
    return page


def tab_to(page, what: str) -> None:
    """Press Tab until the element with this text or id has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(
            "what => [document.activeElement.textContent.trim(), document.activeElement.id].includes(what)", what
        ):
            return
    raise AssertionError(f"{what} is not reached by keyboard")


def test_by_keyboard_alone(browser, caller) -> None:
    page = inside(browser, caller)
    for label, heading in (
        ("Ledger", "Ledger"),
        ("Dictionary", "Dictionary"),
        ("Checksums", "Checksums"),
        ("Query", "Query"),
    ):
        tab_to(page, label)
        page.keyboard.press("Enter")
        page.wait_for_load_state()
        assert page.inner_text("h1") == heading
    tab_to(page, "Patients by sex")
    page.keyboard.press("Enter")
    page.wait_for_load_state()
    assert "SELECT sex" in page.input_value("#sql")
    tab_to(page, "sql")
    tab_to(page, "Run")
    page.keyboard.press("Enter")
    page.wait_for_selector("#result")
    assert page.locator("#result tbody tr").all_inner_texts() == ["female\t3", "male\t3"]
    page.context.close()


def test_a_file_of_the_result_and_a_report(browser, caller) -> None:
    page = inside(browser, caller)
    page.goto(f"http://127.0.0.1:{caller.port}/query?example=1")
    with page.expect_download() as download:
        page.click("text=Download as CSV")
    assert download.value.suggested_filename == "query.csv"
    assert download.value.path().read_text() == "sex,patients\nfemale,3\nmale,3\n"
    page.goto(f"http://127.0.0.1:{caller.port}/")
    page.click("text=Risk report >> nth=0")
    assert page.inner_text("h1") == "Risk report"
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_no_serious_barrier_and_nothing_runs_over(browser, caller, width: int, scheme: str) -> None:
    page = inside(browser, caller, viewport={"width": width, "height": 900}, color_scheme=scheme)
    for path in PAGES:
        page.goto(f"http://127.0.0.1:{caller.port}{path}")
        if path.startswith("/query"):
            page.click("text=Run")
            page.wait_for_selector("#result")
        found = axe.Axe().run(page).response["violations"]
        assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    page.context.close()
