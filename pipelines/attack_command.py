"""`synthehr attack`: the adversary on anybody's tables."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.arguments import Json
from pipelines.completion import policy_names
from pipelines.console import outcome


def attack(
    train: Annotated[Path, typer.Option(help="Real records that the generator was trained on.")],
    holdout: Annotated[Path, typer.Option(help="Real records of patients whom it never saw.")],
    synthetic: Annotated[Path, typer.Option(help="The release: the same columns.")],
    out: Annotated[Path, typer.Option(help="Folder to write; complete or absent.")],
    policy: Annotated[
        str | None,
        typer.Option(help="Policy by name or file that must pass (exit 4 if not).", autocompletion=policy_names),
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(help='TOML file: a table "columns" of NAME = "id", "category" ...'),
    ] = None,
    quasi_identifiers: Annotated[
        str | None, typer.Option(metavar="A,B", help="Columns by which one can look a patient up elsewhere.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="An earlier release, the same columns, to stand beside it.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, data and machine: same figures.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure what anybody's synthetic data tells of the patients behind it: three tables, Parquet or CSV."""
    with outcome(as_json) as held:
        from pipelines.attack import attack as stage
        from pipelines.attack_table import attack_table

        held.result = stage(
            train,
            holdout,
            synthetic,
            out,
            policy=policy,
            columns=columns,
            quasi_identifiers=[name.strip() for name in (quasi_identifiers or "").split(",") if name.strip()],
            previous=previous,
            seed=seed,
            progress=held.progress,
        )
        held.tables = [attack_table(out)]
        held.lines = _attack_lines(held.result)


def _attack_lines(result: dict[str, Any]) -> list[str]:
    asked = "" if result["enforced"] else " (not asked for: nothing is refused without --policy)"
    return [
        *result["notes"],
        f"verdict by {result['policy']}: {result['verdict']}{asked}",
        f"attack: {result['attack']} (risk.md, risk.json, roc.parquet, verdict.json)",
    ]
