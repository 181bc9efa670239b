"""How far the prevalences of codes are off within each sex, age and race."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from reports.figures.svg import BLUE, GREY, INK, STYLE, inline, panel
from reports.numbers import whole
from synthehr.release.disclosure import displayed_counts, significant


def subgroup_errors(subgroups: pd.DataFrame) -> str:
    """One row a member: error of the synthetic cohort with its interval, of independent codes, and of fresh patients.

    subgroups: `synthehr.evaluation.SUBGROUP_COLUMNS`, at least one row. In percentage points, beyond sampling.
    """
    columns = ["rmse_synthetic", "low", "high", "rmse_floor", "rmse_ceiling"]
    value, low, high, floor, ceiling = (
        np.asarray([significant(100 * float(x)) for x in subgroups[column]]) for column in columns
    )
    row = np.arange(len(subgroups))
    counts = displayed_counts(subgroups["n_real"].to_numpy(dtype=np.float64))
    labels = [f"{member} ({whole(int(n))})" for member, n in zip(subgroups["member"], counts, strict=True)]
    figure, axes = panel(6.4, 1.2 + 0.27 * len(subgroups))
    with mpl.rc_context(STYLE):
        axes.plot(floor, row, "|", color=GREY, markersize=11, markeredgewidth=2, label="independent codes (floor)")
        look: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": INK, "markersize": 5}
        axes.plot(ceiling, row, "D", label="fresh real patients (ceiling)", clip_on=False, zorder=3, **look)
        axes.hlines(row, low, high, color=BLUE, linewidth=1.8)
        axes.plot(value, row, "o", color=BLUE, markersize=5.5, label="this cohort", clip_on=False, zorder=4)
        axes.set_yticks(row, labels)
        axes.set(xlim=(0, None), ylim=(len(row) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("Error of the prevalences within the group, percentage points")
        axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, columnspacing=1.2, handletextpad=0.4)
    return inline(
        figure,
        name="subgroups",
        title="Error of the prevalences of codes within each sex, age and race",
        description=f"{len(row)} groups of patients, each with its number of real patients: the root mean square "
        "error beyond sampling of the synthetic cohort with its 95 % interval, of independent codes and of fresh real "
        "patients.",
    )
