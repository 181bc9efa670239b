"""One point a code, real against synthetic: its prevalence (DWP) and how well it is predicted (DWPred)."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray
from scipy import stats

from reports.figures.svg import BLUE, GREY, INK, ORANGE, STYLE, inline, panel
from reports.numbers import percent, shown
from synthehr.release.disclosure import SMALL_CELL, displayed_prevalence

# lower edge of a stratum of real prevalence -> label, marker, fill
STRATA = {
    0.05: ("5 % and more", "o", INK),
    0.01: ("1 to 5 %", "s", BLUE),
    0.001: ("0.1 to 1 %", "^", ORANGE),
    0.0: ("below 0.1 %", "D", GREY),
}
AUROC_STEP = 0.005  # finer than the eye, coarser than one patient
BAND_POINTS = 200


def dwp(codes: pd.DataFrame, *, n_test: int, n_synthetic: int) -> str:
    """Dimension-wise probability: prevalence of each code, real against synthetic, on log axes with y = x.

    codes: `synthehr.evaluation.CODE_COLUMNS`. n_test, n_synthetic: patients behind a real and a synthetic prevalence.
    The grey band holds 95 % of the codes of a perfect generator, by sampling noise alone. Codes of few real patients
    stand in a gutter on the left without their real prevalence, codes that the synthetic sample lacks in one below.
    """
    real = displayed_prevalence(codes["prevalence_real"].to_numpy(dtype=np.float64), n_test)
    synthetic = codes["prevalence_synthetic"].to_numpy(dtype=np.float64)
    shown, absent = ~np.isnan(real), synthetic <= 0
    low = 0.6 * min(SMALL_CELL / n_test, float(np.min(synthetic, initial=1.0, where=~absent)))
    figure, axes = panel(6.2, 5.6)
    with mpl.rc_context(STYLE):
        _log_axes(axes, low)
        _noise_band(axes, low, n_test, n_synthetic)
        _gutters(axes, low, withheld=int((~shown).sum()), absent=int(absent.sum()))
        x = np.where(shown, real, _spread(low, ~shown))
        y = np.where(absent, _spread(low, absent), synthetic)
        told = _told_prevalence(codes, real, synthetic)
        hints = _points(axes, x, y, told, real)
        if not shown.all():
            hints["withheld"] = told[~shown].tolist()
            _withheld(axes, x[~shown], y[~shown])
        axes.set_xlabel("Prevalence in real patients not used for training (holdout)")
        axes.set_ylabel("Prevalence in the synthetic cohort")
        _legend(axes, 0.08)
    return inline(
        figure,
        name="dwp",
        title="Prevalence of each code, real against synthetic",
        description=f"Scatter of {len(codes):,} codes on logarithmic axes with the line of equality. "
        f"{int((~shown).sum()):,} codes of fewer than {SMALL_CELL} real patients are shown without their real value; "
        f"{int(absent.sum()):,} never occur in the synthetic sample.",
        hints=hints,
    )


def dwpred(codes: pd.DataFrame, *, n_test: int) -> str:
    """Dimension-wise prediction: AUROC of each code's model trained on real against trained on synthetic patients.

    Both are tested on held-out real patients. Codes of few real patients and codes too rare to predict are left out.
    """
    prevalence = displayed_prevalence(codes["prevalence_real"].to_numpy(dtype=np.float64), n_test)
    x, y = (
        AUROC_STEP * np.round(codes[column].to_numpy(dtype=np.float64) / AUROC_STEP)
        for column in ("auroc_real", "auroc_synthetic")
    )
    usable = ~np.isnan(x) & ~np.isnan(y) & ~np.isnan(prevalence)
    figure, axes = panel(6.2, 5.4)
    with mpl.rc_context(STYLE):
        floor = min(0.4, float(np.min(np.minimum(x, y), initial=0.4, where=usable)) - 0.02)
        axes.set(xlim=(floor, 1.01), ylim=(floor, 1.01), aspect="equal")
        axes.plot([floor, 1], [floor, 1], color=GREY, linewidth=0.8)
        axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        hints = _points(axes, x, y, _told_auroc(codes, x, y), np.where(usable, prevalence, np.nan))
        axes.set_xlabel("AUROC, model trained on real patients")
        axes.set_ylabel("AUROC, model trained on synthetic patients")
        _legend(axes, 0.0)
    return inline(
        figure,
        name="dwpred",
        title="How well each code is predicted from the others: trained on real against trained on synthetic patients",
        description=f"Scatter of {int(usable.sum()):,} codes with the line of equality; both models are tested on the "
        "same held-out real patients. Points below the line lose by synthetic training; 0.5 is chance.",
        hints=hints,
    )


def _named(codes: pd.DataFrame) -> list[str]:
    return [f"{code} {words}".strip() for code, words in codes[["code", "description"]].to_numpy(dtype=object)]


def _told_prevalence(
    codes: pd.DataFrame, real: NDArray[np.float64], synthetic: NDArray[np.float64]
) -> NDArray[np.object_]:
    """(n_codes,) what a pointer on a code is told; real: as it may be shown."""
    told = []
    for name, p, q in zip(_named(codes), real, synthetic, strict=True):
        known = "real withheld" if np.isnan(p) else f"real {percent(float(p), 2)}"
        told.append(f"{name}: {known}, synthetic {percent(float(q), 2) if q > 0 else 'never'}")
    return np.asarray(told, dtype=object)


def _told_auroc(codes: pd.DataFrame, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.object_]:
    pairs = zip(_named(codes), x, y, strict=True)
    return np.asarray([f"{name}: real {shown(float(p))}, synthetic {shown(float(q))}" for name, p, q in pairs], object)


def _withheld(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    label = f"withheld ({len(x):,})"
    axes.plot(x, y, "x", color=GREY, markersize=2.6, markeredgewidth=0.5, label=label, gid="withheld")


def _legend(axes: Axes, left: float) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(left, 1.0), title="Real prevalence (codes)", title_fontsize=8)


def _points(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    told: NDArray[np.object_],
    prevalence: NDArray[np.float64],
) -> dict[str, list[str]]:
    """Draw the codes stratum by stratum, those of nan prevalence not at all; what each is told, by set of markers."""
    hints = {}
    look: dict[str, Any] = {"markersize": 3.6, "markeredgewidth": 0.4, "markeredgecolor": "white", "alpha": 0.85}
    for k, (label, marker, colour, chosen) in enumerate(by_stratum(prevalence)):
        text = f"{label} ({chosen.sum():,})"
        axes.plot(x[chosen], y[chosen], marker, color=colour, label=text, gid=f"codes{k}", **look)
        hints[f"codes{k}"] = told[chosen].tolist()
    return hints


def by_stratum(prevalence: NDArray[np.float64]) -> list[tuple[str, str, str, NDArray[np.bool_]]]:
    """Label, marker, colour and mask of each stratum of real prevalence that a code is in, commonest first."""
    found, above = [], np.inf
    for edge, (label, marker, colour) in STRATA.items():
        chosen = (prevalence >= edge) & (prevalence < above)
        above = edge
        if chosen.any():
            found.append((label, marker, colour, chosen))
    return found


def _log_axes(axes: Axes, low: float) -> None:
    for scale, limit in ((axes.set_xscale, axes.set_xlim), (axes.set_yscale, axes.set_ylim)):
        scale("log")
        limit(low / 2.2, 1.05)
    percent = FuncFormatter(lambda value, _: f"{100 * value:g} %" if value >= low else "")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(percent)
    axes.set_aspect("equal")


def _noise_band(axes: Axes, low: float, n_test: int, n_synthetic: int) -> None:
    p = np.geomspace(low, 1.0, BAND_POINTS)
    reach = stats.norm.ppf(0.975) * np.sqrt(p * (1 - p) * (1 / n_test + 1 / n_synthetic))
    axes.fill_between(p, np.maximum(p - reach, low), np.minimum(p + reach, 1), color="#d9d9d9", linewidth=0)
    axes.plot([low, 1], [low, 1], color=GREY, linewidth=0.8)


def _gutters(axes: Axes, low: float, *, withheld: int, absent: int) -> None:
    if withheld:
        axes.axvspan(low / 2.2, low, color="#f0f0f0", linewidth=0)
        label = f"fewer than {SMALL_CELL} real patients: {withheld:,}"
        axes.text(low / 1.48, 0.95, label, rotation=90, fontsize=7, ha="center", va="top")
    if absent:
        axes.axhspan(low / 2.2, low, color="#f0f0f0", linewidth=0)
        axes.text(1.0, low * 1.1, f"absent from the synthetic sample: {absent:,}", fontsize=7, ha="right", va="bottom")


def _spread(low: float, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Places across a gutter for the chosen codes by their rank, so that they do not hide each other."""
    rank = np.cumsum(chosen) * 0.618034 % 1.0  # golden-ratio steps fill an interval evenly
    return np.asarray(low / 2.0 * (2.0 / 1.15) ** rank)
