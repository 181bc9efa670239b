"""The short table that a run ends with: the generator, the simple ones and real patients, by a few figures."""

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE
from rich.table import Table

from synthehr.evaluation import Evaluation
from synthehr.fidelity.compare import CEILING, FLOOR, SYNTHETIC
from synthehr.landing import read_manifest

# name of a score -> heading: AUROC of a detector (.5 is best), gap of AUROC of predicting each code, Frobenius distance
# of the correlations, rank correlation of the prevalences, share of codes that ever occur
COMMON = {"correlation_cmd": ">=1%"}  # over all codes it is mostly sampling noise; other figures are those of "all"
SHOWN = {
    "detection_auroc_boosted": "detection",
    "dwpred_auroc_gap": "DWPred gap",
    "correlation_cmd": "CMD",
    "dwp_spearman": "Spearman",
    "code_coverage": "coverage",
}


def comparison(evaluation: Path) -> pd.DataFrame:
    """Rows: the generator, its comparators, the holdout. Columns: the figures of `SHOWN` that were measured."""
    found = Evaluation.read(evaluation).comparators
    elsewhere = found["stratum"] != found["name"].map(COMMON).fillna("all")
    whole = found.loc[elsewhere.sort_values(kind="stable").index]
    wide = whole.drop_duplicates(["generator", "name"]).pivot(index="generator", columns="name", values="value")
    generator = read_manifest(evaluation, "evaluation").config["generator"]
    order = [SYNTHETIC, *sorted(set(wide.index) - {SYNTHETIC, FLOOR, CEILING}), FLOOR, CEILING]
    shown = wide.loc[order, [name for name in SHOWN if name in wide.columns]]
    return shown.rename(index={SYNTHETIC: generator}, columns=SHOWN)


def comparison_table(evaluation: Path) -> Table:
    """`comparison` for a terminal."""
    wide = comparison(evaluation)
    table = Table("generator", *wide.columns, box=SIMPLE)
    for name, row in wide.iterrows():
        table.add_row(str(name), *(f"{value:.3f}" for value in row))
    return table
