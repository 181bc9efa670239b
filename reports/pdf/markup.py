"""A page of ours in typst's markup (typst.app): every element has one form there, and an unknown one is an error.

Classes are hints for the eye: `first` is a page of its own, `columns` and `two` set their children side by side,
`banner`, `aside`, `line`, `nowrap` and `verdict` are as a browser shows them; any other changes nothing.
"""

import math
import re
from collections.abc import Callable, Iterable
from html import unescape
from typing import Final

from reports.pdf.columns import figures, grid, widths
from reports.pdf.document import Element, read_page
from reports.pdf.text import inline, quoted

VERDICTS = ("pass", "fail", "inconclusive", "override")
_ANCHOR = re.compile(r"[A-Za-z][\w-]*")
_SIZE = re.compile(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) [\d.]+"')
_NAME = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL)
_ABOUT = re.compile(r"<desc[^>]*>(.*?)</desc>", re.DOTALL)


def typst_markup(html: str) -> tuple[str, dict[str, bytes]]:
    """A page as typst's markup, without `page.typ`, and its figures: file name -> SVG.

    Raises:
        ValueError: an element that has no form here or stands where it cannot; a link to an anchor that is not there; a
            figure without a title.
    """
    page, figures = read_page(html)
    body = [element for element in page.elements if element.tag == "body"]
    title = next((element.text() for element in page.walk() if element.tag == "title"), "")
    if len(body) != 1 or not title:
        raise ValueError("A page needs one <body> and a <title>, which a PDF shows in its window.")
    translator = _Translator(body[0], figures)
    text = translator.block(body[0]) + translator.anchors()
    language = quoted(page.attributes.get("lang", "en"))
    head = f'#import "page.typ": *\n#show: report.with(title: {quoted(title)}, language: {language})\n'
    return f"{head}{text}\n", {f"figure{k}.svg": figure.encode() for k, figure in enumerate(figures)}


class _Translator:
    def __init__(self, body: Element, figures: tuple[str, ...]) -> None:
        self.figures = figures
        hrefs = {
            element.attributes.get("href", "") for element in body.walk() if element.tag == "a" and not _skip(element)
        }
        self.targets = {href.removeprefix("#") for href in hrefs if href.startswith("#")}
        self.waiting: list[str] = []  # anchors of sections, which their headings take: a page may break between
        there = {element.attributes["id"] for element in body.walk() if "id" in element.attributes}
        if self.targets - there:
            raise ValueError(f"A link leads to {sorted(self.targets - there)}, which no element has as its id.")

    def block(self, element: Element) -> str:
        """All that is in an element."""
        parts = (inline(child) if isinstance(child, str) else self.one(child) for child in element.children)
        return "".join(parts).strip()

    def one(self, element: Element) -> str:
        """One element."""
        if element.tag not in _FORMS:
            raise ValueError(f"The PDF has no form for <{element.tag}>. Known: {', '.join(sorted(_FORMS))}.")
        if "id" in element.attributes:
            self.waiting += [element.attributes["id"]] if element.attributes["id"] in self.targets else []
        return _FORMS[element.tag](self, element)

    def anchors(self) -> str:
        """Places that links lead to, where the text that follows begins."""
        names, self.waiting = self.waiting, []
        for name in names:
            if not _ANCHOR.fullmatch(name):
                raise ValueError(f"An anchor has letters, digits, _ and -. Got {name!r} instead.")
        return "".join(f"#[#metadata(none) <{name}>]" for name in names)

    def through(self, element: Element) -> str:
        """What only holds others together."""
        if _skip(element):
            return ""
        return f"\n\n{_boxed(element, self)}\n\n"

    def paragraph(self, element: Element) -> str:
        text = f"{self.anchors()}{self.block(element)}"
        for mark in element.classes & {"kind", "banner", "aside", "dp"}:
            text = f"#{'kind' if mark == 'kind' else 'aside'}[{text}]"
        return f"\n\n{text}\n\n"

    def heading(self, element: Element) -> str:
        return f"\n\n#heading(level: {element.tag[1]})[{self.anchors()}{self.block(element)}]\n\n"

    def items(self, element: Element) -> str:
        name = "list" if element.tag == "ul" else "enum"
        items = "".join(f"[{self.anchored(item)}]," for item in element.only("li"))
        return f"\n\n#{name}({items})\n\n"

    def anchored(self, element: Element) -> str:
        """What is in an element that stands for itself (an item, a cell), with its own anchor."""
        if element.attributes.get("id") in self.targets:
            self.waiting.append(element.attributes["id"])
        return f"{self.anchors()}{self.block(element)}"

    def terms(self, element: Element) -> str:
        groups = [g.only("dt", "dd") if g.tag == "div" else [g] for g in element.only("div", "dt", "dd")]
        flat = [one for group in groups for one in group]
        if [one.tag for one in flat] != ["dt", "dd"] * (len(flat) // 2):
            raise ValueError(f"A <dl> is of <dt> and <dd> in turn. Got {', '.join(one.tag for one in flat)}.")
        pairs = [f"([{self.anchored(a)}], [{self.anchored(b)}])" for a, b in zip(flat[::2], flat[1::2], strict=True)]
        if "two" in element.classes:
            return f"\n\n#in-two({''.join(f'explained({pair}),' for pair in pairs)})\n\n"
        return f"\n\n#explained({''.join(f'{pair},' for pair in pairs)})\n\n"

    def table(self, element: Element) -> str:
        parts = {part.tag: part for part in element.only("caption", "thead", "tbody")}
        head = grid(parts["thead"].only("tr")) if "thead" in parts else []
        body = grid(parts["tbody"].only("tr")) if "tbody" in parts else []
        lengths = {sum(cell.span for cell in row) for row in (*head, *body)}
        if not head or len(lengths) != 1 or len(parts) != len(element.elements):
            raise ValueError(
                "A table needs one <thead>, and at most one <tbody> with rows as long as those of the head."
            )
        caption = self.anchored(parts["caption"]) if "caption" in parts else ""
        cells = [[self.cell(cell.element, cell.span) for cell in row] for row in (*head, *body)]
        header = f"table.header({', '.join(one for row in cells[: len(head)] for one in row)})"
        shares = f"({''.join(f'{share},' for share in widths(head, body))})"
        right = f"({''.join(f'{column},' for column in figures(body))})"
        rest = "".join(f"{', '.join(row)},\n" for row in cells[len(head) :])
        text = f"rows({shares}, {right}, {header},\n{rest})"
        return f"\n\n#{f'captioned([{caption}], {text})' if caption else text}\n\n"

    def cell(self, element: Element, span: int) -> str:
        text = self.anchored(element)
        strong = f"#strong[{text}]" if element.attributes.get("scope") == "col" else text
        tall = ", inset: (x: 0pt, top: 1.9em, bottom: 0.3em)" if "write" in element.classes else ""
        return f"table.cell(colspan: {span}{tall})[{strong}]" if span > 1 or tall else f"[{strong}]"

    def figure(self, element: Element) -> str:
        drawn = [one for one in element.only("svg", "figcaption") if one.tag == "svg"]
        told = [one for one in element.elements if one.tag == "figcaption"]
        if len(drawn) != 1:
            raise ValueError(f"A <figure> holds one <svg>. Got {len(drawn)}.")
        number = int(drawn[0].attributes["data"])
        svg = self.figures[number]
        size, name, about = (pattern.search(svg) for pattern in (_SIZE, _NAME, _ABOUT))
        if size is None or name is None:
            raise ValueError(f"Figure {number} needs a viewBox and a <title>, which a reader who cannot see it hears.")
        spoken = ". ".join(found[1].strip().rstrip(".") for found in (name, about) if found)
        caption = f"[{self.anchored(told[0])}]" if told else "none"
        width = math.ceil(float(size[1]))
        return f"\n\n#drawn({quoted(f'figure{number}.svg')}, {quoted(_plain(spoken))}, {width}, {caption})\n\n"

    def link(self, element: Element) -> str:
        target = element.attributes.get("href", "")
        if _skip(element):
            return ""
        if not target:
            raise ValueError("An <a> needs an href.")
        if target.startswith("#"):
            return f"#link(label({quoted(target[1:])}))[{self.block(element)}];"
        # beside a page lies the same as a PDF
        beside = re.sub(r"\.html(?=$|#)", ".pdf", target) if "://" not in target else target
        return f"#link({quoted(beside)})[{self.block(element)}];"

    def wrapped(self, element: Element) -> str:
        """Inline elements: what surrounds the text of each."""
        for tag, name in (("strong", "strong"), ("b", "strong"), ("em", "emph"), ("i", "emph"), ("small", "small")):
            if element.tag == tag:
                return f"#{name}[{self.anchors()}{self.block(element)}];"
        if "line" in element.classes:
            return f"#line-to-write-on({'6cm' if 'long' in element.classes else '4cm'});"
        text = f"{self.anchors()}{self.inner(element)}"
        for word in VERDICTS:
            if {"verdict", word} <= element.classes:
                return f"#verdict({quoted(word)})[{text}];"
        return f"#nowrap[{text.strip()}];" if "nowrap" in element.classes else text

    def inner(self, element: Element) -> str:
        """As `block`, with the white space at both ends, which counts within a line."""
        return "".join(inline(child) if isinstance(child, str) else self.one(child) for child in element.children)

    def code(self, element: Element) -> str:
        block = element.tag == "pre"
        holder = element.only("code")[0] if block and element.elements else element
        if holder.elements:
            raise ValueError(f"A <{holder.tag}> holds text only. Got <{holder.elements[0].tag}> in it.")
        text = "".join(child for child in holder.children if isinstance(child, str))
        raw = f"#raw({quoted(text.strip(chr(10)) if block else text)}{', block: true' if block else ''});"
        return f"\n\n{raw}\n\n" if block else raw

    def break_line(self, element: Element) -> str:
        return "#linebreak();"

    def summary(self, element: Element) -> str:
        return f"\n\n#strong[{self.anchors()}{self.block(element)}]\n\n"


def _boxed(element: Element, to: _Translator) -> str:
    if element.classes & {"columns", "two"}:
        cells = "".join(f"[{to.anchored(child)}]," for child in element.only("div", "section", "p"))
        return f"#in-two({cells})" if "two" in element.classes else f"#side-by-side({_shares(element)}, {cells})"
    text = to.block(element)
    if "first" in element.classes:
        return f"#first-page[{text}]"
    if "banner" in element.classes:
        word = next((word for word in VERDICTS if word in element.classes), "")
        return f"#banner({quoted(word)})[{text}]"
    return f"#aside[{text}]" if "aside" in element.classes else text


def _shares(element: Element) -> str:
    """How wide each child is set beside the others: by its text, so that all are about as long."""
    lengths = [len(child.text()) + 1 for child in element.elements]
    mean = sum(lengths) / max(len(lengths), 1)
    return f"({''.join(f'{min(max(length / mean, 0.8), 1.5):.2f}fr,' for length in lengths)})"


def _skip(element: Element) -> bool:
    """Whether it leads a keyboard past the head of a page, which paper has no use for."""
    return "skip" in element.classes


def _plain(text: str) -> str:
    return unescape(re.sub(r"\s+", " ", text))


def _forms(
    of: Callable[[_Translator, Element], str], tags: Iterable[str]
) -> dict[str, Callable[[_Translator, Element], str]]:
    return dict.fromkeys(tags, of)


_FORMS: Final = (
    _forms(_Translator.through, ("main", "section", "header", "div", "details"))
    | _forms(_Translator.heading, ("h1", "h2", "h3"))
    | _forms(_Translator.items, ("ul", "ol"))
    | _forms(_Translator.wrapped, ("strong", "b", "em", "i", "small", "span"))
    | _forms(_Translator.code, ("code", "pre"))
    | {
        "p": _Translator.paragraph,
        "dl": _Translator.terms,
        "table": _Translator.table,
        "figure": _Translator.figure,
        "a": _Translator.link,
        "br": _Translator.break_line,
        "summary": _Translator.summary,
    }
)
