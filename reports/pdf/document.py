"""A page of ours read as a tree, so that it can be set in another way; figures are taken out whole."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset({"meta", "br"})
_FIGURE = re.compile(r"<svg\b.*?</svg>", re.DOTALL)


@dataclass
class Element:
    """One element. children: elements and text, in order; references such as &amp; are resolved."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    @property
    def classes(self) -> frozenset[str]:
        """The names in its `class`."""
        return frozenset(self.attributes.get("class", "").split())

    @property
    def elements(self) -> list["Element"]:
        """Children that are elements."""
        return [child for child in self.children if isinstance(child, Element)]

    def only(self, *tags: str) -> list["Element"]:
        """Children that are elements, where all are of these tags and no text stands between them.

        Raises:
            ValueError: something else, which would be lost.
        """
        for child in self.children:
            if child.strip() if isinstance(child, str) else child.tag not in tags:
                found = f"text {child.strip()[:20]!r}" if isinstance(child, str) else f"<{child.tag}>"
                wanted = ", ".join(f"<{tag}>" for tag in tags)
                raise ValueError(f"A <{self.tag}> holds {wanted}. Got {found} instead.")
        return self.elements

    def walk(self) -> Iterator["Element"]:
        """The element and all below it, in the order of the page."""
        yield self
        for child in self.elements:
            yield from child.walk()

    def text(self) -> str:
        """All text in it, white space collapsed."""
        parts = (child if isinstance(child, str) else child.text() for child in self.children)
        return re.sub(r"\s+", " ", "".join(parts)).strip()


def read_page(html: str) -> tuple[Element, tuple[str, ...]]:
    """The `<html>` element of a page, and its figures as SVG; the k-th figure stands in the tree as `<svg data="k">`.

    Raises:
        ValueError: an element is not closed, or is closed where it was not opened, or there is no `<html>`.
    """
    figures = tuple(_FIGURE.findall(html))
    numbers = iter(range(len(figures)))
    reader = _Reader()
    reader.feed(_FIGURE.sub(lambda _: f'<svg data="{next(numbers)}"></svg>', html))
    reader.close()
    if len(reader.open) > 1:
        raise ValueError(f"The page ends within <{reader.open[-1].tag}>: expected it to be closed.")
    roots = [element for element in reader.open[0].elements if element.tag == "html"]
    if len(roots) != 1:
        raise ValueError(f"A page has one <html> element; found {len(roots)}.")
    return roots[0], figures


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if len(self.open) < 2 or self.open[-1].tag != tag:
            raise ValueError(f"The page closes <{tag}> within <{self.open[-1].tag}>: expected that to be closed first.")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)
