"""Codes per patient: how long synthetic records are, beside real ones."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reports.figures.svg import BLUE, GREY, INK, ORANGE, STYLE, inline, panel
from synthehr.release.disclosure import SMALL_CELL, displayed_histogram

# column -> label, colour, dash, width
SERIES = {
    "share_floor": ("independent codes (floor)", GREY, ":", 1.3),
    "share_ceiling": ("fresh real patients (ceiling)", ORANGE, "--", 1.3),
    "share_real": ("real patients", INK, "-", 1.6),
    "share_synthetic": ("this synthetic cohort", BLUE, "-", 2.2),
}
REAL = {"share_real", "share_ceiling"}


def codes_per_patient(lengths: pd.DataFrame, *, n_test: int, n_compared: int) -> str:
    """Share of patients by number of distinct codes: real, synthetic, floor and ceiling.

    lengths: `synthehr.evaluation.LENGTH_COLUMNS`, at least one row. n_test, n_compared: patients behind the real
    shares, and behind the others. The longest records are put together until enough real patients have them, and small
    cells of real patients are gaps in their line.
    """
    real = displayed_histogram(lengths["share_real"].to_numpy(dtype=np.float64), n_test)
    last = max(len(real) - 1, 0)
    figure, axes = panel(6.4, 3.6)
    with mpl.rc_context(STYLE):
        for column, look in SERIES.items():
            share = lengths[column].to_numpy(dtype=np.float64)
            if column in REAL:
                share = displayed_histogram(share, n_test if column == "share_real" else n_compared)[: last + 1]
            else:
                share = np.append(share[:last], share[last:].sum())
            _line(axes, share, look)
        drawn = np.flatnonzero(~np.isnan(real)) if len(real) else np.arange(1)
        axes.set(xlim=(max(drawn[0] - 2.5, -0.5), last + 0.5), ylim=(0, None))
        ticks = np.unique(np.linspace(max(drawn[0] - 2, 0), last, 10).astype(int))
        axes.set_xticks(ticks, [f"{k} or more" if k == last else str(k) for k in ticks])
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")
        axes.set_xlabel("Distinct codes of a patient")
        axes.set_ylabel("Share of patients")
        axes.legend(loc="upper right")
    return inline(
        figure,
        name="lengths",
        title="Number of distinct codes per patient",
        description=f"Share of patients by number of codes, up to {last} and more, for real patients, the synthetic "
        f"cohort, fresh real patients and independent codes. Numbers that fewer than {SMALL_CELL} real patients have "
        "are gaps in the lines of real patients.",
    )


def _line(axes: Axes, share: NDArray[np.float64], look: tuple[str, str, str, float]) -> None:
    label, colour, dash, width = look
    edges = np.arange(len(share) + 1) - 0.5
    axes.stairs(share, edges, color=colour, linestyle=dash, linewidth=width, label=label, baseline=None)
