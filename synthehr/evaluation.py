"""What an evaluation found, as it lands on disk: scores, risks, and the aggregate tables behind the figures.

Nothing here is per patient. The tables are per code and per point of a curve.
"""

import json
import math
from dataclasses import asdict, dataclass
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


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Fidelity and risk of one synthetic cohort.

    scores: see `Score`. risks: see `Risk`, not yet judged. codes: one row a code, `CODE_COLUMNS`; "real" is the test
    half of the holdout for prevalence, and a model fitted on training patients for auroc and f1; nan where a code was
    too rare to predict. roc: `ROC_COLUMNS`, place is synthetic, control (fresh real patients) or ceiling (a copy of the
    training data). comparators: `COMPARATOR_COLUMNS`, the same scores for the simple generators and the holdout.
    audit: of the privacy claim, where there is one and it was audited.
    """

    scores: tuple[Score, ...]
    risks: tuple[Risk, ...]
    codes: pd.DataFrame
    roc: pd.DataFrame
    comparators: pd.DataFrame
    audit: ClaimAudit | None = None

    def write(self, folder: Path) -> None:
        """Write fidelity.json, risk.json, codes.parquet, roc.parquet and comparators.parquet into an open landing.

        audit.json is beside them where there was an audit.
        """
        # nan is no JSON: DuckDB and others refuse it
        scores = [asdict(s) | {"skill": None if math.isnan(s.skill) else s.skill} for s in self.scores]
        write_text(folder / "fidelity.json", json.dumps(scores, indent=1))
        write_text(folder / "risk.json", json.dumps([asdict(r) for r in self.risks], indent=1))
        if self.audit is not None:
            write_text(folder / "audit.json", json.dumps(self.audit.as_json(), indent=1))
        tables = {"codes": CODE_COLUMNS, "roc": ROC_COLUMNS, "comparators": COMPARATOR_COLUMNS}
        for name, columns in tables.items():
            getattr(self, name)[columns].to_parquet(folder / f"{name}.parquet", index=False)

    @staticmethod
    def read(folder: Path) -> "Evaluation":
        """Read a complete evaluation landing; raises IncompleteLanding where there is none."""
        read_manifest(folder, "evaluation")
        scores = json.loads((folder / "fidelity.json").read_text(encoding="utf-8"))
        risks = json.loads((folder / "risk.json").read_text(encoding="utf-8"))
        audit = folder / "audit.json"
        return Evaluation(
            scores=tuple(Score(**{k: v for k, v in s.items() if k != "skill"}) for s in scores),
            risks=tuple(Risk(**r) for r in risks),
            codes=pd.read_parquet(folder / "codes.parquet"),
            roc=pd.read_parquet(folder / "roc.parquet"),
            comparators=pd.read_parquet(folder / "comparators.parquet"),
            audit=ClaimAudit.of_json(json.loads(audit.read_text(encoding="utf-8"))) if audit.is_file() else None,
        )
