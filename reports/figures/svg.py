"""A matplotlib figure as inline SVG: same data, same bytes; readable in grey, by a screen reader and on paper."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# dark to light, told apart in grey and by colour-blind readers; each series has its own marker or dash as well
INK, BLUE, ORANGE, GREY = "#1a1a1a", "#1f4e8c", "#b3541e", "#767676"
STYLE = {
    "svg.fonttype": "none",  # text stays text: searchable, small, readable aloud
    "svg.hashsalt": "synthehr",
    "font.family": "DejaVu Sans",  # ships with matplotlib, so widths are the same on every machine
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "path.simplify": False,
}
FONTS = "'DejaVu Sans', Verdana, Arial, sans-serif"


def panel(
    width: float, height: float, *, margins: tuple[float, float, float, float] | None = None
) -> tuple[Figure, Axes]:
    """A white figure of `width` x `height` inches with one set of axes, without pyplot's global state.

    margins: where the axes begin and end, as shares: left, right, bottom, top. Unless given they are fitted to what is
    written beside the axes, for which all is drawn twice.
    """
    if margins is None:
        figure, axes = panels(width, height, 1, 1)
        return figure, axes[0]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), facecolor="white")
        figure.subplots_adjust(**dict(zip(("left", "right", "bottom", "top"), margins, strict=True)))
        return figure, figure.add_subplot()


def panels(width: float, height: float, rows: int, columns: int, *, shared: bool = False) -> tuple[Figure, list[Axes]]:
    """The same with `rows` x `columns` sets of axes, row by row; shared: all have one pair of scales."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        return figure, list(figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared).flat)


def inline(
    figure: Figure,
    *,
    name: str,
    title: str,
    description: str,
    hints: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The `<svg>` element of a figure, without prologue, metadata or date.

    name: unique on the page; prefixes every id in the figure. title, description: what a screen reader says. hints: for
    the gid of a set of markers, what a pointer that rests on each of them is told.

    Raises:
        ValueError: hints of other number than the markers that were drawn.
    """
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    body = re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # matplotlib's style sheet would reach the whole page
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    for gid, told in (hints or {}).items():
        body = _hinted(body, gid, told)
    body = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", body)
    body = body.replace("'DejaVu Sans'", FONTS)
    head, rest = body.split(">", 1)
    head = (
        re.sub(r' (width|height|version|xmlns:xlink)="[^"]*"', "", head) + ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    )
    labels = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
    return (
        f'{head} role="img" aria-labelledby="{name}-title {name}-desc" '
        f'style="stroke-linejoin:round;stroke-linecap:butt">{labels}{rest}'.strip()
    )


# the shape stands in the first set that has it
_MARKERS = r'(<g id="{gid}">\s*(?:<defs>(?:(?!</defs>).)*</defs>\s*)?<g[^>]*?)>(.*?)</g>'
_MARKER = re.compile(r'\s*<use xlink:href="([^"]*)" x="([^"]*)" y="([^"]*)" style="([^"]*)"/>')


def _hinted(body: str, gid: str, told: Sequence[str]) -> str:
    """`body` with a title in each marker of the set; what all markers share is said once, or 1,000 would be heavy."""

    def rewritten(found: re.Match[str]) -> str:
        places = _MARKER.findall(found[2])
        if len(places) != len(told):
            raise ValueError(f"The 'hints' parameter of inline must be one a marker: {len(told)} for {len(places)}.")
        return f'{found[1]} style="{places[0][3]}">{"".join(_uses(places, told))}</g>'

    body, sets = re.subn(_MARKERS.format(gid=re.escape(gid)), rewritten, body, count=1, flags=re.DOTALL)
    if not sets:
        raise ValueError(f"The 'hints' parameter of inline names {gid!r}, of which no marker was drawn.")
    return body


def _uses(places: Sequence[tuple[str, ...]], told: Sequence[str]) -> Iterator[str]:
    for (target, x, y, _), words in zip(places, told, strict=True):
        where = f'x="{float(x):.2f}" y="{float(y):.2f}"'
        yield f'<use xlink:href="{target}" {where}><title>{escape(words)}</title></use>\n'
