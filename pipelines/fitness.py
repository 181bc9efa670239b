"""Fitness: researchers' own queries, asked of real and of synthetic patients; a card says how far off each is."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.alignment import aligned
from pipelines.evaluate import check_lineage, read_release
from synthehr.cohort.cohort import read_cohort
from synthehr.landing import file_hash, land, source_hash
from synthehr.progress import Progress, silent
from synthehr.release.fitness.card import QueryCard, write_fitness
from synthehr.release.fitness.measure import PARTS, measure
from synthehr.release.fitness.query import Query, read_queries

SECONDS = 60.0  # of one query on one sample


def asked(cohort: Path, synthetic: Path, queries: Path, *, seed: int = 0, seconds: float = SECONDS) -> dict[str, Any]:
    """What a fitness landing of this request says of itself: kind, config and made_from of its manifest.

    Raises:
        BadRequest: no query or too many. BadData: see `read_queries`.
    """
    names = [query.name for query in read_queries(queries)]
    files = {name: queries / f"{name}.sql" if queries.is_dir() else queries for name in names}
    landings = {"cohort": source_hash(cohort), "synthetic": source_hash(synthetic)}
    return {
        "kind": "fitness",
        "config": {"seed": seed, "seconds": seconds, "parts": PARTS},
        "made_from": landings | {f"query {name}": file_hash(file) for name, file in files.items()},
    }


def fitness(
    cohort: Path,
    synthetic: Path,
    queries: Path,
    out: Path,
    *,
    seed: int = 0,
    seconds: float = SECONDS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Ask the queries of both cohorts and write the `fitness` landing at `out`.

    It holds cards.json (all figures, for the steward), public.json (rounded, for the bundle) and the queries' texts.
    queries: a `.sql` file, or a folder of them. Read each before it runs: `public_cards` says what one could tell.

    Raises:
        IncompleteLanding: a landing is absent or altered, or the synthetic cohort comes from another cohort.
        BadRequest: no query or too many, too few patients, or a cohort drawn under a condition. BadData: see
        `read_queries`.
    """
    check_lineage(cohort, synthetic, None)
    read = read_queries(queries)
    request = asked(cohort, synthetic, queries, seed=seed, seconds=seconds)
    with land(out, **request) as folder:
        cards = _cards(cohort, synthetic, read, seed=seed, seconds=seconds, scratch=folder, progress=progress)
        write_fitness(folder, cards)
    return {"fitness": str(out), "queries": len(cards), "verdicts": dict(Counter(card.verdict for card in cards))}


def measure_fitness(
    cohort: Path,
    synthetic: Path,
    queries: Sequence[Path],
    *,
    seed: int = 0,
    seconds: float = SECONDS,
    scratch: Path | None = None,
    progress: Progress = silent,
) -> tuple[QueryCard, ...]:
    """One card a file of `queries`, in their order; see `synthehr.release.fitness.measure.measure`.

    scratch: an existing folder for the databases of real patients while it works; the system's own unless given.

    Raises:
        As `fitness` does.
    """
    check_lineage(cohort, synthetic, None)
    read = read_queries(queries)
    place = Path(tempfile.gettempdir()) if scratch is None else scratch
    return _cards(cohort, synthetic, read, seed=seed, seconds=seconds, scratch=place, progress=progress)


def _cards(
    cohort: Path,
    synthetic: Path,
    queries: Sequence[Query],
    *,
    seed: int,
    seconds: float,
    scratch: Path,
    progress: Progress,
) -> tuple[QueryCard, ...]:
    people, (release,) = aligned(read_cohort(cohort), (synthetic, read_release(synthetic)))
    return measure(
        people.matrix,
        people.subjects,
        release,
        queries,
        seed=seed,
        seconds=seconds,
        scratch=scratch,
        progress=progress,
    )
