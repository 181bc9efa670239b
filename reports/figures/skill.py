"""Every score on one scale: 0 is the floor (independent sampler), 1 the ceiling (fresh real patients)."""

import math
from collections.abc import Sequence

import matplotlib as mpl

from reports.figures.svg import BLUE, INK, STYLE, inline, panel
from synthehr.fidelity.score import Score

LEFT, RIGHT = -0.5, 1.3


def skills(scores: Sequence[Score], labels: Sequence[str]) -> str:
    """Skill of each score with its interval; one row a score.

    scores: with a finite skill. labels: what to call each score. A dot beyond the frame stands at its edge as an arrow.
    """
    figure, axes = panel(6.8, 0.9 + 0.24 * len(scores))
    with mpl.rc_context(STYLE):
        for x, dash in ((0.0, "--"), (1.0, "-")):
            axes.axvline(x, color=INK, linewidth=0.9, linestyle=dash)
        for row, score in enumerate(scores):
            gap = score.floor - score.ceiling
            low, high = sorted(_clip((score.floor - end) / gap) for end in (score.low, score.high))
            axes.plot([low, high], [row, row], color=BLUE, linewidth=1.6, solid_capstyle="butt")
            marker = "<" if score.skill < LEFT else ">" if score.skill > RIGHT else "o"
            axes.plot(_clip(score.skill), row, marker, color=BLUE, markersize=5, clip_on=False)
        axes.set_yticks(range(len(scores)), list(labels))
        axes.set(xlim=(LEFT - 0.1, RIGHT + 0.1), ylim=(len(scores) - 0.4, -0.6), xticks=[0, 0.5, 1])
        axes.set_xticklabels(["0\nindependent\nsampler", "0.5", "1\nfresh real\npatients"])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)
    return inline(
        figure,
        name="skill",
        title="Skill of each score between the floor and the ceiling",
        description=f"{len(scores)} scores, each with its 95 % interval, on a scale where 0 is the independent sampler "
        "and 1 is fresh real patients.",
    )


def _clip(value: float) -> float:
    return min(max(value, LEFT), RIGHT) if math.isfinite(value) else LEFT
