"""How well an attack tells training patients from others, at the low false positive rates where harm is done."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter

from reports.figures.svg import BLUE, GREY, INK, ORANGE, STYLE, inline, panel

# place of the release -> label, colour, dash, width
PLACES = {
    "ceiling": ("a copy of the training data (ceiling)", ORANGE, "--", 1.4),
    "control": ("fresh real patients (control: nothing to find)", GREY, "-", 1.4),
    "synthetic": ("this synthetic cohort", BLUE, "-", 2.2),
}
LOWEST = 1e-4
MARGINS = (0.13, 0.97, 0.145, 0.985)
POINTS = 60  # a curve is resampled: no step of it is one patient


def roc(attack: str, curves: pd.DataFrame, *, number: int, title: str) -> str:
    """Members against non-members on log axes for one attack: synthetic cohort, control, ceiling and chance.

    curves: `synthehr.evaluation.ROC_COLUMNS`; rows of other attacks are ignored. number: tells figures of one page
    apart. Curves are resampled at 60 false positive rates and rounded to four places.
    """
    own = curves[curves["attack"] == attack]
    figure, axes = panel(5.6, 3.3, margins=MARGINS)
    grid = np.geomspace(LOWEST, 1.0, POINTS)
    with mpl.rc_context(STYLE):
        axes.plot(grid, grid, color=INK, linewidth=0.8, linestyle=":", label="chance")
        for place, (label, colour, dash, width) in PLACES.items():
            curve = own[own["place"] == place].sort_values(["fpr", "tpr"])
            if len(curve):
                tpr = np.round(np.interp(grid, curve["fpr"], curve["tpr"]), 4)
                found = np.where(tpr > 0, tpr, np.nan)
                axes.plot(grid, found, color=colour, linestyle=dash, linewidth=width, label=label)
        axes.set(xscale="log", yscale="log", xlim=(LOWEST, 1.05), ylim=(LOWEST, 1.15))
        axes.minorticks_off()
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.set_xlabel("Patients never seen who are wrongly claimed as members (false positive rate)")
        axes.set_ylabel("Members found (true positive rate)")
        axes.legend(loc="lower right")
    return inline(
        figure,
        name=f"roc{number}",
        title=f"{title}: ROC curve on logarithmic axes",
        description="True positive rate against false positive rate for the synthetic cohort, for fresh real patients "
        "and for a copy of the training data in its place. The dotted line is chance: a safe release stays on it.",
    )
