"""What all tasks of an ingest say together: of each table, of its codes, and of the rows that were set aside."""

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pyarrow.parquet as pq

from synthehr.events.mapping import Mapping
from synthehr.events.partition import Partitioned, plain_part
from synthehr.events.rejects import Reject, StagedFile, account, refuse_too_many, table_rejects
from synthehr.events.report import LEAST_PATIENTS, MOST_CODES, TableReport, Unmapped
from synthehr.events.schema import EXCLUSIVE
from synthehr.events.sources.recognise import Files, Resolved
from synthehr.events.sql.compile import made_events

Row = dict[str, object]
FACTS = (*EXCLUSIVE, "OUTCOME")


@dataclass(frozen=True, kw_only=True)
class Account:
    """tables: the account of each; rejects: all entries that were set aside; codes: of the events, with their words."""

    tables: tuple[TableReport, ...]
    rejects: tuple[Reject, ...]
    codes: Dict[str, str | None]
    unmapped: tuple[Unmapped, ...]


def account_of(mapping: Mapping, files: Files, read: Dict[str, Sequence[Partitioned]], work: Path) -> Account:
    """Add up what the tasks under `work` wrote.

    Raises:
        BadData: more rows of a table were rejected than the mapping allows, or a required table has none.
    """
    folders = [work / "settled", *sorted((work / "made").iterdir())]
    rejected = _by_table(folders, "rejected")
    left_out, repeated = _by_table(folders, "left_out"), _by_table(folders, "repeated")
    tables, rejects = [], []
    for name, parts in files.items():
        staged = [_staged(mapping, name, *both, work) for both in zip(parts, read[name], strict=True)]
        entries = sorted({(r["row_"], r["column_"], r["reason_"]) for r in rejected.get(name, ())})
        found = table_rejects(entries, staged)  # type: ignore[arg-type]
        report = account(
            name,
            staged,
            found,
            repeated=sum(int(str(row["rows_"])) for row in repeated.get(name, ())),
            left_out=_added(left_out.get(name, ())),
        )
        refuse_too_many(mapping, report, found)
        tables.append(report)
        rejects += found
    return Account(
        tables=tuple(tables),
        rejects=tuple(rejects),
        codes=_codes(folders[1:]),
        unmapped=_unmapped(mapping, list(files), folders[1:]),
    )


def _staged(mapping: Mapping, table: str, part: Resolved, read: Partitioned, work: Path) -> StagedFile:
    unpacked = cache(partial(_unpacked, mapping, table, part, work))
    return StagedFile(part.file, unpacked, part.layout, read.records, read.bad)


def _unpacked(mapping: Mapping, table: str, part: Resolved, work: Path) -> Path:
    return plain_part(mapping.tables[table], part, work / "unpacked")[0]


def _rows(folder: Path, name: str) -> list[Row]:
    path = folder / f"{name}.parquet"
    return pq.read_table(path).to_pylist() if path.is_file() else []


def _by_table(folders: Sequence[Path], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for folder in folders:
        for row in _rows(folder, name):
            found.setdefault(str(row["table_"]), []).append(row)
    return found


def _added(rows: Sequence[Row]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        reason = str(row["reason_"])
        total[reason] = total.get(reason, 0) + int(str(row["rows_"]))
    return dict(sorted(total.items()))


def _codes(folders: Sequence[Path]) -> dict[str, str | None]:
    """Each code of the events, with the first by alphabet of what the source calls it."""
    found: dict[str, str | None] = {}
    for folder in folders:
        for row in _rows(folder, "codes"):
            code, text = str(row["code"]), row["description"]
            known = found.get(code)
            found[code] = min(filter(None, (known, str(text) if text else None)), default=None)
    return found


def _unmapped(mapping: Mapping, present: Sequence[str], folders: Sequence[Path]) -> tuple[Unmapped, ...]:
    """For each table of which some codes may be the source's own: how many events are, of all that are no facts."""
    events = made_events(mapping, present)
    total = {event.table: [0, 0] for event in events if event.unmapped}
    codes: dict[tuple[str, str], list[int]] = {}
    for row in (row for folder in folders for row in _rows(folder, "mapped")):
        event, n = events[int(str(row["event_"]))], int(str(row["events"]))
        if event.table not in total or event.code.split("/", 1)[0] in FACTS:
            continue
        total[event.table][0] += n
        if row["unmapped_"]:
            total[event.table][1] += n
            seen = codes.setdefault((event.table, str(row["code"])), [0, 0])
            seen[0] += n
            seen[1] += int(str(row["patients"]))
    return tuple(
        _kind(name, counts, {code: seen for (kind, code), seen in codes.items() if kind == name})
        for name, counts in total.items()
    )


def _kind(name: str, counts: Sequence[int], codes: Dict[str, Sequence[int]]) -> Unmapped:
    events, unmapped = counts
    common = {code: n for code, (n, patients) in codes.items() if patients >= LEAST_PATIENTS}
    named = dict(sorted(common.items(), key=lambda item: (-item[1], item[0]))[:MOST_CODES])
    return Unmapped(name=name, events=events, unmapped=unmapped, codes=named, rarer=len(codes) - len(named))
