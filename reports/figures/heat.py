"""Correlations of the commonest codes: a map of real patients beside one of synthetic patients, on one scale."""

from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from reports.figures.svg import GREY, STYLE, inline, panels
from synthehr.release.disclosure import displayed_pairs

# the size of a correlation from which on a cell has each shade, and the shades: square for positive, round for negative
EDGES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6)
BLUES = ("#d3dff0", "#a9c1e2", "#7a9fd0", "#4a78b5", "#1f4e8c", "#0d2747")
ORANGES = ("#f4d9c9", "#e8b595", "#d88d60", "#b3541e", "#7d3610", "#481d07")
LONGEST = 24  # letters of a code beside its row

Array = NDArray[np.float64]


def correlations(pairs: pd.DataFrame, *, n_test: int) -> str:
    """Heat maps of phi, real and synthetic side by side: shade for size, square for positive and round for negative.

    pairs: `synthehr.evaluation.CORRELATION_COLUMNS`, at least one row, every pair once. n_test: patients behind the
    real ones, which are worked out anew from rounded counts; a pair of which one of the four cells is small is crossed
    out in the real map.
    """
    names = list(dict.fromkeys([*pairs["code_a"], *pairs["code_b"]]))
    place = {name: k for k, name in enumerate(names)}
    column, row = pairs["code_a"].map(place).to_numpy(), pairs["code_b"].map(place).to_numpy()
    both, one, other = (pairs[c].to_numpy(dtype=np.float64) for c in ("n_both", "n_a", "n_b"))
    found = {"Real": _phi(displayed_pairs(both, one, other, n_test)), "Synthetic": pairs["synthetic"].to_numpy(float)}
    figure, maps = panels(7.4, 4.9, 1, 2)
    hints: dict[str, list[str]] = {}
    with mpl.rc_context(STYLE):
        for axes, (who, _) in zip(maps, found.items(), strict=True):
            _frame(axes, names, f"{who} patients", left=who == "Real")
        figure.legend(handles=_key(), loc="outside lower center", ncols=7, fontsize=6.5, handletextpad=0.1)
        figure.draw_without_rendering()
        for axes, (who, phi) in zip(maps, found.items(), strict=True):
            told = [f"{a} with {b}: {_said(r)}" for a, b, r in zip(pairs["code_a"], pairs["code_b"], phi, strict=True)]
            hints |= _cells(figure, axes, column, row, phi, np.asarray(told, dtype=object), who.lower())
    return inline(
        figure,
        name="heat",
        title=f"Correlations of the {len(names)} commonest codes, in real and in synthetic patients",
        description="Two triangular maps on one scale, one cell a pair of codes, commonest codes first. The darker, "
        "the stronger; squares are positive and circles negative correlations. "
        f"{int(np.isnan(found['Real']).sum()):,} pairs are withheld in the real map.",
        hints=hints,
    )


def _phi(cells: Array) -> Array:
    """(n_pairs,) correlation of two-by-two tables (n_pairs, 4): both, one alone, other alone, neither."""
    a, b, c, d = cells.T
    return np.asarray((a * d - b * c) / np.sqrt((a + b) * (c + d) * (a + c) * (b + d)))


def _said(r: float) -> str:
    return "withheld" if np.isnan(r) else f"{r:.2f}"


def _frame(axes: Axes, names: list[str], title: str, *, left: bool) -> None:
    size = len(names)
    axes.set(xlim=(-0.5, size - 1.5), ylim=(size - 0.5, 0.5), aspect="equal")
    short = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    axes.set_xticks(range(size - 1), short[:-1], rotation=90, fontsize=5)
    axes.set_yticks(range(1, size), short[1:] if left else [], fontsize=5)
    axes.tick_params(length=0, pad=1)
    axes.set_title(title, fontsize=9)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _cells(
    figure: Figure, axes: Axes, column: Array, row: Array, phi: Array, told: NDArray[np.object_], who: str
) -> dict[str, list[str]]:
    """Draw the cells shade by shade, as markers as large as a cell; what each is told, by set of markers."""
    width = axes.get_window_extent().width / figure.dpi * 72 / (axes.get_xlim()[1] - axes.get_xlim()[0])
    hints = {}
    step = np.digitize(np.abs(phi), EDGES)
    sets = [
        (f"{who}-{sign}{k}", (step == k + 1) & (phi * factor > 0), marker, colour, scale)
        for sign, factor, marker, shades, scale in (("plus", 1, "s", BLUES, 0.94), ("minus", -1, "o", ORANGES, 0.94))
        for k, colour in enumerate(shades)
    ]
    sets.append((f"{who}-withheld", np.isnan(phi), "x", GREY, 0.5))
    for gid, chosen, marker, colour, scale in sets:
        if chosen.any():
            look: dict[str, Any] = {"color": colour, "markersize": scale * width, "gid": gid}
            axes.plot(column[chosen], row[chosen], marker, markeredgewidth=0.5 if marker == "x" else 0, **look)
            hints[gid] = told[chosen].tolist()
    return hints


def _key() -> list[Line2D]:
    look: dict[str, Any] = {"linestyle": "none", "markersize": 6.5, "markeredgewidth": 0}
    above = [f"{low:g} to {high:g}" for low, high in pairwise(EDGES)] + [f"{EDGES[-1]:g} and more"]
    plus, minus = (
        [Line2D([], [], marker=marker, color=colour, label=words.format(text), **look) for colour, text in shades]
        for marker, words, shades in (
            ("s", "{}", zip(BLUES, above, strict=True)),
            ("o", "\N{MINUS SIGN}({})", zip(ORANGES, above, strict=True)),
        )
    )
    withheld = Line2D([], [], marker="x", color=GREY, label="withheld", linestyle="none", markersize=4)
    blank = Line2D([], [], marker="s", color="white", label=f"below {EDGES[0]:g}: blank", **look)
    # a legend fills column by column
    return [handle for pair in zip([*plus, withheld], [*minus, blank], strict=True) for handle in pair]
