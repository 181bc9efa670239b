"""What a stage made, in the lines that a command ends with."""

from pathlib import Path
from typing import Any


def ingest_lines(out: Path, result: dict[str, Any]) -> list[str]:
    """The events and the cohort; rejected rows are pointed at."""
    events, cohort = result["events"], result["cohort"]
    rejected = sum(table["rejected"] for table in events["tables"])
    account = f"; {rejected:,} rows had a part rejected: {out / 'events' / 'rejected' / 'rows.csv'}" if rejected else ""
    return [
        f"events: {out / 'events'} ({events['patients']:,} patients, {events['events']:,} events{account})",
        f"cohort: {out / 'cohort'} ({cohort['patients']:,} patients, {cohort['codes']:,} codes)",
    ]


def bundle_lines(result: dict[str, Any]) -> list[str]:
    """The verdict, and where the bundle and its report lie."""
    overridden = f' (overridden: "{result["override"]}")' if result["override"] else ""
    return [
        f"verdict: {result['verdict']}{overridden}",
        f"bundle: {result['bundle']}",
        f"report: {result['report']}",
    ]
