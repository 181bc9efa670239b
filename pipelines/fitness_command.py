"""`synthehr fitness`: researchers' queries on real and on synthetic patients."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from pipelines.arguments import Folder, Json, Out, Seed
from pipelines.console import outcome

if TYPE_CHECKING:  # DuckDB and numpy come with it, and `--help` must not wait for them
    from synthehr.release.fitness.card import QueryCard


def fitness(
    cohort: Folder,
    synthetic: Folder,
    queries: Annotated[
        Path, typer.Option(exists=True, help="A .sql file, or a folder of them: one SELECT each. Read them before.")
    ],
    out: Out,
    seed: Seed = 0,
    seconds: Annotated[
        float, typer.Option(min=0.1, help="After which a query is stopped, on each of ten samples.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Ask researchers' queries of real and synthetic patients; say how far off each is (release --fitness OUT)."""
    with outcome(as_json) as held:
        from pipelines.fitness import fitness as stage
        from synthehr.release.fitness.card import read_fitness

        held.result = stage(cohort, synthetic, queries, out, seed=seed, seconds=seconds, progress=held.progress)
        held.tables = [_table(read_fitness(out))]
        held.lines = [f"fitness: {out} (cards.json stays in the house, public.json goes with the bundle)"]


def _table(cards: "Iterable[QueryCard]") -> Table:
    from reports.numbers import percent
    from synthehr.release.fitness.sandbox import REASONS

    table = Table("query", "verdict", "off", "real patients differ by", box=SIMPLE)
    for card in cards:
        found = card.headline
        figures = ("", "") if found is None else (percent(found.off, 2), percent(found.control, 2))
        verdict = card.verdict if card.reason is None else f"{card.verdict}: {REASONS[card.reason]}"
        table.add_row(escape(card.title), verdict, *figures)
    return table
