"""What an ingest did with every row: the account that stands beside the events."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synthehr.landing import write_text

REPORT = "ingest_report.json"


@dataclass(frozen=True, kw_only=True)
class TableReport:
    """One table of the source.

    rows: records read, the header not among them. repeated: dropped because another row says the same. rejected: rows
    of which at least one entry was rejected (the rest of the row is kept); reasons: how many rows for each reason.
    """

    name: str
    files: tuple[str, ...]
    rows: int
    repeated: int = 0
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """One ingest, in counts.

    patients: with at least one event. patients_without_events: named in the source, but nothing of them was kept.
    patients_without_codes: with demographics alone. events_repeated: dropped because the same patient, time, code,
    value and visit stood there already. subject_ids: `as in the source`, or `renumbered` where not all are plain
    numbers: those that are not have a hash of their own text. first_day, last_day: ISO dates of the events that have a
    time, or None.
    """

    mapping: str
    patients: int
    patients_without_events: int
    patients_without_codes: int
    events: int
    events_repeated: int
    events_without_time: int
    codes: int
    first_day: str | None
    last_day: str | None
    subject_ids: str = "as in the source"
    tables: tuple[TableReport, ...] = ()

    def write(self, folder: Path) -> None:
        """Write `ingest_report.json` into an open landing."""
        write_text(folder / REPORT, json.dumps(asdict(self), indent=1) + "\n")

    @staticmethod
    def read(folder: Path) -> "IngestReport":
        """Read what `write` wrote."""
        found = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        tables = tuple(TableReport(**t | {"files": tuple(t["files"])}) for t in found.pop("tables"))
        return IngestReport(**found, tables=tables)
