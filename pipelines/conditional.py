"""Patients who satisfy a condition, by exact rejection: draw, keep who satisfies it, draw again until there are enough.

What is kept is distributed as the generator's own patients are, given the condition, for every generator: nothing is
nudged, and nobody is altered. A condition that the generator hardly ever meets costs draws; it ends, and says so.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from privacy.risk import clopper_pearson
from synthehr.cohort.condition import Condition
from synthehr.errors import BadRequest
from synthehr.landing import Manifest
from synthehr.models.generator import Trained

BLOCK = 4_096  # patients a draw: memory is that of a block and of those kept
DRAWS_A_PATIENT, LEAST_DRAWS = 1_000, 200_000
DOUBT = 1e-6  # how rarely a condition is given up that would have been met within the limit


@dataclass(frozen=True)
class Acceptance:
    """drawn: patients drawn. accepted: those of them who satisfy the condition, be they needed or over."""

    drawn: int
    accepted: int

    def __add__(self, other: "Acceptance") -> "Acceptance":
        return Acceptance(self.drawn + other.drawn, self.accepted + other.accepted)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Clopper-Pearson interval of the share accepted, in [0, 1]."""
        return clopper_pearson(self.accepted, self.drawn, confidence)

    def as_json(self, where: str) -> dict[str, Any]:
        """What the landing and the command report."""
        low, high = self.interval()
        counts = {"drawn": self.drawn, "accepted": self.accepted}
        return {"where": where, **counts, "share": self.accepted / self.drawn, "low": low, "high": high}


def draw_where(
    generator: Trained, condition: Condition, rows: int, *, rng: np.random.Generator
) -> tuple[sparse.csr_matrix, Acceptance]:
    """Draw `rows` patients who satisfy `condition`: canonical CSR (rows, n_codes) uint16, and what it took.

    Draws whole blocks, and keeps the first who satisfy it: patients are drawn independently, so who comes first says
    nothing of him.

    Raises:
        BadRequest: too few satisfy it, after 1,000 draws a patient (at least 200,000), or as soon as it is certain
            that those would not do.
    """
    limit = max(DRAWS_A_PATIENT * rows, LEAST_DRAWS)
    kept: list[sparse.csr_matrix] = []
    so_far = Acceptance(0, 0)
    while so_far.accepted < rows:
        if so_far.drawn >= LEAST_DRAWS and _hopeless(so_far, rows, limit):
            raise BadRequest(_too_rare(so_far, rows))
        drawn = generator.sample(BLOCK, rng=rng)
        holds = condition.holds(drawn)
        kept.append(drawn[np.flatnonzero(holds)[: rows - so_far.accepted]])
        so_far += Acceptance(BLOCK, int(holds.sum()))
    return sparse.vstack(kept, format="csr"), so_far


def _hopeless(so_far: Acceptance, rows: int, limit: int) -> bool:
    return so_far.drawn >= limit or so_far.interval(1 - DOUBT)[1] * limit < rows


def _too_rare(so_far: Acceptance, rows: int) -> str:
    low, high = so_far.interval()
    return (
        f"{so_far.accepted:,} of {so_far.drawn:,} patients drawn satisfy the condition, and {rows:,} were wanted "
        f"of this shard. The generator makes such patients at a rate of {so_far.accepted / so_far.drawn:.2g} "
        f"(95 % interval {low:.2g} to {high:.2g}): more draws would hardly do. "
        "Ask for fewer patients or loosen the condition."
    )


def acceptance_lines(result: dict[str, Any]) -> list[str]:
    """What a command says of the condition, if there was one; result: of `pipelines.generate.generate`."""
    if "condition" not in result:
        return []
    found = result["condition"]
    share, low, high = (f"{100 * found[key]:.3g}" for key in ("share", "low", "high"))
    of = f"{found['accepted']:,} of {found['drawn']:,} patients drawn satisfy it"
    return [f"condition: {of}, {share} % (95 % interval {low} to {high} %)"]


def check_whole(manifest: Manifest, synthetic: Path) -> Manifest:
    """The manifest of a synthetic landing that stands for all patients; it is what is given.

    Raises:
        BadRequest: it was drawn under a condition. Beside all real patients each figure would tell of the condition.
    """
    if "where" in manifest.config:
        raise BadRequest(
            f"{synthetic} was drawn under a condition, and is compared with all real patients here: fidelity and risk "
            "would be those of the condition. Evaluate a cohort generated from the same run without --where."
        )
    return manifest
