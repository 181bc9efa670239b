"""Everything a page shows, gathered once: the report and the datasheet read this and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath

import pandas as pd

from privacy.ledger import Ledger
from privacy.policy import Decision
from privacy.policy_file import Policy
from reports.findings import Findings, findings
from synthehr.errors import BadRequest
from synthehr.evaluation import Evaluation
from synthehr.release.fitness.card import QueryCard
from synthehr.release.register import Release


@dataclass(frozen=True, kw_only=True)
class ReportView:
    """What was made, from what, how well, how safely, and who may have it.

    name: of the synthetic cohort. purpose: what it is released for, in the steward's words. source: the real source's
    name, never its path. generator: name of the generator. evaluation, decision, ledger: what was found and judged.
    n_patients: real patients by split (train, validation, holdout). n_codes: columns of the code matrix. n_synthetic:
    patients in the synthetic cohort. seed: of its generation. hashes: landing name -> manifest hash. versions: package
    -> version. policy: what `decision` judged by, and what the steward declares in it. decided, expires: ISO dates.
    earlier: other releases of the same patients, None where no register was named. history: of the training, columns
    epoch, term, value, None where the run was not named. cards: of researchers' queries that were asked of both.
    counted: attacks that found something, where `decision` does not hold them all.

    Raises:
        BadRequest: a name, purpose or source that is an absolute path, or a split without patients.
    """

    name: str
    purpose: str
    source: str
    generator: str
    evaluation: Evaluation
    policy: Policy
    decision: Decision
    ledger: Ledger
    n_patients: Mapping[str, int]
    n_codes: int
    n_synthetic: int
    seed: int
    hashes: Mapping[str, str]
    versions: Mapping[str, str]
    decided: str
    expires: str
    earlier: tuple[Release, ...] | None = None
    history: pd.DataFrame | None = None
    cards: tuple[QueryCard, ...] = ()
    counted: Findings | None = None

    def __post_init__(self) -> None:
        for field in ("name", "purpose", "source"):
            text = getattr(self, field)
            if PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute():
                raise BadRequest(
                    f"The report needs a {field} in words; a path was given. Paths do not leave the house."
                )
        missing = [split for split in ("train", "validation", "holdout") if self.n_patients.get(split, 0) < 1]
        if missing:
            raise BadRequest(f"The report needs the number of patients of every split; {missing} have none.")

    @property
    def found(self) -> Findings:
        """Attacks that found more than chance explains, of those that were tested."""
        return self.counted or findings(self.decision.risks)

    @property
    def n_compared(self) -> int:
        """Patients of each cohort that fidelity compares: as many as the smallest of them has."""
        fresh = self.n_patients["holdout"] - self.n_patients["holdout"] // 2
        return min(self.n_synthetic, self.n_patients["train"], fresh)

    @property
    def n_test(self) -> int:
        """Real patients behind a real prevalence: the smaller half of the holdout, so that rounding errs to caution."""
        return max(self.n_patients["holdout"] // 2, 1)
