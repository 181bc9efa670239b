"""Demographics by SDMetrics: its quality and validity scores on the exclusive groups, for readers who know them.

Its scores of privacy (distance to the closest record) are not among them: ties of sparse records make those misleading.
"""

import importlib.util
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from privacy.risk import clopper_pearson
from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.interval import Blocks, block_rows, jackknife
from synthehr.fidelity.score import Estimate, Measure

SHAPES = Measure(name="sdmetrics_column_shapes", better="higher", lowest=0, highest=1)
TRENDS = Measure(name="sdmetrics_pair_trends", better="higher", lowest=0, highest=1)
QUALITY = Measure(name="sdmetrics_quality", better="higher", lowest=0, highest=1)
VALIDITY = Measure(name="sdmetrics_validity", better="higher", lowest=0, highest=1)

NOT_ONE = "(not one)"  # the category of a patient with none or several members of a group
EXTRA = "SDMetrics' scores need an extra: pip install 'synthehr[sdmetrics]'"

Array = NDArray[np.float64]
Names = tuple[str, ...]  # of one column, or of the two of a pair


def sdmetrics_installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("sdmetrics") is not None


def _sdmetrics() -> Any:
    """The package, imported where it is used: it takes seconds, and is an extra."""
    try:
        import sdmetrics.column_pairs
        import sdmetrics.single_column
    except ImportError:
        raise ImportError(f"{EXTRA}.") from None
    return sdmetrics


def demographic_table(cohort: CodeMatrix) -> pd.DataFrame:
    """One row a patient, one text column an exclusive group: the code of its member, or `(not one)`."""
    binary, codes = cohort.binary(), np.asarray([*cohort.vocabulary.code, NOT_ONE], dtype=object)
    table = {}
    for name, columns in cohort.vocabulary.groups.items():
        members = binary[:, columns].toarray()
        found = np.where(members.sum(axis=1) == 1, columns[members.argmax(axis=1)], len(codes) - 1)
        table[name] = codes[found]
    return pd.DataFrame(table, index=range(len(cohort)))


def demographic_scores(test: CodeMatrix, candidate: CodeMatrix) -> list[Estimate]:
    """Scores of the table of sex, age band, race and other exclusive groups, candidate against test, each in [0, 1].

    Column shapes: mean TVComplement, 1 - sum |p - q| / 2 over the categories of a column. Pair trends: mean
    ContingencySimilarity, the same over pairs of categories of two columns, so never above the shape of either.
    Quality: the mean of the two, as in SDMetrics' QualityReport. Validity: mean CategoryAdherence, the share of
    candidates whose category some test patient has (of its DiagnosticReport nothing else could fail here). Means over
    columns and over pairs, and each as a stratum, "sex" or "sex, age". Absent without groups; trends and quality need
    two. Values are SDMetrics' own; the intervals by jackknife over the patients of both come from the same sums, that
    of validity is Clopper-Pearson's.

    Raises:
        ImportError: the extra is missing; the message has the line that installs it.
    """
    real, other = demographic_table(test), demographic_table(candidate)
    if not len(real.columns):
        return []
    values = _complements(real, other)
    figures = _figures(list(values))
    weights = np.stack([weight for _, _, weight in figures])
    starts, blocks = _cells(real, other, list(values))

    def figures_of(p: Array, q: Array) -> Array:
        return np.asarray(weights @ (1 - np.add.reduceat(np.abs(p - q), starts) / 2))

    _, errors = jackknife(figures_of, *blocks)
    note, n = f"SDMetrics {_sdmetrics().__version__}", len(candidate)
    estimates = [
        measure.estimate(value, error, n=n, unit="patients", stratum=stratum, note=note)
        for (measure, stratum, _), value, error in zip(
            figures, weights @ np.asarray(list(values.values())), errors, strict=True
        )
    ]
    return [*estimates, _validity(real, other, note)]


def _complements(real: pd.DataFrame, other: pd.DataFrame) -> dict[Names, float]:
    """What SDMetrics says of each column and of each pair of columns."""
    shape, trend = _sdmetrics().single_column.TVComplement, _sdmetrics().column_pairs.ContingencySimilarity
    found: dict[Names, Any] = {(c,): shape.compute(real_data=real[c], synthetic_data=other[c]) for c in real.columns}
    for pair in combinations(real.columns, 2):
        found[pair] = trend.compute(real_data=real[list(pair)], synthetic_data=other[list(pair)])
    return {names: float(value) for names, value in found.items()}


def _figures(known: list[Names]) -> list[tuple[Measure, str, Array]]:
    """What is reported: measure, stratum, and the weight of each of the `known` complements in it."""
    size = np.asarray([len(names) for names in known])
    means = {measure: (size == k) / max((size == k).sum(), 1) for k, measure in ((1, SHAPES), (2, TRENDS))}
    if 2 not in size:
        return [(SHAPES, "all", means[SHAPES])]
    each = [
        ({1: SHAPES, 2: TRENDS}[len(names)], ", ".join(names), row)
        for names, row in zip(known, np.eye(len(known)), strict=True)
    ]
    quality = (means[SHAPES] + means[TRENDS]) / 2
    return [(SHAPES, "all", means[SHAPES]), (TRENDS, "all", means[TRENDS]), (QUALITY, "all", quality), *each]


def _cells(real: pd.DataFrame, other: pd.DataFrame, known: list[Names]) -> tuple[NDArray[np.int64], list[Blocks]]:
    """Where the cells of each contingency table start among all cells, and both cohorts' blocks of cells (n_cells,)."""
    both = pd.concat([real, other], ignore_index=True)
    cells = [both.groupby(list(names)).ngroup().to_numpy() for names in known]
    ends = np.cumsum([cell.max() + 1 for cell in cells])
    starts = np.concatenate([[0], ends[:-1]])
    placed = np.stack(cells, axis=1) + starts  # (n, n_tables)
    return starts, [_blocks(side, int(ends[-1])) for side in (placed[: len(real)], placed[len(real) :])]


def _blocks(placed: NDArray[np.int64], size: int) -> Blocks:
    parts = [placed[rows] for rows in block_rows(len(placed))]
    sums = np.stack([np.bincount(part.ravel(), minlength=size) for part in parts])
    return Blocks(sums.astype(np.float64), np.asarray([len(part) for part in parts]))


def _validity(real: pd.DataFrame, other: pd.DataFrame, note: str) -> Estimate:
    adherence = _sdmetrics().single_column.CategoryAdherence
    value = float(np.mean([adherence.compute(real_data=real[c], synthetic_data=other[c]) for c in real.columns]))
    low, high = clopper_pearson(round(value * len(other)), len(other))
    return replace(
        VALIDITY.estimate(value, 0.0, n=len(other), unit="patients", note=note),
        low=min(low, value),
        high=max(high, value),
    )
