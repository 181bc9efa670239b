import re
from collections.abc import Callable
from importlib.resources import files

import pytest
import typst

from privacy.policy_file import load_policy
from reports.pdf.markup import typst_markup
from reports.pdf.render import STANDARD, render_pdf
from reports.pdf.text import FONTS
from reports.risk_report import Copy, render_html
from reports.view import ReportView

MakeView = Callable[..., ReportView]
LONG = "a purpose that somebody described at length and with care, as one ought to, "


def end_of_page_one(html: str) -> tuple[int, float]:
    """The page on which the first page ends, and the size of its text in points."""
    markup, figures = typst_markup(html)
    style = files("reports").joinpath("templates", "page.typ").read_text(encoding="utf-8")
    style = style.replace(
        "      body\n    }\n",
        "      body\n      context [#metadata((here().page(), text.size.pt())) <end>]\n    }\n",
        1,
    )
    assert "<end>" in style
    sources = {"main": markup.encode(), "page.typ": style.encode(), **figures}
    found = typst.query(sources, "<end>", field="value", font_paths=[str(FONTS)], ignore_system_fonts=True)
    pages, size = re.findall(r"[\d.]+", found)
    return int(pages), float(size)


@pytest.mark.parametrize("copy", ["public", "steward"])
@pytest.mark.parametrize("policy", ["public_release", "controlled_access", "internal_test"])
def test_page_one_is_one_page(copy: Copy, policy: str, make_view: MakeView) -> None:
    view = make_view(
        policy=load_policy(policy),
        override=LONG * 9,
        name="a cohort of a long name, of a hospital",
        purpose=LONG * 9,
        earlier=(),
    )
    page, size = end_of_page_one(render_html(view, copy))
    assert page == 1
    assert size >= 7.5


def test_the_same_page_gives_the_same_bytes(text: str) -> None:
    assert render_pdf(text) == render_pdf(text)


def test_nothing_of_the_machine_or_the_day_is_in_it(text: str) -> None:
    pdf = render_pdf(text)
    assert STANDARD == "ua-1"
    assert b"pdfuaid:part" in pdf
    assert not re.search(rb"CreationDate|ModDate|/tmp/|/home/|/root/", pdf)
    assert set(re.findall(rb"BaseFont/[A-Z]{6}\+(\w+)", pdf)) <= {b"DejaVuSans", b"DejaVuSansMono"}
    assert b"Disclosure risk report: trial-cohort" in pdf


def test_figures_are_told_to_who_cannot_see_them(text: str) -> None:
    markup, figures = typst_markup(text)
    assert len(figures) == text.count("<svg") == markup.count("#drawn(")
    assert "ROC curve on logarithmic axes. True positive rate against" in markup
