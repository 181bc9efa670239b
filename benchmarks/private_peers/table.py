"""The rows as a table in Markdown."""

from typing import Any

HEAD = {
    "dwp_pearson": "DWP Pearson",
    "dwp_spearman": "Spearman",
    "dwp_apd": "APD",
    "correlation_r": "correlation r",
    "pair_distance": "pair distance",
    "mean_difference": "mean codes",
    "ks": "KS",
    "dwpred_retention": "DWPred retention",
    "detection": "detection",
    "wall_seconds": "wall, s",
    "cpu_seconds": "CPU, s",
    "peak_gib": "peak, GiB",
}
DIGITS = {"dwp_pearson": 5, "dwp_spearman": 4, "dwp_apd": 2, "pair_distance": 5, "mean_difference": 4, "peak_gib": 1}
WHOLE = ("wall_seconds", "cpu_seconds")


def shown(columns: dict[str, Any]) -> str:
    """columns: by number of codes, `rows` by tool; a row that did not finish says how it ended."""
    lines = ["| codes | | " + " | ".join(HEAD.values()) + " |", "|---" * (len(HEAD) + 2) + "|"]
    for k, part in columns.items():
        for name, row in part["rows"].items():
            cells = [cell(figure, row.get(figure)) for figure in HEAD]
            if "ended" in row:
                cells[0] = row["ended"]
            lines.append(f"| {k} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(figure: str, value: float | None) -> str:
    """A figure with as many digits as tell rows apart; empty where there is none."""
    if value is None:
        return ""
    return f"{value:.0f}" if figure in WHOLE else f"{value:.{DIGITS.get(figure, 3)}f}"
