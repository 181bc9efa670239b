"""Queries on disjoint samples of real and of synthetic patients, each in a database of the bundle's own schema.

The real patients are dealt into `PARTS` samples, and as many synthetic ones into as many of the same size: counts need
no scaling, and every pair of samples differs by what sampling does, real from real as real from synthetic. Samples are
of all real patients, trained on or not: a query's answer hardly depends on one patient, and whether patients were
copied is for the risk report to say. That nobody is in two samples is what makes the median safe to show; see
`synthehr.release.fitness.card.public_cards`.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.errors import BadRequest
from synthehr.progress import Progress, silent
from synthehr.release.disclosure import SMALL_CELL
from synthehr.release.fitness.card import ColumnFit, QueryCard
from synthehr.release.fitness.difference import Difference, difference
from synthehr.release.fitness.query import Query
from synthehr.release.fitness.samples import deal, write_samples
from synthehr.release.fitness.sandbox import Answer, Unanswered, ask
from synthehr.release.fitness.verdict import NOT_RUN, judged, worst

PARTS = 5
MOST_FAILED = PARTS // 2  # samples that may fail: no single patient decides whether a query runs
REAL, SYNTHETIC = 1, 2  # purposes of the seed


def measure(
    real: CodeMatrix,
    subjects: NDArray[np.int64],
    synthetic: CodeMatrix,
    queries: Sequence[Query],
    *,
    seed: int,
    seconds: float = 60.0,
    scratch: Path,
    progress: Progress = silent,
) -> tuple[QueryCard, ...]:
    """One card a query, in their order.

    real, synthetic: over the same vocabulary, each row with one member of every exclusive group. subjects: (n_rows,)
    int64, of whom each real row is: a patient, or one of his encounters. seconds: of one query on one sample. scratch:
    an existing folder; the databases stand there in a folder that only this user can read, and are gone afterwards,
    whatever happens. Patients have fresh negative numbers in them, in scrambled order.

    Raises:
        BadRequest: too few patients for samples of `SMALL_CELL`, or vocabularies that differ.
    """
    if real.vocabulary != synthetic.vocabulary:
        raise BadRequest("Real and synthetic patients must be over one vocabulary to be asked the same.")
    ours = deal(subjects, PARTS, np.random.default_rng([seed, REAL]))
    theirs = deal(synthetic.ids, PARTS, np.random.default_rng([seed, SYNTHETIC]))
    n = min(len(part) for part in (*ours, *theirs))
    if n < SMALL_CELL:
        raise BadRequest(
            f"Queries are compared on {PARTS} samples of at least {SMALL_CELL} real and as many synthetic patients; "
            f"there are {len(real):,} and {len(synthetic):,}. Generate more, or release without cards."
        )
    # where rows are encounters, so many of them cannot be those of fewer than 11 patients
    smallest = SMALL_CELL * int(np.unique(subjects, return_counts=True)[1].max())
    with tempfile.TemporaryDirectory(prefix=".fitness-", dir=scratch) as name:
        folder = Path(name)
        samples = ([matrix.rows(part[:n]) for part in parts] for matrix, parts in ((real, ours), (synthetic, theirs)))
        sides = write_samples(folder, *samples)
        cards = []
        for number, query in enumerate(queries):
            progress("fitness", number, len(queries), "query", query.name)
            asked = [_ask_all(side, query, patients=n, seconds=seconds, scratch=folder) for side in sides]
            cards.append(_card(query, asked[0], asked[1], patients=n, smallest=smallest))
        progress("fitness", len(queries), len(queries), "query")
    return tuple(cards)


def _ask_all(
    databases: Sequence[Path], query: Query, *, patients: int, seconds: float, scratch: Path
) -> list[Answer | str]:
    """The answer on each sample, or the reason why there is none."""
    found: list[Answer | str] = []
    for database in databases:
        try:
            found.append(ask(database, query.sql, patients=patients, seconds=seconds, scratch=scratch))
        except Unanswered as error:
            found.append(error.reason)
            # a limit of time would be waited for on every sample
            if error.reason == "time" and found.count("time") > MOST_FAILED:
                break
    return found


def _card(
    query: Query, real: list[Answer | str], synthetic: list[Answer | str], *, patients: int, smallest: int
) -> QueryCard:
    columns = _commonest([answer.columns for answer in (*real, *synthetic) if isinstance(answer, Answer)])
    sides = [[_of(answer, columns) for answer in side] for side in (real, synthetic)]
    reasons = [_failed(side) for side in sides]
    card = QueryCard(
        name=query.name,
        title=query.title,
        sql=query.sql,
        verdict=NOT_RUN,
        reason=reasons[0] or reasons[1],
        patients=patients,
        parts=PARTS,
        rows=np.nan,
        missing=np.nan,
        columns=(),
    )
    if card.reason:
        return card
    ours, theirs = ([answer for answer in side if isinstance(answer, Answer)] for side in sides)
    found = [difference(a, b, smallest=smallest) for a, b in product(ours, theirs)]
    control, spread = (
        [difference(a, b, smallest=smallest) for a, b in permutations(side, 2)] for side in (ours, theirs)
    )
    rows = _median([float(pair.rows) for pair in found])
    fits = tuple(_column(name, j, found, control, spread) for j, name in enumerate(columns or ()))
    missing = _median([float(pair.missing) for pair in found])
    return replace(card, verdict=worst(fit.verdict for fit in fits), rows=rows, missing=missing, columns=fits)


def _commonest(columns: list[tuple[str, ...]]) -> tuple[str, ...] | None:
    return Counter(columns).most_common(1)[0][0] if columns else None


def _of(answer: Answer | str, columns: tuple[str, ...] | None) -> Answer | str:
    return "columns" if isinstance(answer, Answer) and answer.columns != columns else answer


def _failed(side: list[Answer | str]) -> str | None:
    """The commonest reason where more samples failed than may."""
    reasons = Counter(answer for answer in side if isinstance(answer, str))
    return reasons.most_common(1)[0][0] if reasons.total() > MOST_FAILED else None


def _column(
    name: str, j: int, found: list[Difference], control: list[Difference], spread: list[Difference]
) -> ColumnFit:
    def middle(pairs: list[Difference], figure: str) -> float:
        return _median([float(getattr(pair, figure)[j]) for pair in pairs])

    judging = {
        "off": middle(found, "off"),
        "control": middle(control, "off"),
        "spread": middle(spread, "off"),
        "rank": middle(found, "rank"),
        "control_rank": middle(control, "rank"),
    }
    return ColumnFit(
        name=name,
        verdict=judged(**judging),
        **judging,
        median=middle(found, "median"),
        control_median=middle(control, "median"),
        worst=middle(found, "worst"),
        control_worst=middle(control, "worst"),
    )


def _median(values: list[float]) -> float:
    """The median of those that are there; nan where fewer than half are. Of an even number the lower of the two."""
    there = sorted(value for value in values if not np.isnan(value))
    return there[(len(there) - 1) // 2] if 2 * len(there) >= len(values) else np.nan
