"""What an audit of a training under a budget found: bounds beside the claim, and what could be refuted at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from privacy.audit.canaries import Audit, Verdict

NO_PROOF = "No audit proves a claim: what was not tried was not tested."


@dataclass(frozen=True, kw_only=True)
class ClaimAudit:
    """One audit: a training of its own, with canaries, attacked by who sees all answers, and by who sees a release.

    model: a generator's name. white: by the answers of the curator. black: by synthetic patients alone.
    correct_gaussian: the bound that a correct mechanism of this budget gives in half of all audits, if all of it is
    seen. most: the largest bound that so many canaries can prove. note: what was not listened to.
    """

    model: str
    white: Audit
    black: Audit
    correct_gaussian: float
    most: float
    note: str

    @property
    def verdict(self) -> Verdict:
        """FAIL if either bound exceeds the claim."""
        return "FAIL" if "FAIL" in (self.white.verdict, self.black.verdict) else "NOT REFUTED"

    @property
    def words(self) -> str:
        """One sentence of what came of it."""
        worst = max((self.white, self.black), key=lambda one: one.lower)
        found = (
            f"{self.white.m:,} canaries prove an epsilon of at least {worst.lower:.3g} at 95 % confidence, where "
            f"{worst.claim:.4g} is claimed"
        )
        if self.verdict == "FAIL":
            return f"{found}: the claim is false. Something in the training, or in its accounts, is broken."
        return (
            f"{found}: not refuted. A correct mechanism gives {self.correct_gaussian:.3g} in half of all audits, and "
            f"{self.most:.3g} is the most that could be proved."
        )

    def as_json(self) -> dict[str, Any]:
        """For a file or `--json`; an infinite claim is the string "inf"."""
        white, black = self.white.as_json(), self.black.as_json()
        return {
            "model": self.model,
            "claim": white["claim"],
            "delta": self.white.delta,
            "canaries": self.white.m,
            "white_box": white,
            "black_box": black,
            "power": {"correct_gaussian": self.correct_gaussian, "most": self.most},
            "verdict": self.verdict,
            "note": self.note,
        }

    @staticmethod
    def of_json(found: Mapping[str, Any]) -> "ClaimAudit":
        """Read back what `as_json` gave."""
        return ClaimAudit(
            model=found["model"],
            white=Audit.of_json(found["white_box"]),
            black=Audit.of_json(found["black_box"]),
            correct_gaussian=found["power"]["correct_gaussian"],
            most=found["power"]["most"],
            note=found["note"],
        )
