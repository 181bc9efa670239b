"""`synthehr ingest`: an extract to events and a cohort."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.arguments import DryRun, Format, Json
from pipelines.closing import ingest_lines, ingest_tables
from pipelines.console import outcome
from pipelines.executors import Kind
from synthehr.errors import BadRequest
from synthehr.executor import Unfinished


def ingest(
    extract: Annotated[str, typer.Argument(metavar="PATH", help="The extract: files, a database, or its address.")],
    out: Annotated[Path | None, typer.Option(help="Folder for events and cohort.")] = None,
    format: Format = None,
    recipe: Annotated[Path | None, typer.Option(help="Take what a recipe says of ingest and cohort.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Print the SQL and do nothing.")] = False,
    executor: Annotated[Kind, typer.Option(help="pool (processes here) or ray; the bytes are the same.")] = "pool",
    processes: Annotated[int | None, typer.Option(min=1, help="Of the pool, or of a Ray started here.")] = None,
    ray_address: Annotated[str | None, typer.Option(help="Of a Ray cluster that sees the same paths.")] = None,
    shard: Annotated[str | None, typer.Option(metavar="I/N", help="Do the I-th of N shares, for job arrays.")] = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Turn an extract into MEDS events (DIR/events) and a code matrix (DIR/cohort).

    PATH is a folder, a zip, a file, a DuckDB database, or the address of a server: postgresql://... or mssql://...
    Interrupted, the same command goes on from the tasks that were done.
    """
    with outcome(as_json, resumes="What was read stays.") as held:
        from pipelines.executors import Execution, parse_shard
        from pipelines.ingest import explain as explain_sql
        from pipelines.ingest import ingest as stage
        from pipelines.recipe import Recipe, load_recipe
        from pipelines.sections import Ingest

        asked = load_recipe(recipe) if recipe else Recipe(name="ingest")
        if format is not None:
            asked = asked.model_copy(update={"ingest": Ingest(format=format)})
        if explain:
            held.result = {"sql": explain_sql(extract, asked.ingest)}
            held.lines = [held.result["sql"]]
            return
        if out is None:
            raise BadRequest("ingest needs --out DIR, or --explain to print the SQL alone.")
        if dry_run:
            from pipelines.dry_run import show
            from pipelines.previews import preview_ingest

            show(held, preview_ingest(extract, out, asked))
            return
        part = parse_shard(shard) if shard else None
        how = Execution(kind=executor, processes=processes, address=ray_address, shard=part)
        try:
            held.result = stage(extract, out, asked, execution=how, progress=held.progress)
        except Unfinished as left:  # no failure: other jobs have their share to do
            held.result, held.lines = {"unfinished": str(left)}, [str(left)]
            return
        held.tables = ingest_tables(held.result)
        held.lines = ingest_lines(out, held.result)
