"""What became of the events on their way into a cohort, in counts."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from synthehr.landing import write_text

REPORT = "cohort_report.json"
Tallies = Mapping[str, Mapping[str, int]]  # what happened -> {"codes": n, "events": n}


@dataclass(frozen=True, kw_only=True)
class CohortReport:
    """One cohort, in counts.

    rows, codes: rows and columns of the matrix; patients: of whom the rows are. patients_without_codes: rows with
    members of exclusive groups alone. codes_dropped: columns too rare for `min_patients`, or on no public list. nnz:
    codes set over all rows. splits: rows of each. unknown: rows of each group whose member is `unknown`, since no event
    says. differing: rows of each group whose events differ (age may, sex should not); the earliest that says anything
    was taken.

    dropped: codes that a list left out, by the list's name; `keep` for those that no list to keep has. crosswalk: codes
    of ICD-9-CM that were mapped (`ambiguous`: of which several targets were possible), or are without_target and stay.
    rollup: codes that were rolled_up (`ambiguous`: to one of several ancestors as near), or are unclassified and stay.
    safe_harbor: codes refused, by reason; under `age over 89` those that were widened. descriptions_emptied: by Safe
    Harbor. events_outside_window: of the codes that remained. events_without_visit: those that no row has, where a row
    is an encounter.
    """

    patients: int
    rows: int
    codes: int
    patients_without_codes: int
    codes_dropped: int
    nnz: int
    splits: Mapping[str, int]
    unknown: Mapping[str, int]
    differing: Mapping[str, int]
    dropped: Tallies
    crosswalk: Tallies
    rollup: Tallies
    safe_harbor: Tallies
    descriptions_emptied: int
    events_outside_window: int
    events_without_visit: int

    def write(self, folder: Path) -> None:
        """Write `cohort_report.json` into an open cohort landing."""
        write_text(folder / REPORT, json.dumps(asdict(self), indent=1) + "\n")

    @staticmethod
    def read(folder: Path) -> "CohortReport":
        """Read `cohort_report.json` of a cohort landing."""
        return CohortReport(**json.loads((folder / REPORT).read_text(encoding="utf-8")))
