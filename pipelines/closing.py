"""What a stage made, in the lines and tables that a command ends with."""

from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table


def ingest_lines(out: Path, result: dict[str, Any]) -> list[str]:
    """The events and the cohort; rejected rows are pointed at, and what has no standard code is told."""
    events, cohort = result["events"], result["cohort"]
    rejected = sum(table["rejected"] for table in events["tables"])
    account = f"; {rejected:,} rows had a part rejected: {out / 'events' / 'rejected' / 'rows.csv'}" if rejected else ""
    days = f", {events['first_day']} to {events['last_day']}" if events["first_day"] else ", without dates"
    return [
        f"events: {out / 'events'} ({events['patients']:,} patients, {events['events']:,} events{days}{account})",
        *_silent(events),
        *(_unmapped(kind) for kind in events["unmapped"] if kind["unmapped"]),
        f"cohort: {out / 'cohort'} ({cohort['patients']:,} patients, {cohort['codes']:,} codes)",
    ]


def _silent(events: dict[str, Any]) -> list[str]:
    nothing, facts = events["patients_without_events"], events["patients_without_codes"]
    told = [f"  {nothing:,} patients are named and have no event"] if nothing else []
    return told + ([f"  {facts:,} patients have demographics alone"] if facts else [])


def _unmapped(kind: dict[str, Any]) -> str:
    share = kind["unmapped"] / max(kind["events"], 1)
    return f"  {kind['name']}: {kind['unmapped']:,} of {kind['events']:,} events ({share:.1%}) have no standard code"


def ingest_tables(result: dict[str, Any]) -> list[Table]:
    """The account of every table of the source, by reason."""
    account = Table("table", "rows", "set aside", "rows of it", box=SIMPLE)
    for table in result["events"]["tables"]:
        reasons = {"repeats another row": table["repeated"], **table["left_out"], **table["reasons"]}
        told = [(reason, n) for reason, n in reasons.items() if n] or [("", 0)]
        for k, (reason, n) in enumerate(told):
            first = (table["name"], f"{table['rows']:,}") if k == 0 else ("", "")
            account.add_row(*first, reason, f"{n:,}" if n else "")
    return [account]


def bundle_lines(result: dict[str, Any]) -> list[str]:
    """The verdict and until when it holds, and where the bundle, its report and its half for researchers lie."""
    overridden = f' (overridden: "{result["override"]}")' if result["override"] else ""
    return [
        f"verdict: {result['verdict']}{overridden}, until {result['expires']}",
        f"bundle: {result['bundle']}",
        f"report for the officer: {result['report']}",
        f"for researchers: {result['public']}",
    ]
