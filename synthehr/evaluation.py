"""What an evaluation found, as it lands on disk: scores, risks, and the aggregate tables behind the figures.

Nothing here is per patient. The tables are per code, pair of codes, subgroup, and point of a curve or histogram.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

from privacy.audit.claim import ClaimAudit
from privacy.risk import Risk
from synthehr.fidelity.score import Score
from synthehr.landing import read_manifest, write_text

CODE_COLUMNS = [
    "code",
    "description",
    *(f"prevalence_{who}" for who in ("real", "synthetic", "floor", "ceiling")),
    *(f"auroc_{who}" for who in ("real", "synthetic", "floor", "ceiling")),
    *(f"f1_{who}" for who in ("real", "synthetic", "floor", "ceiling")),
]
ROC_COLUMNS = ["attack", "place", "fpr", "tpr"]
COMPARATOR_COLUMNS = ["generator", "name", "stratum", "value"]
LENGTH_COLUMNS = ["n_codes", *(f"share_{who}" for who in ("real", "synthetic", "floor", "ceiling"))]
CORRELATION_COLUMNS = ["code_a", "code_b", "real", "synthetic", "n_both", "n_a", "n_b"]
EFFECT_COLUMNS = [
    "exposure",
    "outcome",
    *("log_or_real", "low_real", "high_real", "log_or_synthetic", "log_or_ceiling", "covered"),
    *("n_both", "n_exposure", "n_outcome"),
]
SUBGROUP_COLUMNS = ["group", "member", "n_real", "rmse_synthetic", "low", "high", "rmse_floor", "rmse_ceiling"]

_TABLES: Mapping[str, Sequence[str]] = {
    "codes": CODE_COLUMNS,
    "roc": ROC_COLUMNS,
    "comparators": COMPARATOR_COLUMNS,
    "codes_per_patient": LENGTH_COLUMNS,
    "correlations": CORRELATION_COLUMNS,
    "effects": EFFECT_COLUMNS,
    "subgroups": SUBGROUP_COLUMNS,
}


def _none(columns: Sequence[str]) -> Callable[[], pd.DataFrame]:
    return lambda: pd.DataFrame(columns=list(columns))


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Fidelity and risk of one synthetic cohort.

    scores: see `Score`. risks: see `Risk`, not yet judged. codes: one row a code, `CODE_COLUMNS`; "real" is the test
    half of the holdout for prevalence, and a model fitted on training patients for auroc and f1; nan where a code was
    too rare to predict. roc: `ROC_COLUMNS`, place is synthetic, control (fresh real patients) or ceiling (a copy of the
    training data). comparators: `COMPARATOR_COLUMNS`, the same scores for the simple generators and the holdout.
    codes_per_patient: `LENGTH_COLUMNS`, the share of patients by number of distinct codes. correlations:
    `CORRELATION_COLUMNS`, phi of each pair of the commonest codes. effects: `EFFECT_COLUMNS`, log odds ratios of the
    compared pairs. subgroups: `SUBGROUP_COLUMNS`, the error of the prevalences within each member of an exclusive
    group. A column n_... counts real test patients. The four are empty where they were not measured. audit: of the
    privacy claim, where there is one and it was audited.
    """

    scores: tuple[Score, ...]
    risks: tuple[Risk, ...]
    codes: pd.DataFrame
    roc: pd.DataFrame
    comparators: pd.DataFrame
    codes_per_patient: pd.DataFrame = field(default_factory=_none(LENGTH_COLUMNS))
    correlations: pd.DataFrame = field(default_factory=_none(CORRELATION_COLUMNS))
    effects: pd.DataFrame = field(default_factory=_none(EFFECT_COLUMNS))
    subgroups: pd.DataFrame = field(default_factory=_none(SUBGROUP_COLUMNS))
    audit: ClaimAudit | None = None

    def write(self, folder: Path) -> None:
        """Write fidelity.json, risk.json and a Parquet file for each table into an open landing.

        audit.json is beside them where there was an audit.
        """
        # nan is no JSON: DuckDB and others refuse it
        scores = [asdict(s) | {"skill": None if math.isnan(s.skill) else s.skill} for s in self.scores]
        write_text(folder / "fidelity.json", json.dumps(scores, indent=1))
        write_text(folder / "risk.json", json.dumps([asdict(r) for r in self.risks], indent=1))
        if self.audit is not None:
            write_text(folder / "audit.json", json.dumps(self.audit.as_json(), indent=1))
        for name, columns in _TABLES.items():
            getattr(self, name)[list(columns)].to_parquet(folder / f"{name}.parquet", index=False)

    @staticmethod
    def read(folder: Path) -> "Evaluation":
        """Read a complete evaluation landing; a table that its version did not measure yet is empty.

        Raises:
            IncompleteLanding: there is none.
        """
        read_manifest(folder, "evaluation")
        files = {name: folder / f"{name}.parquet" for name in _TABLES}
        scores = json.loads((folder / "fidelity.json").read_text(encoding="utf-8"))
        risks = json.loads((folder / "risk.json").read_text(encoding="utf-8"))
        audit = folder / "audit.json"
        return Evaluation(
            scores=tuple(Score(**{k: v for k, v in s.items() if k != "skill"}) for s in scores),
            risks=tuple(Risk(**r) for r in risks),
            **{name: pd.read_parquet(file) for name, file in files.items() if file.is_file()},
            audit=ClaimAudit.of_json(json.loads(audit.read_text(encoding="utf-8"))) if audit.is_file() else None,
        )
