"""Which table of the source each column of a cohort goes back to."""

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow.parquet as pq

from synthehr.events.concepts import SOURCE_TABLES
from synthehr.events.schema import EXCLUSIVE, system

DIED = "OUTCOME/died"


def source_tables(events: Path) -> dict[str, str]:
    """Code -> its table, as the ingest saw it; empty where the landing does not say."""
    path = events / "metadata" / SOURCE_TABLES
    if not path.is_file():
        return {}
    found = pq.read_table(path).to_pydict()
    return dict(zip(found["code"], found["source_table"], strict=True))


def tables_of(
    codes: Collection[str],
    known: Mapping[str, str],
    *,
    allowed: Collection[str],
    otherwise: Mapping[str, str],
    last: str,
) -> dict[str, str]:
    """Code -> table, for all that are neither the death nor a person's sex, age or race.

    A code stands where it stood in the source (`known`), else where `otherwise` says. A roll-up or crosswalk made the
    others: they stand where most codes of their system do, else in `last`. allowed: tables that may be named.
    """
    seen: dict[str, Counter[str]] = {}
    for code, table in known.items():
        if table in allowed:
            seen.setdefault(system(code), Counter())[table] += 1
    by_system = {name: min(tables, key=lambda table: (-tables[table], table)) for name, tables in seen.items()}
    found = {}
    for code in codes:
        if code == DIED or system(code) in EXCLUSIVE:
            continue
        named = known.get(code) or otherwise.get(code) or ""
        found[code] = named if named in allowed else by_system.get(system(code), last)
    return found
