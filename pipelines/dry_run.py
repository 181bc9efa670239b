"""What a command would read, make and skip, said before it does; nothing is written and nobody is trained.

The same questions are asked as by the stages themselves: what a landing says of itself against what is asked for
(`asked`, `is_current`), so that what is told here is what happens, if nothing changes in between.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.box import SIMPLE
from rich.table import Column, Table

from pipelines.console import Outcome
from pipelines.train import ASKED, CHECKPOINTS
from synthehr.errors import IncompleteLanding
from synthehr.landing import altered, check_replaceable, is_current, partial_path, read_manifest, versions

Action = Literal["skip", "make", "make again", "go on", "perhaps", "refuse"]
Request = Mapping[str, Any]  # kind, config and made_from of a manifest
NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True, kw_only=True)
class Step:
    """What would become of one landing. why: a sentence; reads: what it is made from, as it was named."""

    landing: Path
    kind: str
    action: Action
    why: str
    reads: tuple[str, ...]

    @property
    def pending(self) -> bool:
        """Whether what stands there may not be what will."""
        return self.action != "skip"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The steps of a command, in order; notes: sentences; found: further keys of the JSON; tables: for a terminal."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    found: Mapping[str, Any] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()


def show(held: Outcome, preview: Preview) -> None:
    """Hand a preview to the command that was asked for it."""
    steps = [asdict(step) | {"landing": str(step.landing), "reads": list(step.reads)} for step in preview.steps]
    held.result = {"dry_run": True, "steps": steps, "notes": list(preview.notes), **preview.found}
    table = Table(Column("landing", overflow="fold"), "what", Column("from", overflow="fold"), "why", box=SIMPLE)
    for step in preview.steps:
        table.add_row(str(step.landing), step.action, ", ".join(step.reads), step.why)
    held.tables = [*preview.tables, table]
    held.lines = [*preview.notes, NOTHING_WRITTEN]


def anew(path: Path, request: Request, reads: Sequence[Path | str], *, same: str = "to the same bytes") -> Step:
    """A landing that its command makes whatever stands there. same: what comes of the same request.

    Raises:
        BadRequest: something else stands there, which the command would leave as it is.
    """
    check_replaceable(path, request["kind"])
    if not (path / "manifest.json").is_file():
        return _step(path, request["kind"], *_begun(path, request), reads)
    difference = differs(path, request)
    why = f"the same request is complete there: made again, {same}" if difference is None else difference
    return _step(path, request["kind"], "make again", why, reads)


def unless_current(
    path: Path, kind: str, request: Callable[[], Request], reads: Sequence[Path | str], before: Sequence[Step] = ()
) -> Step:
    """A landing that is skipped where it is complete and unchanged. before: the steps that it is made from.

    Where one of those is not skipped, what stands here can be current all the same: the same bytes may come of it.

    Raises:
        BadRequest: as `anew`.
    """
    check_replaceable(path, kind)
    pending = [step.landing.name for step in before if step.pending]
    try:
        asked = request()
    except IncompleteLanding:  # made from what is not there yet
        asked = None
    if not (path / "manifest.json").is_file():
        return _step(path, kind, *(("make", "not there") if asked is None else _begun(path, asked)), reads)
    difference = None if asked is None else differs(path, asked)
    if difference is not None:
        return _step(path, kind, "make again", difference, reads)
    if pending:
        why = f"skipped if the bytes of {' and '.join(pending)} are again those that it was made from, else made again"
        return _step(path, kind, "perhaps", why, reads)
    return _step(path, kind, "skip", "complete and unchanged", reads)


def told(
    path: Path, kind: str, reads: Sequence[Path | str], *, again: str = "made anew, whatever stands there"
) -> Step:
    """A landing that is made, of which no more can be said beforehand.

    Raises:
        BadRequest: something else stands there.
    """
    check_replaceable(path, kind)
    if (path / "manifest.json").is_file():
        return _step(path, kind, "make again", again, reads)
    return _step(path, kind, "make", "not there", reads)


def differs(path: Path, request: Request) -> str | None:
    """In what the landing at `path` is not what is asked for; None where it is, complete and unaltered."""
    if is_current(path, **request):
        return None
    manifest = read_manifest(path, request["kind"])
    asked, there = (_flat(json.loads(json.dumps(config))) for config in (request["config"], manifest.config))
    said = [f"{key}: {there.get(key)} there, {asked.get(key)} asked for" for key in _unlike(asked, there)]
    said += [f"made from another {name}" for name in _unlike(request["made_from"], manifest.made_from)]
    here = versions()
    said += [
        f"made by {name} {manifest.versions.get(name)}, here is {here.get(name)}"
        for name in _unlike(here, manifest.versions)
    ]
    if not said:
        said = [f"{', '.join(altered(path)[:3])} changed since it was written"]
    return "; ".join(said)


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def _flat(config: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in config.items():
        found |= _flat(value, f"{at}{key}.") if isinstance(value, dict) else {at + key: value}
    return found


def _begun(path: Path, request: Request) -> tuple[Action, str]:
    """Whether an interruption left something of this very request to go on from; see `pipelines.train`."""
    left = partial_path(path)
    asked = left / ASKED
    if asked.is_file() and (left / CHECKPOINTS).is_dir():
        if asked.read_text(encoding="utf-8") == json.dumps({**request, "versions": versions()}, sort_keys=True):
            return "go on", "interrupted: goes on from its last checkpoint"
        return "make", "what was interrupted here was another request or version"
    if (left / ".work").is_dir():
        return "go on", "interrupted: tasks that were done stand, if they were of this extract"
    return "make", "not there"


def _step(path: Path, kind: str, action: Action, why: str, reads: Sequence[Path | str]) -> Step:
    return Step(landing=path, kind=kind, action=action, why=why, reads=tuple(str(name) for name in reads))
