import json
import re
from html import escape

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.pdf.markup import typst_markup
from reports.pdf.render import render_pdf
from reports.pdf.text import inline, quoted

FIGURE = (
    '<svg viewBox="0 0 100 50" xmlns="http://www.w3.org/2000/svg" role="img"><title id="t">A &amp; B</title>'
    '<desc id="d">Two lines.</desc><path d="M0 0L9 9" stroke="#000"/></svg>'
)
ALL = f"""<section id="s" aria-labelledby="h"><h2 id="h">One <em>two</em></h2><h3>Three</h3>
<p class="kind">A<br>B <b>bold</b> <i>i</i> <small>small</small> <strong>s</strong> <code>x = 1 # no</code>
<a href="#s">up</a> <a href="fidelity.html#x">there</a> <span class="verdict pass">PASS</span>
<span class="nowrap">[1, 2]</span><span class="line"></span></p>
<ul><li>one</li><li id="li">two</li></ul><ol><li>first</li></ol>
<div class="aside"><p>aside</p></div><div class="banner fail">no</div><header>head</header>
<div class="columns"><div>left</div><div>right</div></div><div class="two"><p>a</p><p>b</p></div>
<dl><div><dt>term</dt><dd>meaning</dd></div><dt>other</dt><dd>word</dd></dl><dl class="two"><dt>t</dt><dd>d</dd></dl>
<table><caption>Of <a href="#li">it</a></caption>
<thead><tr><th scope="col">A</th><th scope="col" class="n">B</th></tr></thead>
<tbody><tr><th scope="row">x</th><td class="n">1</td></tr><tr><td colspan="2">wide</td></tr></tbody></table>
<table><thead><tr><th scope="col">Name</th></tr></thead><tbody><tr><td class="write"></td></tr></tbody></table>
<figure>{FIGURE}<figcaption>Caption</figcaption></figure><figure>{FIGURE}</figure>
<details><summary>More</summary><pre>select *
from t;</pre><pre><code>y</code></pre></details></section>"""


def page(body: str, title: str = "A page") -> str:
    head = f"<head><meta charset='utf-8'><title>{title}</title><style>p > b {{}}</style></head>"
    skip = "<a class='skip' href='#s'>Skip</a>"
    return f"<!DOCTYPE html>\n<html lang='en'>{head}<body>{skip}<main>{body}</main></body></html>"


def said(markup: str) -> str:
    """All text of a markup."""
    return " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', markup))


def test_every_element_of_ours_has_a_form() -> None:
    assert render_pdf(page(f"<h1>Title</h1>{ALL}")).startswith(b"%PDF-1.7")


def test_no_text_is_lost() -> None:
    markup, figures = typst_markup(page(ALL))
    for words in ("One", "two", "bold", "x = 1 # no", "[1, 2]", "aside", "meaning", "wide", "Caption", "from t;", "y"):
        assert words in said(markup)
    assert "A & B. Two lines" in said(markup)  # of who cannot see the figure
    assert "Skip" not in said(markup)
    assert set(figures) == {"figure0.svg", "figure1.svg"}


def test_links_within_are_kept_and_pages_beside_are_pdfs() -> None:
    markup, _ = typst_markup(page(ALL))
    assert '#link(label("s"))' in markup
    assert '#link("fidelity.pdf#x")' in markup
    assert markup.count("<s>") == 1
    assert "<h>" not in markup  # nothing leads there


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("<video></video>", "no form for <video>"),
        ("<p><img src='x'></p>", "img"),
        ("<ul>text<li>a</li></ul>", "text 'text'"),
        ("<ul><p>a</p></ul>", "Got <p>"),
        ("<dl><dt>a</dt></dl>", "in turn"),
        ("<dl><div>lost<dt>a</dt><dd>b</dd></div></dl>", "text 'lost'"),
        ("<table><tbody><tr><td>a</td></tr></tbody></table>", "<thead>"),
        ("<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>a</td><td>b</td></tr></tbody></table>", "as long"),
        ("<table><thead><tr><th>a</th></tr></thead><tbody></tbody><tbody></tbody></table>", "at most one"),
        ("<table><thead><tr><th rowspan='2'>a</th></tr></thead></table>", "rowspan"),
        ("<table><thead><tr><th>a</th>lost</tr></thead></table>", "text 'lost'"),
        ("<figure><svg viewBox='0 0 1 1'></svg></figure>", "<title>"),
        ("<figure><figcaption>a</figcaption></figure>", "one <svg>"),
        ("<p><code>a<b>b</b></code></p>", "text only"),
        ("<p><a href='#nowhere'>a</a></p>", "nowhere"),
        ("<p>a</div>", "closes <div>"),
        ("<p>a", "closes <main>"),
    ],
)
def test_what_has_no_form_is_refused(body: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        typst_markup(page(body))


def test_a_page_needs_a_title() -> None:
    with pytest.raises(ValueError, match="title"):
        typst_markup(page("<p>a</p>", title=""))


def test_white_space_is_as_in_a_browser() -> None:
    assert inline("  a \n b ") == ' #"a b"; '
    assert inline(" \n ") == " "
    assert inline("") == ""
    assert inline("a\N{NO-BREAK SPACE}b") == '#"a\N{NO-BREAK SPACE}b";'


def test_a_character_without_a_letter_is_named() -> None:
    assert quoted("a\u4e2db\x00") == '"a[U+4E2D]b[U+0000]"'
    assert quoted('\\"\n') == '"\\\\\\"\\n"'


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_typst_reads_back_what_a_steward_wrote(text: str) -> None:
    read = typst.query(f"#metadata({quoted(text)}) <x>".encode(), "<x>", field="value", one=True)
    shown = "".join(c if quoted(c)[1:-1] in (c, f"\\{c}", "\\n") else f"[U+{ord(c):04X}]" for c in text)
    assert json.loads(read) == shown


@settings(max_examples=20)
@given(st.text("#*_`$<>@=-+/\\[](){}\"'~ 1.a\n", max_size=30))
def test_no_text_is_markup(text: str) -> None:
    assert render_pdf(page(f"<h1>a</h1><p>{escape(text)}</p>"))[:4] == b"%PDF"


def widths(cells: str, columns: str = "AB") -> list[str]:
    head = "".join(f"<th scope='col'>{name}</th>" for name in columns)
    table = f"<table><thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"
    found = re.search(r"rows\(\(([^)]*),\)", typst_markup(page(table))[0])
    assert found is not None
    return found[1].split(",")


def test_figures_get_what_they_need_and_prose_the_rest() -> None:
    figures, prose = widths(f"<td class='n'>0.0123 [0.0100, 0.0200]</td><td>{'some words ' * 40}</td>")
    assert figures.endswith("em")
    assert 12 < float(figures[:-2]) < 18  # 23 characters of .6 em, and a space
    assert prose.endswith("fr")


def test_a_table_of_too_many_figures_shares_the_page() -> None:
    wide = "<td class='n'>0.0123 [0.0100, 0.0200]</td>" * 4
    assert all(width.endswith("fr") for width in widths(f"{wide}<td>{'some words ' * 40}</td>", "ABCDE"))
    assert all(width.endswith("fr") for width in widths("<td>a</td><td>b</td>"))
