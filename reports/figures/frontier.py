"""What privacy costs: a score of each release over the epsilon that it was made with."""

import math
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reports.figures.svg import BLUE, GREY, INK, ORANGE, STYLE, inline, panels
from reports.numbers import shown

FRONTIER_COLUMNS = ["label", "epsilon", "score", "value", "low", "high", "floor", "ceiling"]
MARKERS, COLOURS = ("o", "s", "^", "D", "v", "P", "X", "<", ">"), (BLUE, ORANGE, INK, GREY)
COLUMNS = 2
APART = 0.07  # how far releases at one epsilon stand apart, in tenfolds of epsilon

Array = NDArray[np.float64]


def frontier(rows: pd.DataFrame) -> str:
    """One panel a score: value with its interval over epsilon (log axis), between floor (dashed) and ceiling (line).

    rows: `FRONTIER_COLUMNS`, at least one; one row a release (label) and score. epsilon: above 0, inf for a release
    without a budget, which stands at the right under "none". The thin step is the best that is had for each epsilon or
    less; the good direction is from floor to ceiling. A value, low, high, floor or ceiling that is nan is not drawn.
    """
    labels = list(dict.fromkeys(rows["label"].astype(str)))
    scores = list(dict.fromkeys(rows["score"].astype(str)))
    place, ticks, words = _places(rows["epsilon"].to_numpy(dtype=np.float64))
    columns = min(COLUMNS, len(scores))
    lines = -(-len(scores) // columns)
    figure, found = panels(3.5 * columns if columns > 1 else 5.0, 2.6 * lines + 0.7, lines, columns)
    with mpl.rc_context(STYLE):
        for axes, score in zip(found, scores, strict=False):
            chosen = rows["score"].astype(str) == score
            _panel(axes, rows[chosen], place[chosen.to_numpy()], labels)
            axes.set_xticks(ticks, words)
            axes.set(xlim=(ticks[0] - 0.35, ticks[-1] + 0.35))
            axes.set_title(score, fontsize=9)
        for axes in found[len(scores) :]:
            axes.set_axis_off()
        figure.supxlabel("Epsilon of the release (smaller protects more)", fontsize=9)
        handles = {text: h for axes in found for h, text in zip(*axes.get_legend_handles_labels(), strict=True)}
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3)
    return inline(
        figure,
        name="frontier",
        title="What privacy costs: scores of each release over epsilon",
        description=f"{len(scores)} panels ({', '.join(scores)}) of {len(labels)} releases: {', '.join(labels)}. Each "
        "has a value with its 95 % interval over epsilon on a logarithmic axis, between the floor (independent codes) "
        f"and the ceiling (fresh real patients). {_said(rows)}",
    )


def _places(epsilon: Array) -> tuple[Array, list[float], list[str]]:
    """Place of each row, and the places and words of the ticks: log10 of epsilon, and "none" a step to the right."""
    finite = np.unique(epsilon[np.isfinite(epsilon)])
    ticks = [float(np.log10(e)) for e in finite]
    words = [f"{e:g}" for e in finite]
    none = (ticks[-1] if ticks else 0.0) + 0.5
    if np.isinf(epsilon).any():
        ticks, words = [*ticks, none], [*words, "none"]
    with np.errstate(divide="ignore"):
        return np.where(np.isinf(epsilon), none, np.log10(epsilon)), ticks, words


def _panel(axes: Axes, rows: pd.DataFrame, place: Array, labels: Sequence[str]) -> None:
    order = np.argsort(place, kind="stable")
    for column, dash, label in (
        ("floor", "--", "floor: independent codes"),
        ("ceiling", "-", "ceiling: fresh real patients"),
    ):
        level = rows[column].to_numpy(dtype=np.float64)[order]
        axes.plot(place[order], level, color=GREY, linestyle=dash, linewidth=1.0, marker="_", label=label)
    value = rows["value"].to_numpy(dtype=np.float64)
    # nan, where no floor or no ceiling is known, is upward
    upward = not float((rows["ceiling"] - rows["floor"]).mean()) < 0
    _step(axes, place[order], value[order], upward=upward)
    beside = pd.Series(place).groupby(place)
    spread = APART * (beside.cumcount() - (beside.transform("size") - 1) / 2).to_numpy()
    for x, (label, y, low, high) in zip(
        place + spread, rows[["label", "value", "low", "high"]].itertuples(index=False), strict=True
    ):
        k = labels.index(str(label))
        colour, marker = COLOURS[k % len(COLOURS)], MARKERS[k % len(MARKERS)]
        axes.plot([x, x], [low, high], color=colour, linewidth=1.2)
        axes.plot(x, y, marker, color=colour, markersize=6, markeredgecolor="white", label=str(label))


def best_within(value: Array, *, upward: bool) -> Array:
    """The best of each value and those before it, (k,): of releases in order of epsilon, the best for so much of it."""
    sign = 1.0 if upward else -1.0
    return np.asarray(sign * np.fmax.accumulate(sign * value))


def _step(axes: Axes, place: Array, value: Array, *, upward: bool) -> None:
    best = best_within(value, upward=upward)
    if len(np.unique(place)) > 1:
        axes.step(
            place, best, where="post", color=INK, linewidth=0.8, linestyle=":", label="best within so much epsilon"
        )


def _said(rows: pd.DataFrame) -> str:
    """The figures in words, for who cannot see them."""
    told = []
    for row in rows.to_dict("records"):
        epsilon, value, low, high = (float(row[column]) for column in ("epsilon", "value", "low", "high"))
        at = "no epsilon" if math.isinf(epsilon) else f"epsilon {shown(epsilon, 2)}"
        told.append(f"{row['label']}, {at}, {row['score']}: {shown(value)} [{shown(low)}, {shown(high)}].")
    return " ".join(told)
