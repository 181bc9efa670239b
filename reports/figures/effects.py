"""The questions of a study: odds ratios of pairs of codes, real with their interval against synthetic."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from reports.figures.svg import BLUE, GREY, INK, STYLE, inline, panel
from reports.numbers import shown
from synthehr.release.disclosure import displayed_pairs

TICKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)
WORDS = {1 / 16: "1/16", 1 / 8: "1/8", 1 / 4: "1/4", 1 / 2: "1/2"}

Array = NDArray[np.float64]


def displayed_effects(effects: pd.DataFrame, n_test: int) -> pd.DataFrame:
    """Log odds ratios of the pairs that may be shown: exposure, outcome, real, low, high (95 %, Woolf 1955), synthetic.

    effects: `synthehr.evaluation.EFFECT_COLUMNS`, of which the real figures are not used: they are worked out anew from
    rounded counts of `n_test` patients. Pairs of which one of the four cells is small are left out.
    """
    both, one, other = (effects[column].to_numpy(dtype=np.float64) for column in ("n_both", "n_exposure", "n_outcome"))
    cells = displayed_pairs(both, one, other, n_test)
    real = np.log(cells) @ np.asarray([1.0, -1.0, -1.0, 1.0])
    reach = 1.96 * np.sqrt((1 / cells).sum(axis=1))
    table: pd.DataFrame = effects[["exposure", "outcome"]].assign(
        real=real, low=real - reach, high=real + reach, synthetic=effects["log_or_synthetic"].astype(np.float64)
    )
    shown_ones: pd.DataFrame = table[~np.isnan(real)].reset_index(drop=True)
    return shown_ones


def odds_ratios(effects: pd.DataFrame, *, n_test: int) -> str:
    """One point a pair: odds ratio in real patients, with its interval, against that in synthetic ones; log axes.

    effects: `synthehr.evaluation.EFFECT_COLUMNS`. A point is filled where the synthetic odds ratio lies within the real
    interval.
    """
    table = displayed_effects(effects, n_test)
    x, low, high, y = (table[column].to_numpy(dtype=np.float64) for column in ("real", "low", "high", "synthetic"))
    inside = (low <= y) & (y <= high)
    told = np.asarray([_told(*row) for row in table.itertuples(index=False)], dtype=object)
    figure, axes = panel(6.2, 5.6)
    hints = {}
    with mpl.rc_context(STYLE):
        _frame(axes, np.concatenate([x, low, high, y]))
        bars = np.stack([low, high, np.full_like(x, np.nan)], axis=1).ravel()
        axes.plot(bars, np.repeat(y, 3), color="#b9b9b9", linewidth=0.6, zorder=1)
        for gid, chosen, fill, words in (("inside", inside, BLUE, "within"), ("outside", ~inside, "white", "outside")):
            if chosen.any():
                look: dict[str, Any] = {"markeredgecolor": BLUE, "markeredgewidth": 0.8, "markersize": 4}
                label = f"{words} the real 95 % interval ({chosen.sum():,} pairs)"
                axes.plot(x[chosen], y[chosen], "o", color=fill, label=label, gid=gid, **look)
                hints[gid] = told[chosen].tolist()
        if hints:
            axes.legend(loc="upper left", title="Synthetic odds ratio", title_fontsize=8)
    return inline(
        figure,
        name="effects",
        title="Odds ratios of pairs of codes, real against synthetic",
        description=f"Scatter of {len(table):,} pairs on logarithmic axes with the line of equality; a horizontal bar "
        f"is the 95 % interval in real patients. {int(inside.sum()):,} synthetic odds ratios lie within it. "
        f"{len(effects) - len(table):,} pairs are withheld, for few real patients have one of their combinations.",
        hints=hints,
    )


def _told(exposure: str, outcome: str, real: float, low: float, high: float, synthetic: float) -> str:
    r, a, b, s = (shown(float(np.exp(x)), 2) for x in (real, low, high, synthetic))
    return f"{exposure} with {outcome}: real {r} [{a}, {b}], synthetic {s}"


def _frame(axes: Axes, values: Array) -> None:
    reach = 1.05 * float(np.max(np.abs(values), initial=np.log(2.0)))
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.plot([-reach, reach], [-reach, reach], color=GREY, linewidth=0.8)
    axes.axhline(0, color=INK, linewidth=0.5, linestyle=":")
    axes.axvline(0, color=INK, linewidth=0.5, linestyle=":")
    words = FuncFormatter(lambda value, _: WORDS.get(float(np.round(np.exp(value), 4)), f"{np.exp(value):.0f}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([t for t in np.log(TICKS) if abs(t) <= reach]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(words)
    axes.set_xlabel("Odds ratio in real patients")
    axes.set_ylabel("Odds ratio in synthetic patients")
