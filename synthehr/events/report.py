"""What an ingest did with every row: the account that stands beside the events."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from synthehr.landing import write_text

REPORT = "ingest_report.json"
LEAST_PATIENTS = 10  # a source's own code of fewer may name one of them
MOST_CODES = 50


@dataclass(frozen=True, kw_only=True)
class TableReport:
    """One table of the source.

    rows: records read, the header not among them. repeated: dropped because another row says the same. left_out: rows
    that the mapping leaves out, by reason. rejected: rows of which at least one entry was rejected (the rest of the row
    is kept); reasons: how many rows for each reason.
    """

    name: str
    files: tuple[str, ...]
    rows: int
    repeated: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Unmapped:
    """Codes of one table that are the source's own, for want of a standard one.

    events: of the table, facts of a person not among them; unmapped: those with such a code. codes: the commonest of
    them, with their events, of those that at least `LEAST_PATIENTS` patients have; rarer: how many others there are.
    """

    name: str
    events: int
    unmapped: int
    codes: Mapping[str, int] = field(default_factory=dict)
    rarer: int = 0


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """One ingest, in counts.

    patients: with at least one event. patients_without_events: named in the source, but nothing of them was kept.
    patients_without_codes: with demographics alone. events_repeated: dropped because the same patient, time, code,
    value and visit stood there already. subject_ids: `as in the source`, or `renumbered` where not all are plain
    numbers: those that are not have a hash of their own text. first_day, last_day: ISO dates of the events that have a
    time, or None. unmapped: for each table whose rows may lack a standard code.
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
    unmapped: tuple[Unmapped, ...] = ()

    def write(self, folder: Path) -> None:
        """Write `ingest_report.json` into an open landing."""
        write_text(folder / REPORT, json.dumps(asdict(self), indent=1) + "\n")

    @staticmethod
    def read(folder: Path) -> "IngestReport":
        """Read what `write` wrote."""
        found = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        tables = tuple(TableReport(**t | {"files": tuple(t["files"])}) for t in found.pop("tables"))
        unmapped = tuple(Unmapped(**kind) for kind in found.pop("unmapped"))
        return IngestReport(**found, tables=tables, unmapped=unmapped)
