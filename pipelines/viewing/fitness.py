"""Query fitness cards as they are shown: of the public half in bands, of the steward's in figures."""

import json
from collections.abc import Mapping
from typing import Any

from pipelines.viewing.cells import cell
from reports.numbers import percent, shown
from synthehr.release.fitness.sandbox import REASONS
from synthehr.release.fitness.verdict import AS_REAL, MEANING, NOT_FIT, NOT_RUN, TOO_FEW, WITH_CARE

MARKS = {
    AS_REAL: ("pass", "✓"),
    WITH_CARE: ("inconclusive", "!"),
    TOO_FEW: ("inconclusive", "?"),
    NOT_FIT: ("fail", "✗"),
    NOT_RUN: ("inconclusive", "–"),
}
SHARES = ("off", "control", "worst", "control_worst")


def read_cards(text: str) -> list[dict[str, Any]]:
    """Cards of a `fitness.json`, for their page; none where it is no such file.

    Each has `title`, `sql`, `verdict`, `tone` and `sign` (how it is drawn), `words` (what it means) and `columns`:
    name, verdict, and in words how far synthetic patients are off, and real ones among themselves.
    """
    try:
        rows = json.loads(text)
    except ValueError:
        return []
    return [_card(row) for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _card(row: Mapping[str, Any]) -> dict[str, Any]:
    verdict, reason = str(row.get("verdict", NOT_RUN)), str(row.get("reason") or "")
    tone, sign = MARKS.get(verdict, MARKS[NOT_RUN])
    return {
        "title": str(row.get("title") or row.get("name") or "A query").rstrip("."),
        "sql": str(row.get("sql", "")),
        "verdict": verdict,
        "tone": tone,
        "sign": sign,
        "words": f"{MEANING.get(verdict, '')} {REASONS.get(reason, reason)}".strip(),
        "rows": cell(_number(row.get("rows"))) or "n/a",
        "columns": [_column(column) for column in row.get("columns") or []],
    }


def _column(column: Mapping[str, Any]) -> dict[str, str]:
    shares = {key: _share(column.get(key)) for key in SHARES}
    ranks = {key: shown(_number(column.get(key))) for key in ("rank", "control_rank")}
    return {"name": str(column.get("name", "")), "verdict": str(column.get("verdict", "")), **shares, **ranks}


def _share(value: Any) -> str:
    """A band as it stands; a figure, 0 and above, in per cent."""
    if isinstance(value, str) and value != "inf":
        return value
    number = _number(value)
    return "n/a" if number is None else percent(number)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) or value == "inf" else None
