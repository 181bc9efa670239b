"""The half of a bundle that stays in the house: every figure in full, and what the decision was made by."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synthehr.evaluation import Evaluation
from synthehr.landing import write_text
from synthehr.release.disclosure import displayed_prevalence
from synthehr.release.public import full_decision, full_risks, public_scores, to_json

if TYPE_CHECKING:
    from synthehr.release.bundle import Request


def write_steward_half(half: Path, request: "Request", found: Evaluation) -> None:
    """Write risk.json, fidelity.json, decision.json, policy.json, codes.csv and the fitness cards.

    From risk.json and policy.json, and audit and ledger of the other half, `synthehr verify` makes the decision anew.
    Real prevalences in codes.csv are rounded, and those of few patients withheld, here too: the file may be mislaid.
    """
    write_text(half / "risk.json", to_json(full_risks(request.decision.risks)))
    write_text(half / "fidelity.json", to_json(public_scores(found.scores)))
    write_text(half / "decision.json", to_json(full_decision(request.decision, request.term)))
    write_text(half / "policy.json", json.dumps(request.policy.model_dump(mode="json"), indent=1) + "\n")
    real = displayed_prevalence(found.codes["prevalence_real"].to_numpy(dtype=np.float64), request.n_test)
    table = found.codes[["code", "prevalence_synthetic"]].assign(prevalence_real=real)
    table.to_csv(half / "codes.csv", index=False, float_format="%.6f", lineterminator="\n")
    if request.fitness is not None:
        (half / "queries").mkdir()
        shutil.copyfile(request.fitness / "cards.json", half / "queries" / "fitness.json")
