"""A matplotlib figure as inline SVG: same data, same bytes; readable in grey, by a screen reader and on paper."""

import io
import re
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


def panel(width: float, height: float) -> tuple[Figure, Axes]:
    """A white figure of `width` x `height` inches with one set of axes, without pyplot's global state."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        return figure, figure.add_subplot()


def inline(figure: Figure, *, name: str, title: str, description: str) -> str:
    """The `<svg>` element of a figure, without prologue, metadata or date.

    name: unique on the page; prefixes every id in the figure. title, description: what a screen reader says.
    """
    buffer = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    body = re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.DOTALL)
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # matplotlib's style sheet would reach the whole page
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
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
