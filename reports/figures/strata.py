"""How far the prevalences of codes are off, as a ratio, by how common the codes are."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reports.figures.scatter import by_stratum
from reports.figures.svg import BLUE, GREY, INK, STYLE, inline, panel
from synthehr.fidelity.strata import MIN_CODES
from synthehr.release.disclosure import SMALL_CELL, displayed_prevalence

# column -> label, colour, marker; drawn from top to bottom
SERIES = {
    "prevalence_synthetic": ("this synthetic cohort", BLUE, "o"),
    "prevalence_ceiling": ("fresh real patients (ceiling)", INK, "D"),
    "prevalence_floor": ("independent codes (floor)", GREY, "s"),
}
MOST = 4.0
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Array = NDArray[np.float64]


def prevalence_ratios(codes: pd.DataFrame, *, n_test: int, n_compared: int) -> str | None:
    """Median, quartiles, and 5th and 95th percentile of the ratio to the real prevalence, by stratum of it.

    codes: `synthehr.evaluation.CODE_COLUMNS`. n_test, n_compared: patients behind a real prevalence, and behind the
    others. Codes of few real patients are left out, and strata of fewer than 5 others: None where none is left.
    """
    real = displayed_prevalence(codes["prevalence_real"].to_numpy(dtype=np.float64), n_test)
    strata = [(label, chosen) for label, _, _, chosen in by_stratum(real) if chosen.sum() >= MIN_CODES]
    if not strata:
        return None
    figure, axes = panel(6.6, 1.3 + 0.75 * len(strata))
    with mpl.rc_context(STYLE):
        _frame(axes, [f"{label}\n({chosen.sum():,} codes)" for label, chosen in strata])
        for column, series in SERIES.items():
            other = codes[column].to_numpy(dtype=np.float64)
            if (
                column == "prevalence_ceiling"
            ):  # of real patients too: a small cell stands at the middle of what it hides
                other = np.nan_to_num(displayed_prevalence(other, n_compared), nan=(SMALL_CELL - 1) / n_compared)
            for row, (_, chosen) in enumerate(strata):
                _distribution(axes, row, other[chosen] / real[chosen], series, first=row == 0)
        axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, columnspacing=1.2, handletextpad=0.4)
    return inline(
        figure,
        name="ratios",
        title="Ratio of the prevalence of codes to the real one, by how common the codes are",
        description=f"For {len(strata)} strata of codes, on a log axis, the median (marker), the quartiles (thick "
        "line) and the 5th and 95th percentile (thin line) of the ratio, for the synthetic cohort, for fresh real "
        "patients and for independent codes. 1 is as in real patients.",
    )


def _frame(axes: Axes, labels: list[str]) -> None:
    axes.axvline(1.0, color=INK, linewidth=0.8)
    axes.set(xscale="log", xlim=(1 / MOST / 1.08, MOST * 1.08), ylim=(len(labels) - 0.5, -0.5))
    axes.set_xticks([0.25, 0.5, 0.8, 1, 1.25, 2, 4], ["¼ or less", "½", "0.8", "1", "1.25", "2", "4 or more"])
    axes.minorticks_off()
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("Prevalence, divided by that in real patients not used for training")
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)


def _distribution(axes: Axes, row: int, ratio: Array, series: tuple[str, str, str], *, first: bool) -> None:
    label, colour, marker = series
    y = row + 0.24 * (["o", "D", "s"].index(marker) - 1)
    # two figures: no quantile is one code's own
    found = np.clip([float(f"{q:.2g}") for q in np.quantile(ratio, QUANTILES)], 1 / MOST, MOST)
    axes.plot(found[[0, 4]], [y, y], color=colour, linewidth=0.9)
    axes.plot(found[[1, 3]], [y, y], color=colour, linewidth=3.2, solid_capstyle="butt")
    words = label if first else None
    axes.plot(found[2], y, marker, color=colour, markersize=5.5, markeredgecolor="white", label=words)
