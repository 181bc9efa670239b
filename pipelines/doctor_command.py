"""`synthehr doctor`: the machine."""

from pathlib import Path

from pipelines.arguments import Json
from pipelines.console import outcome


def doctor(as_json: Json = False) -> None:
    """Versions, device, cores, memory, disk, and the extras that are missing."""
    with outcome(as_json) as held:
        from pipelines.doctor import examine, findings_table

        held.result = examine(Path.cwd())
        held.tables = [findings_table(held.result)]
        held.lines = [*held.result["warnings"]]
