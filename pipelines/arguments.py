"""Arguments that several commands share: said once, so that they read alike and complete alike."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.completion import format_names, policy_names, recipe_names

FROM_LANDINGS = "Complete landings stand, training has its last checkpoint."

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, nothing else.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be read, made and skipped; write nothing, train nothing.")
]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, data and machine: same bytes.")]
Out = Annotated[Path, typer.Option(help="Folder to write; complete or absent.")]
Folder = Annotated[Path, typer.Option()]
Override = Annotated[str | None, typer.Option(help="Release although the gate refuses; the bundle records the reason.")]
ModelOptions = Annotated[list[str] | None, typer.Option(help="Any other option of the model, as NAME=VALUE.")]
RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE", help="A recipe file, or the name of one that comes along.", autocompletion=recipe_names
    ),
]
Format = Annotated[
    str | None,
    typer.Option(help="Mapping by name or file; recognised if absent.", autocompletion=format_names),
]
Policy = Annotated[str, typer.Option(help="Policy by name or file.", autocompletion=policy_names)]
