"""How wide the columns of a table are set: as their words and figures need it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from reports.pdf.document import Element
from reports.pdf.text import ems

LINE = 57.0  # ems that a page is wide, at the largest size of a table
PROSE = 16.0  # a text that is longer may be broken at its words
SPACE = 1.2  # around a cell
HEAD_LINES = 3
TO_WRITE_ON = 12.0
PROSE_SHARE = 0.24  # of the page, at the least, for columns of prose together
BOLD = ("b", "strong")


@dataclass(frozen=True)
class Cell:
    """A cell and the columns that it spans: the first, and how many."""

    element: Element
    first: int
    span: int

    @property
    def is_figure(self) -> bool:
        """Whether it holds figures, which are never broken."""
        return "n" in self.element.classes


def grid(rows: list[Element]) -> list[list[Cell]]:
    """The cells of each row and where they stand.

    Raises:
        ValueError: a row holds something else than cells, or one that spans rows.
    """
    return [list(_cells(row)) for row in rows]


def _cells(row: Element) -> Iterator[Cell]:
    at = 0
    for element in row.only("th", "td"):
        if "rowspan" in element.attributes:
            raise ValueError("A cell spans one row, for a table may be parted between pages. Got a rowspan.")
        span = int(element.attributes.get("colspan", "1"))
        yield Cell(element, at, span)
        at += span


def widths(head: list[list[Cell]], body: list[list[Cell]]) -> list[str]:
    """The width of each column as typst writes it: figures and short texts what they need, prose the rest.

    Columns of prose share what is left by the root of their longest text, but each has room for its longest word. Where
    nothing is left for them, or none is prose, all columns are parts of the page.
    """
    least, wanted = _wanted(head, body)
    prose = [j for j, width in enumerate(wanted) if width > PROSE and not any(_is_figure(row, j) for row in body)]
    short = sum(width for j, width in enumerate(wanted) if j not in prose)
    roots, left = sum(math.sqrt(wanted[j]) for j in prose), max(LINE - short, PROSE_SHARE * LINE)
    for j in prose:
        wanted[j] = max(least[j], left * math.sqrt(wanted[j]) / roots)
    fits = bool(prose) and short + sum(least[j] for j in prose) <= LINE and short <= (1 - PROSE_SHARE) * LINE
    return [f"{width:.2f}{'em' if fits and j not in prose else 'fr'}" for j, width in enumerate(wanted)]


def _wanted(head: list[list[Cell]], body: list[list[Cell]]) -> tuple[list[float], list[float]]:
    """Ems that each column needs at the least, and that it needs to break nothing."""
    count = max(cell.first + cell.span for row in (*head, *body) for cell in row)
    least, wanted = [SPACE] * count, [SPACE] * count
    for row, is_head in [(row, True) for row in head] + [(row, False) for row in body]:
        for cell in row:
            if cell.span == 1:
                word, whole = _needed(cell, is_head)
                least[cell.first] = max(least[cell.first], word + SPACE)
                wanted[cell.first] = max(wanted[cell.first], whole + SPACE)
    return least, wanted


def _is_figure(row: list[Cell], column: int) -> bool:
    return any(cell.first == column and cell.is_figure for cell in row)


def figures(body: list[list[Cell]]) -> list[int]:
    """Columns of figures, which are set to the right."""
    return sorted({cell.first for row in body for cell in row if cell.is_figure})


def _needed(cell: Cell, is_head: bool) -> tuple[float, float]:
    """Ems of its longest word, and of all of it; figures are one word, and a head may be broken."""
    if "write" in cell.element.classes:
        return TO_WRITE_ON, TO_WRITE_ON
    whole = _ems(cell.element, is_head)
    text = cell.element.text()
    word = max((ems(part, bold=is_head) for part in text.split()), default=0.0)
    if is_head:  # in three lines, or as many as it has words
        third = max(word, whole / HEAD_LINES)
        return third, third
    return (whole, whole) if cell.is_figure or whole <= PROSE else (word, whole)


def _ems(element: Element, bold: bool) -> float:
    """All text of an element in one line."""
    bold = bold or element.tag in BOLD or "verdict" in element.classes
    parts = (child if isinstance(child, Element) else " ".join(child.split()) for child in element.children)
    widths = (
        _ems(part, bold) if isinstance(part, Element) else ems(f"{part} " if part else "", bold=bold) for part in parts
    )
    return sum(widths)
