"""What the planted-leak suite found, in tables: reached or not, what found which leak, and each metric's power.

    python -m benchmarks.leaks.summary WORK benchmarks/results/leaks.json

A metric finds a leak where its value lies above the 95th percentile of its values on leak-free releases (`silence`), so
that all metrics are compared at one rate of false alarms, whether or not they have a p value of their own.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.leaks.suite import NO_LEAK, ONE_PERCENT, REDRAWN, VERBATIM
from privacy.risk import clopper_pearson
from synthehr.landing import versions, write_text

LADDERS = {
    "verbatim": [f"{100 * share:g} % verbatim" for share in VERBATIM],
    "redrawn": [f"copy, {100 * share:g} % redrawn" for share in REDRAWN],
}
GAINS = ("attribute_disclosure sensitivity_gain", "sensitive_codes recall_gain")

Document = Mapping[str, Any]


def read(work: Path, task: str) -> list[Document]:
    """All finished seeds of a task, in order."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(work.glob(f"{task}-*.json"))]


def share(hits: Sequence[bool]) -> dict[str, float]:
    """Share of seeds with its Clopper-Pearson interval."""
    low, high = clopper_pearson(int(sum(hits)), len(hits))
    return {"value": float(np.mean(hits)), "low": low, "high": high, "n": len(hits)}


def spread(found: Sequence[float]) -> dict[str, float]:
    """Mean with its normal 95 % interval, smallest and largest over seeds."""
    values = np.asarray(found, dtype=np.float64)
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    mean = float(values.mean())
    ends = {"smallest": float(values.min()), "largest": float(values.max()), "n": len(values)}
    return {"value": mean, "low": mean - half, "high": mean + half, **ends}


def reached(planted: Sequence[Document], silence: Sequence[Document], few: Sequence[Document]) -> dict[str, Any]:
    """The figures that the issue names, each over all seeds."""

    def over(leak: str, attack: str, metric: str) -> dict[str, float]:
        rows = [row for seed in planted for row in seed["releases"][leak]]
        return spread([row["value"] for row in rows if (row["attack"], row["metric"]) == (attack, metric)])

    smallest = [{name: min(r["p_adjusted"].values()) for name, r in seed["releases"].items()} for seed in silence]
    worst = [
        (row["note"], row["p_adjusted"], seed["subgroup"])
        for seed in planted
        for row in seed["releases"]["one subgroup"]
        if row["attack"] == "membership_subgroup"
    ]
    quiet = [seed["releases"][NO_LEAK]["values"] for seed in silence]
    nnaa = {"400": spread([values["adversarial_accuracy nnaa_train"] for values in quiet])}
    for codes in ("100", "1000"):
        found = [seed["nnaa"][codes]["adversarial_accuracy nnaa_train"] for seed in silence if codes in seed["nnaa"]]
        nnaa[codes] = spread(found)
    return {
        "copy, 30 % redrawn: TPR at 1 % FPR": over("copy, 30 % redrawn", "membership_kernel", "tpr_at_fpr_0.01"),
        "copy, 30 % redrawn: TPR at 0.1 % FPR": over("copy, 30 % redrawn", "membership_kernel", "tpr_at_fpr_0.001"),
        "over-fitted mixture: AUC": over("over-fitted mixture", "membership_kernel", "auc"),
        "1 % verbatim: Holm's p below .01": share([p[ONE_PERCENT] < 0.01 for p in smallest if ONE_PERCENT in p]),
        "no leak: any Holm's p below .05": share([p[NO_LEAK] < 0.05 for p in smallest]),
        "subgroup: Holm's p below .05": share([p < 0.05 for _, p, _ in worst]),
        "subgroup: the code is named": share([f": {code}," in note for note, _, code in worst]),
        **{f"no leak: {gain}": spread([values[gain] for values in quiet]) for gain in GAINS},
        **{f"no leak: NNAA at {codes} codes": found for codes, found in nnaa.items()},
        **{f"{name}: p below .05": share([seed["p"][name] < 0.05 for seed in few]) for name in few[0]["p"]},
    }


def found_by(planted: Sequence[Document]) -> dict[str, dict[str, float]]:
    """Leak -> attack -> share of seeds in which Holm's p of the attack is below .05."""
    table: dict[str, dict[str, float]] = {}
    for leak in planted[0]["releases"]:
        rows = [row for seed in planted for row in seed["releases"][leak] if row["p_adjusted"] is not None]
        attacks = dict.fromkeys(row["attack"] for row in rows)
        table[leak] = {
            attack: float(np.mean([row["p_adjusted"] < 0.05 for row in rows if row["attack"] == attack]))
            for attack in attacks
        }
    return table


def power(planted: Sequence[Document], silence: Sequence[Document]) -> dict[str, dict[str, float]]:
    """Metric -> leak -> share of seeds in which it exceeds the 95th percentile of leak-free releases."""
    quiet: dict[str, list[float]] = {}
    for seed in silence:
        for name, value in seed["releases"][NO_LEAK]["values"].items():
            quiet.setdefault(name, []).append(value)
    level = {name: float(np.quantile(found, 0.95, method="higher")) for name, found in quiet.items()}
    curves: dict[str, dict[str, float]] = {}
    for leak in planted[0]["releases"]:
        hits: dict[str, list[bool]] = {}
        for seed in planted:
            for row in seed["releases"][leak]:
                name = f"{row['attack']} {row['metric']}"
                if name in level:
                    hits.setdefault(name, []).append(row["value"] > level[name])
        for name, found in hits.items():
            curves.setdefault(name, {})[leak] = float(np.mean(found))
    return curves


def print_found(table: Mapping[str, Mapping[str, float]]) -> None:
    """One row a leak, one column an attack, in Markdown."""
    attacks = list(table[NO_LEAK])
    print(f"| leak | {' | '.join(attacks)} |\n{'|---' * (len(attacks) + 1)}|")
    for leak, row in table.items():
        cells = [f"{row[attack]:.1f}" if attack in row else "" for attack in attacks]
        print(f"| {leak} | {' | '.join(cells)} |")


def main() -> None:
    """Print the tables and write all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    planted, silence, few = (read(given.work, task) for task in ("planted", "silence", "few"))
    figures, table = reached(planted, silence, few), found_by(planted)
    for name, found in figures.items():
        ends = f", {found['smallest']:.4f} to {found['largest']:.4f} over seeds" if "smallest" in found else ""
        print(f"| {name} | {found['value']:.4f} [{found['low']:.4f}, {found['high']:.4f}]{ends} | {found['n']} |")
    print_found(table)
    document = {"versions": versions(), "ladders": LADDERS, "reached": figures, "found_by": table}
    document["power"] = power(planted, silence)
    write_text(given.out, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
