"""The ledger: every look at private data, what it cost, and what may therefore be claimed.

A look without a mechanism costs infinite epsilon. A release whose ledger holds one such look carries no differential
privacy guarantee, and says so in plain words.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One look at patients' data.

    query: what was read. mechanism: how it was protected, "none" if it was not. epsilon: its cost, infinite without a
    mechanism.

    Raises:
        ValueError: epsilon is negative or not a number: a sum over it would hide what was spent.
    """

    query: str
    mechanism: str
    epsilon: float

    def __post_init__(self) -> None:
        if not self.epsilon >= 0:
            raise ValueError(f"The epsilon of a look must be 0 or more, or infinite. Got {self.epsilon} instead.")


@dataclass
class Ledger:
    """All looks of one release, in order. Unit: one patient with all encounters; adjacency: add or remove one."""

    entries: list[Entry] = field(default_factory=list)

    def look(self, query: str) -> None:
        """Record an unprotected look at private data."""
        self.entries.append(Entry(query=query, mechanism="none", epsilon=math.inf))

    @property
    def epsilon(self) -> float:
        """Total epsilon; infinite as soon as one look was unprotected, 0 for an empty ledger."""
        return sum((entry.epsilon for entry in self.entries), 0.0)

    def statement(self) -> str:
        """What may be claimed, in plain sentences; an empty ledger proves nothing and says so."""
        if not self.entries:
            return "This release carries no differential privacy guarantee: no look at patients' data was recorded."
        if math.isinf(self.epsilon):
            bare = sum(math.isinf(entry.epsilon) for entry in self.entries)
            return (
                f"This release carries no differential privacy guarantee: {bare} of {len(self.entries)} looks at "
                "patients' data were made without a mechanism. What protects patients is what the attacks measured."
            )
        return f"Every look at patients' data was accounted for: epsilon {self.epsilon:.3f}."

    def write(self, path: Path) -> None:
        """Write the entries as JSON; an infinite epsilon is the string "inf"."""
        rows = [asdict(e) | {"epsilon": "inf" if math.isinf(e.epsilon) else e.epsilon} for e in self.entries]
        document = {"unit": "one patient, all encounters", "adjacency": "add or remove", "entries": rows}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "Ledger":
        """Read what `write` wrote."""
        rows = json.loads(path.read_text(encoding="utf-8"))["entries"]
        return Ledger([Entry(query=r["query"], mechanism=r["mechanism"], epsilon=float(r["epsilon"])) for r in rows])
