"""What `synthehr compare` shows on a terminal: what differs, the scores that tell most, and what the policy judges."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Column, Table

from reports.compare_report import Candidate, Row, differences, epsilon_words, risk_rows, score_rows


def comparison_tables(candidates: Sequence[Candidate]) -> list[Table]:
    """Tables of what differs, of scores over all codes (those beyond the intervals first), of what is judged."""
    labels = [candidate.label for candidate in candidates]
    tables = [_table("what differs", labels, asked)] if (asked := differences(candidates)) else []
    if scores := _telling(score_rows(candidates)):
        tables.append(_table("score", labels, scores, "floor", "ceiling", "beyond the intervals"))
    last = Row(label="epsilon of the ledger", cells=tuple(map(epsilon_words, candidates)), further=("",))
    return [*tables, _table("judged", labels, [*risk_rows(candidates), last], "demand")]


def _telling(rows: Sequence[Row]) -> list[Row]:
    whole = [row for row in rows if row.whole]
    beyond = [row for row in whole if row.beyond]
    return [*beyond, *[row for row in whole if not row.beyond and row.headline]]


def _table(title: str, labels: Sequence[str], rows: Sequence[Row], *further: str) -> Table:
    table = Table(Column(title, overflow="fold"), *labels, *further, box=SIMPLE)
    for row in rows:
        verdicts = row.verdicts or ("",) * len(row.cells)
        cells = [f"{cell} {verdict}".strip() for cell, verdict in zip(row.cells, verdicts, strict=True)]
        beside = [*row.further, *([", ".join(row.beyond)] if len(further) > len(row.further) else [])]
        table.add_row(row.key or row.label, *cells, *beside)
    return table
