"""Which column each code of the events counts in, or why in none; in counts of codes and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from synthehr.codes import categories, classifications
from synthehr.codes.ancestors import Ancestor, nearest_ancestors
from synthehr.codes.crosswalk import icd10cm
from synthehr.codes.lists import CodeList, read_code_list, read_codes
from synthehr.cohort.options import CohortOptions
from synthehr.cohort.rollup import rolled_up
from synthehr.cohort.safe_harbor import judged, told
from synthehr.events.schema import system

UNKNOWN = "unknown"
Tally = dict[str, dict[str, int]]  # what happened -> how many codes and events it happened to


@dataclass(frozen=True)
class Columns:
    """The columns of all codes. name: code of the events -> column, codes that are left out are absent.

    free: the columns in no exclusive group, sorted. dropped, crosswalk, rollup, safe_harbor: see `CohortReport`.
    """

    name: Mapping[str, str]
    free: list[str]
    dropped: Tally
    crosswalk: Tally
    rollup: Tally
    safe_harbor: Tally


def lay_columns(found: Mapping[str, int], options: CohortOptions, events: Path) -> Columns:
    """Columns of the codes in `found` (code -> events with it), as `options` asks.

    Raises:
        BadRequest: a list that is not there, or ancestors that the landing `events` does not have. BadData: a list that
            is none.
    """
    layout = _Layout(options, events)
    name = {code: column for code in sorted(found) if (column := layout.column(code, found[code])) is not None}
    free = sorted({column for column in name.values() if system(column) not in options.exclusive})
    return Columns(name, free, layout.dropped, layout.crosswalk, layout.rollup, layout.safe_harbor)


@dataclass
class _Layout:
    options: CohortOptions
    events: Path
    dropped: Tally = field(default_factory=dict)
    crosswalk: Tally = field(default_factory=dict)
    rollup: Tally = field(default_factory=dict)
    safe_harbor: Tally = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked = self.options
        self._keep: list[CodeList] = [read_code_list(name) for name in asked.keep]
        self._drop: list[CodeList] = [read_code_list(name, topic_allowed=True) for name in asked.drop]
        listed = (
            () if asked.ancestors is None else read_code_list(asked.ancestors) and read_codes(Path(asked.ancestors))
        )
        self._ancestors: Mapping[str, Ancestor] = nearest_ancestors(self.events, listed) if listed else {}
        self.dropped |= {name: {"codes": 0, "events": 0} for name in ["keep"] * bool(asked.keep)}
        self.dropped |= {listed.name: {"codes": 0, "events": 0} for listed in self._drop}

    def column(self, code: str, events: int) -> str | None:
        """The column of one code; what happens to it is added to the tallies."""
        fact = system(code) in self.options.exclusive
        if self._keep and not fact and not any(listed.covers(code) for listed in self._keep):
            _add(self.dropped, "keep", events)
            return None
        walked = code if fact else self._walked(code, events)
        rolled = walked if fact else self._rolled(walked, events)
        for listed in self._drop:
            if any(listed.covers(name) for name in dict.fromkeys((code, walked, rolled))):
                _add(self.dropped, listed.name, events)
                return None
        found = judged(rolled)
        if found.reason is not None:
            _add(self.safe_harbor, found.reason, events)
        if found.column is None and system(rolled) in self.options.exclusive:
            return f"{system(rolled)}/{UNKNOWN}"
        return found.column

    def _walked(self, code: str, events: int) -> str:
        found = icd10cm(code) if self.options.icd9_to_icd10 else None
        if found is None:
            return code
        _add(self.crosswalk, "mapped" if found.target else "without_target", events)
        if found.ambiguous:
            _add(self.crosswalk, "ambiguous", events)
        return found.target or code

    def _rolled(self, code: str, events: int) -> str:
        if self.options.rollup == "none":
            return code
        found = rolled_up(code, self.options.rollup, self._ancestors)
        _add(self.rollup, "rolled_up" if found else "unclassified", events)
        if code in self._ancestors and self._ancestors[code].ambiguous:
            _add(self.rollup, "ambiguous", events)
        return found or code


def _add(tally: Tally, what: str, events: int) -> None:
    counted = tally.setdefault(what, {"codes": 0, "events": 0})
    counted["codes"] += 1
    counted["events"] += events


def descriptions(events: Path, columns: list[str]) -> tuple[dict[str, str], int]:
    """Column -> what the source, or the classification, says of it; and how many texts Safe Harbor emptied."""
    table = pq.read_table(events / "metadata" / "codes.parquet", columns=["code", "description"])
    said = zip(table.column("code").to_pylist(), table.column("description").to_pylist(), strict=True)
    source = {code: text for code, text in said if text}
    words = {**categories.titles(), **classifications.words(), **source}
    found = {column: words[column] for column in columns if column in words}
    emptied = {column for column, text in found.items() if told(text)}
    return {column: text for column, text in found.items() if column not in emptied}, len(emptied)
