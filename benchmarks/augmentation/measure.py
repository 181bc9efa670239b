"""What each arm of a setting reaches for one code, and the table over codes."""

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.augmentation.arms import REAL, WEIGHTED, Arm, Fitted, fitted, has
from benchmarks.augmentation.classifiers import PENALTIES, ROUNDS, aurocs, boosted, chosen_penalty, regressions
from benchmarks.augmentation.scores import FIGURES, of_code, pooled, ranked
from benchmarks.augmentation.settings import Given, Setting

CLASSIFIERS = ("logistic", "boosted")
CONTROLS = (REAL, WEIGHTED)

Array = NDArray[np.float64]
Reached = dict[tuple[str, str], Array]  # classifier and arm -> (seeds, 2, resamples)


def measure_code(
    setting: Setting, code: int, times: NDArray[np.float32], *, boosted_seeds: int
) -> tuple[Reached, dict[str, Any]]:
    """Every arm of every seed by both classifiers; a row for the results file.

    An arm that neither draws nor has patients of its own is fitted once. boosted_seeds: to how many seeds trees are
    fitted.
    """
    reached: Reached = {}
    row: dict[str, Any] = {"arms": {}}
    given, test = setting.asked(code)
    for arm in setting.arms:
        again = arm.random or setting.name == "few"
        for classifier, seeds in zip(CLASSIFIERS, (len(given), boosted_seeds), strict=True):
            if classifier == "boosted" and not arm.boosted:
                continue
            per_seed = [_one(g, arm, classifier, code, (test, times)) for g in given[: seeds if again else 1]]
            figures = np.stack([one[0] for one in per_seed])
            reached[classifier, arm.name] = np.broadcast_to(figures, (seeds, *figures.shape[1:]))
            row["arms"].setdefault(arm.name, {})[classifier] = {
                **{name: figures[:, k, 0].tolist() for k, name in enumerate(FIGURES)},
                "chosen": [one[1] for one in per_seed],
                "auroc_in_hindsight": [one[2] for one in per_seed],
            }
    for classifier, name in reached:
        row["arms"][name][classifier][f"less {REAL.name}"] = of_code(
            reached[classifier, name], reached[classifier, REAL.name]
        )
    return reached, row


def _one(
    given: Given, arm: Arm, classifier: str, code: int, asked: tuple[sparse.csr_matrix, NDArray[np.float32]]
) -> tuple[Array, float, float]:
    """(2, resamples) figures of one arm of one seed; the setting chosen; the AUROC of the best setting in hindsight."""
    (test, times), seed = asked, given.seed

    def of(real: sparse.csr_matrix) -> Fitted:
        return fitted(arm, code, real, given.sources, np.random.default_rng([seed, code, 28]))

    if classifier == "logistic":
        best, tried = chosen_penalty(of, code, given.real, np.random.default_rng([seed, code, 29]))
        path = islice(regressions(of(given.real), code, test), tried)
        scores, setting = np.stack(list(path), axis=1), PENALTIES[best]
    else:
        best, setting = len(ROUNDS) - 1, max(ROUNDS)
        scores = boosted(of(given.real), code, given.real, test, seed=seed)
    positive = has(test, code)
    return ranked(scores[:, best], positive, times), float(setting), float(aurocs(scores, positive).max())


def pool_codes(reached: list[Reached], rows: list[dict[str, Any]], *, seed: int) -> dict[str, Any]:
    """By classifier and arm: mean figures over codes and seeds, and differences from both controls."""
    found: dict[str, Any] = {}
    for classifier, name in reached[0]:
        arm = np.stack([one[classifier, name] for one in reached])
        entry: dict[str, Any] = {figure: float(arm[:, :, k, 0].mean()) for k, figure in enumerate(FIGURES)}
        ours = [row["arms"][name][classifier]["auroc_in_hindsight"] for row in rows]
        entry["auroc_in_hindsight"] = float(np.mean([np.mean(values) for values in ours]))
        for control in CONTROLS:
            beside = np.stack([one[classifier, control.name] for one in reached])
            entry[f"less {control.name}"] = pooled(arm, beside, seed=seed)
        found.setdefault(classifier, {})[name] = entry
    return found


def table(found: dict[str, Any]) -> str:
    """Markdown, one classifier after another: AUROC and average precision, and the difference from both controls."""
    lines = []
    for classifier, arms in found.items():
        lines += [f"{classifier}:", "", "| | AUROC | less real | less real, weighted | hindsight | AP | AP, of real |"]
        lines += ["|---|---|---|---|---|---|---|"]
        for name, entry in arms.items():
            gaps = [_shown(entry[f"less {control.name}"]["auroc"], "+.3f") for control in CONTROLS]
            ratio = _shown(entry[f"less {REAL.name}"]["average_precision_ratio"], ".2f")
            reached, hindsight = (f"{entry[key]:.3f}" for key in ("auroc", "auroc_in_hindsight"))
            cells = [name, reached, *gaps, hindsight, f"{entry['average_precision']:.4f}", ratio]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _shown(part: dict[str, float], form: str) -> str:
    value, low, high = (format(part[key], form) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
