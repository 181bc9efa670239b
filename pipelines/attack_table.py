"""The figures of an attack that are shown first, as a table for a terminal and as a page of Markdown."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.table import Table

from privacy.policy import Decision
from privacy.risk import Risk
from reports.numbers import decimals, fixed
from reports.tables import key_risks, risk_row
from synthehr.landing import read_manifest

HEADINGS = (
    "attack",
    "metric",
    "value",
    "95 % interval",
    "control",
    "ceiling",
    "n",
    "p, Holm",
    "verdict",
    "other releases",
)
NAME_WIDTH = 22  # of 80 columns, what the figures leave


def headlines(risks: Sequence[Risk]) -> list[Risk]:
    """Of each attack every judged figure and the one with a p value, else the one furthest above its control."""
    found: dict[str, list[Risk]] = {}
    for risk in risks:
        found.setdefault(risk.attack, []).append(risk)
    return [
        risk
        for of_attack in found.values()
        for risk in [risk for risk in of_attack if risk.verdict or risk.p is not None] or key_risks(of_attack)
    ]


def attack_table(attack: Path) -> Table:
    """The headlines of an attack landing, for a terminal.

    Raises:
        IncompleteLanding: there is no complete attack landing.
    """
    read_manifest(attack, "attack")
    risks = [Risk(**risk) for risk in json.loads((attack / "risk.json").read_text(encoding="utf-8"))]
    # two lines a figure: with all of it in one, no row would fit 80 columns
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("attack\nmetric", overflow="fold")
    for heading in ("value\n95 % interval", "control", "ceiling", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict\np, Holm", no_wrap=True)
    for risk in headlines(risks):
        attacked, metric, value, interval, *plain, p, verdict = _cells(risk)
        table.add_row(f"{_folded(attacked)}\n{_folded(metric)}", f"{value}\n{interval}", *plain, f"{verdict}\n{p}")
    return table


def markdown(decision: Decision, records: Mapping[str, int], notes: Sequence[str]) -> str:
    """The page `risk.md`: verdict and reasons, the headlines, and how the tables were read."""
    sizes = ", ".join(f"{count:,} {name}" for name, count in records.items())
    lines = ["# Attacks on a synthetic table", "", f"Records: {sizes}.", ""]
    lines += [f"Verdict by the policy {decision.policy}: **{decision.verdict}**.", ""]
    lines += [f"- {reason}" for reason in decision.reasons]
    lines += ["", _line(HEADINGS), _line(["---"] * len(HEADINGS))]
    lines += [_line((*_cells(risk), _others(risk))) for risk in headlines(decision.risks)]
    lines += [
        "",
        "Control: fresh real patients, or patients never used, where there is nothing to find. Ceiling: a copy",
    ]
    lines += ["of the training table. An attack that was not tried was not measured.", ""]
    lines += ["How the tables were read:", "", *(f"- {note}" for note in notes), ""] if notes else []
    return "\n".join(lines)


def _others(risk: Risk) -> str:
    """The same figure of the comparators: independent 0.51, previous_release 0.62."""
    places = decimals(risk.low, risk.high)
    return ", ".join(f"{name} {fixed(value, places)}" for name, value in risk.others.items())


def _cells(risk: Risk) -> tuple[str, ...]:
    row = risk_row(risk)
    verdict = row.verdict or "no gate"
    return (row.attack, row.metric, row.value, row.interval, row.control, row.ceiling, row.n, row.p, verdict)


def _folded(name: str) -> str:
    """A name on lines of at most `NAME_WIDTH`, cut after underscores where there are any."""
    return "\n".join(re.findall(rf".{{1,{NAME_WIDTH - 1}}}(?:_|$)|.{{1,{NAME_WIDTH}}}", name))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
