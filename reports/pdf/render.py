"""A page of ours as a PDF: set by typst, tagged for readers who cannot see it, and nothing of the machine in it."""

from importlib.resources import files
from typing import Any, Literal

import typst

from reports.pdf.markup import typst_markup
from reports.pdf.text import FONTS

STANDARD: Literal["ua-1"] = "ua-1"  # PDF/UA-1 (ISO 14289-1): typst refuses to write what breaks it


def render_pdf(html: str) -> bytes:
    """The PDF of a page that `reports` rendered; the same page gives the same bytes, on every machine and day.

    A4, with bookmarks, links and page numbers; figures are drawn, and told by their title and description.

    Raises:
        ValueError: the page has an element that has no form on paper (see `reports.pdf.markup.typst_markup`).
    """
    markup, figures = typst_markup(html)
    style = files("reports").joinpath("templates", "page.typ").read_bytes()
    # several files are taken, though the types that come with it leave them out
    sources: Any = {"main": markup.encode(), "page.typ": style, **figures}
    pdf = typst.compile(
        sources, format="pdf", pdf_standards=[STANDARD], font_paths=[str(FONTS)], ignore_system_fonts=True, timestamp=0
    )
    assert isinstance(pdf, bytes)
    return pdf
