"""Every gate on one scale: 0 is where nothing leaks, 1 a copy of the training data; the threshold stands between."""

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from privacy.risk import Risk
from reports.figures.svg import BLUE, GREY, INK, ORANGE, STYLE, inline, panel

LINEAR = 0.05  # below it the scale is even, above it each tenfold is as wide
LEFT, RIGHT = -0.1, 1.6
NEAREST = 1e-3  # ceilings closer to the control than this tell nothing apart
MARKERS = ("^", "s", "D", "v", "P", "X")


def on_scale(risks: Sequence[Risk]) -> list[Risk]:
    """Judged risks whose control and ceiling can be told apart, so that they have a place on the scale."""
    return [
        risk
        for risk in risks
        if risk.verdict and risk.ceiling is not None and abs(risk.ceiling - risk.control) > NEAREST
    ]


def gates(risks: Sequence[Risk], labels: Sequence[str]) -> str:
    """A dot with its interval for each of `on_scale(risks)`, its threshold, and other releases by their own markers.

    labels: what to call each. A figure beyond the frame stands at its edge.
    """
    names = list(dict.fromkeys(name for risk in risks for name in risk.others))
    markers = dict(zip(names, MARKERS * (1 + len(names) // len(MARKERS)), strict=False))
    figure, axes = panel(6.6, 1.3 + 0.3 * len(risks))
    with mpl.rc_context(STYLE):
        _scale(axes, len(risks))
        for row, risk in enumerate(risks):
            _row(axes, row, risk, markers)
        axes.set_yticks(range(len(risks)), list(labels))
        axes.legend(handles=_legend(markers), loc="lower center", bbox_to_anchor=(0.35, 1.0), ncols=3)
    return inline(
        figure,
        name="placed",
        title="Each gate between the control and a copy of the training data",
        description=f"{len(risks)} figures that the policy judges, each with its 95 % interval and its threshold, on a "
        "scale where 0 is a release that leaks nothing and 1 is a copy of the training data. "
        + " ".join(f"{label}: {risk.verdict}." for risk, label in zip(risks, labels, strict=True)),
    )


def _scale(axes: Axes, rows: int) -> None:
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=0.8)
    axes.set(xlim=(LEFT, RIGHT), ylim=(rows - 0.4, -0.6))
    axes.set_xticks(
        [0, 0.02, 0.05, 0.2, 1], ["0\nnothing\nleaks", "0.02", "0.05", "0.2", "1\ncopy of the\ntraining data"]
    )
    axes.minorticks_off()
    axes.axvline(0.0, color=INK, linewidth=0.9)
    axes.axvline(1.0, color=ORANGE, linewidth=1.2, linestyle="--")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)


def _row(axes: Axes, row: int, risk: Risk, markers: Mapping[str, str]) -> None:
    if risk.threshold is not None:
        axes.plot([_place(risk, risk.threshold)] * 2, [row - 0.34, row + 0.34], color=ORANGE, linewidth=2.0)
    for name, value in risk.others.items():
        axes.plot(_place(risk, value), row, markers[name], color=GREY, markersize=4.2, markerfacecolor="white")
    ends = [_place(risk, end) for end in (risk.low, risk.high)]
    axes.plot(ends, [row, row], color=BLUE, linewidth=2.0, solid_capstyle="butt")
    axes.plot(_place(risk, risk.value), row, "o", color=BLUE, markersize=5.5, clip_on=False)


def _place(risk: Risk, value: float) -> float:
    ceiling = risk.control if risk.ceiling is None else risk.ceiling
    place = (value - risk.control) / (ceiling - risk.control)
    return min(max(place, LEFT), RIGHT) if math.isfinite(place) else LEFT


def _legend(markers: Mapping[str, str]) -> list[Line2D]:
    own = Line2D([], [], color=BLUE, marker="o", linewidth=2.0, markersize=5.5, label="this release, 95 % interval")
    bar = Line2D([], [], color=ORANGE, marker="|", linewidth=0, markersize=9, markeredgewidth=2, label="threshold")
    rest = [
        Line2D([], [], color=GREY, marker=marker, linewidth=0, markerfacecolor="white", label=name.replace("_", " "))
        for name, marker in markers.items()
    ]
    return [own, bar, *rest]
