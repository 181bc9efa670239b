"""The card of a query: how far its answer on synthetic patients is off, for the steward and for everybody."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from synthehr.landing import read_manifest, write_text
from synthehr.release.disclosure import significant
from synthehr.release.fitness.query import MOST_QUERIES
from synthehr.release.fitness.sandbox import REASONS
from synthehr.release.fitness.verdict import MEANING
from synthehr.release.public import to_json

BANDS = ((0.05, "under 5 %"), (0.10, "5 to 10 %"), (0.25, "10 to 25 %"), (0.50, "25 to 50 %"))
ABOVE = "over 50 %"


@dataclass(frozen=True, kw_only=True)
class ColumnFit:
    """One numeric column of a query: synthetic against real patients, and real against real (`control_...`).

    off, median, worst, rank: medians of the figures of `Difference` over all pairs of samples; shares of the real
    figures, 0 and above, and a correlation in [-1, 1]; nan where nothing could be compared. spread: off, of synthetic
    against synthetic. verdict: see `synthehr.release.fitness.verdict`.
    """

    name: str
    verdict: str
    off: float
    control: float
    spread: float
    median: float
    control_median: float
    worst: float
    control_worst: float
    rank: float
    control_rank: float


@dataclass(frozen=True, kw_only=True)
class QueryCard:
    """One query. Holds no answer: neither a real figure nor a key of a row.

    verdict: the worst of its columns', or "not run". reason: why it was not run, a key of `REASONS`; else None.
    patients: in each of the samples compared. parts: how many samples. rows: compared, the median over the samples.
    missing: rows of real patients that the synthetic ones lack, likewise. columns: empty where it was not run.
    """

    name: str
    title: str
    sql: str
    verdict: str
    reason: str | None
    patients: int
    parts: int
    rows: float
    missing: float
    columns: tuple[ColumnFit, ...]

    @property
    def headline(self) -> ColumnFit | None:
        """The column that the verdict rests on: of those with it, the one furthest off."""
        same = [column for column in self.columns if column.verdict == self.verdict]
        return max(same, key=lambda column: -1.0 if math.isnan(column.off) else column.off, default=None)

    def as_json(self) -> dict[str, Any]:
        """The card in full, for strict JSON: nan is null, an infinity "inf"."""
        plain = asdict(self) | {"columns": [_plain(asdict(column)) for column in self.columns]}
        return _plain(plain)

    @staticmethod
    def of_json(row: Mapping[str, Any]) -> "QueryCard":
        """Read back what `as_json` wrote."""
        columns = tuple(ColumnFit(**_figures(column, except_for=("name", "verdict"))) for column in row["columns"])
        numbers = {key: _number(row[key]) for key in ("rows", "missing")}
        return QueryCard(**{**row, **numbers, "columns": columns})


def public_cards(cards: Iterable[QueryCard]) -> list[dict[str, Any]]:
    """The cards as they may leave: a verdict, and each difference as one of five bands; no real figure, no row.

    A report that can be queried is an oracle (see `synthehr.release.disclosure`), and here the reader chose what is
    asked: the answers to two queries that differ by one patient would give him away. So there are no answers, only
    how far those of synthetic patients lie from them, coarsely; rows of fewer than 11 real patients count as if they
    were not there; and each figure is a median over disjoint samples of real patients, of which one patient can change
    one (Nissim, Raskhodnikova, Smith 2007, "Smooth sensitivity and sampling", section 4). Without noise that is no
    differential privacy: who may choose the SQL can hide a count in a larger number and read a bit from a band. Hence
    the limit of `MOST_QUERIES` a release, and the steward reads each query before he runs it.

    Raises:
        ValueError: more than `MOST_QUERIES` cards.
    """
    found = list(cards)
    if len(found) > MOST_QUERIES:
        raise ValueError(f"At most {MOST_QUERIES} cards may leave with a release. Got {len(found)} instead.")
    return [_public(card) for card in found]


def write_fitness(folder: Path, cards: Sequence[QueryCard]) -> None:
    """Write cards.json, public.json and the texts of the queries into an open `fitness` landing."""
    write_text(folder / "cards.json", to_json([card.as_json() for card in cards]))
    write_text(folder / "public.json", to_json(public_cards(cards)))
    (folder / "queries").mkdir()
    for card in cards:
        write_text(folder / "queries" / f"{card.name}.sql", card.sql)


def read_fitness(folder: Path) -> tuple[QueryCard, ...]:
    """The cards of a `fitness` landing; raises IncompleteLanding where there is none."""
    read_manifest(folder, "fitness")
    return tuple(QueryCard.of_json(row) for row in json.loads((folder / "cards.json").read_text(encoding="utf-8")))


def band(share: float) -> str | None:
    """A difference, 0 and above, in words that are coarse on purpose; None for nan."""
    if math.isnan(share):
        return None
    return next((words for limit, words in BANDS if share < limit), ABOVE)


def _public(card: QueryCard) -> dict[str, Any]:
    headline = card.headline
    return {
        "name": card.name,
        "title": card.title,
        "sql": card.sql,
        "verdict": card.verdict,
        "meaning": MEANING[card.verdict],
        "reason": None if card.reason is None else REASONS[card.reason],
        "off": None if headline is None else band(headline.off),
        "control": None if headline is None else band(headline.control),
        "spread": None if headline is None else band(headline.spread),
        "patients": int(significant(card.patients, 2)),  # under a budget their exact number is secret
        "samples": card.parts,
        "rows": _rounded(card.rows, 0),
        "missing_rows": _rounded(card.missing, 0),
        "columns": [_public_column(column) for column in card.columns],
    }


def _public_column(column: ColumnFit) -> dict[str, Any]:
    shares = ("off", "control", "spread", "median", "control_median", "worst", "control_worst")
    return {
        "name": column.name,
        "verdict": column.verdict,
        **{key: band(getattr(column, key)) for key in shares},
        **{key: _rounded(getattr(column, key), 1) for key in ("rank", "control_rank")},
    }


def _rounded(value: float, digits: int) -> float | int | None:
    return None if math.isnan(value) else round(value, digits) if digits else round(value)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _spelt(value) if isinstance(value, float) else value for key, value in row.items()}


def _spelt(value: float) -> float | str | None:
    return None if math.isnan(value) else "inf" if math.isinf(value) else value


def _figures(row: Mapping[str, Any], *, except_for: tuple[str, ...]) -> dict[str, Any]:
    return {key: value if key in except_for else _number(value) for key, value in row.items()}


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)
