"""Text as typst takes it: a string, so that no character of it is markup, in the one font that is everywhere."""

import re
from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.ft2font import FT2Font

# matplotlib brings DejaVu along, so a page is set in the same letters on every machine
FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
POINTS = 100


def quoted(text: str) -> str:
    """`text` as a typst string; a character that the font lacks is named, as [U+4E2D], and not lost."""
    known = _characters()
    seen = "".join(c if c == "\n" or ord(c) in known else f"[U+{ord(c):04X}]" for c in text)
    return '"' + seen.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def inline(text: str) -> str:
    """A run of text in typst's markup: white space collapsed as a browser does, and kept at both ends."""
    words = re.sub(r"[ \t\r\n\f]+", " ", text)
    inner = words.strip(" ")
    if not inner:
        return " " if words else ""
    return f"{' ' if words[0] == ' ' else ''}#{quoted(inner)};{' ' if words[-1] == ' ' else ''}"


def ems(text: str, *, bold: bool = False) -> float:
    """How wide a line of text is, by the size of its letters."""
    return sum(_em(character, bold) for character in text)


@cache
def _em(character: str, bold: bool) -> float:
    return float(_font(bold).load_char(ord(character)).linearHoriAdvance) / 65536 / POINTS


@cache
def _font(bold: bool) -> FT2Font:
    font = FT2Font(str(FONTS / f"DejaVuSans{'-Bold' if bold else ''}.ttf"))
    font.set_size(POINTS, 72)
    return font


@cache
def _characters() -> frozenset[int]:
    return frozenset(_font(False).get_charmap())
