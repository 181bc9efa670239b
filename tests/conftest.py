"""What holds for all tests."""

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import torch
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny matrices gain nothing from a second thread, and wait for it where processes share the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def browser_page() -> Iterator["Page"]:
    """A page of an empty browser; the test is skipped where there is no Chromium or no playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()
