"""How the training went: each term that was recorded, pass by pass."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from reports.figures.svg import BLUE, INK, ORANGE, STYLE, inline, panels
from synthehr.release.disclosure import significant

HELD_OUT = "held_out"  # how terms begin that are measured on patients kept from training
# terms that are one quantity on two sets of patients stand in one panel
TOGETHER = {"train_nats": "nats per patient", "held_out_nats": "nats per patient"}
COLUMNS = 2


def training_curves(history: pd.DataFrame) -> str:
    """Small panels, one a quantity, over the passes; what was measured on held-out patients is dashed and dotted.

    history: columns epoch, term, value; at least one row. Values are rounded to four significant figures.
    """
    quantities: dict[str, list[str]] = {}
    for term in dict.fromkeys(history["term"].astype(str)):
        quantities.setdefault(TOGETHER.get(term, _words(term)), []).append(term)
    columns = min(COLUMNS, len(quantities))
    rows = -(-len(quantities) // columns)
    figure, found = panels(6.6, 2.3 * rows + 0.3, rows, columns)
    with mpl.rc_context(STYLE):
        for axes, (quantity, terms) in zip(found, quantities.items(), strict=False):
            for term in terms:
                curve = history[history["term"] == term].sort_values("epoch", kind="stable")
                value = np.asarray([significant(float(x), 4) for x in curve["value"]])
                held = term.startswith(HELD_OUT)
                colour, dash, marker = (ORANGE, "--", ".") if held else (BLUE, "-", "")
                look: dict[str, Any] = {"color": colour, "linestyle": dash, "marker": marker}
                axes.plot(curve["epoch"], value, linewidth=1.5, label=_words(term), **look)
            axes.set_title(quantity, fontsize=9, color=INK)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
            if len(terms) > 1:
                axes.legend()
        for axes in found[len(quantities) :]:
            axes.set_axis_off()
        figure.supxlabel("Passes over the training patients", fontsize=9)
    return inline(
        figure,
        name="training",
        title="Training curves",
        description=f"{len(quantities)} panels over the passes of the training: {', '.join(quantities)}.",
    )


def _words(term: str) -> str:
    return term.replace("_", " ")
