"""The ledger: every look at patients' data, what it cost, and what may therefore be claimed.

Unit: one patient with all encounters. Adjacency: one patient added or removed. A look without a mechanism costs
infinite epsilon. A ledger with a budget refuses such a look before it is made, and any look that the budget does not
cover. On disk each entry carries the hash of the one before it (Haber and Stornetta 1991), so that none can be changed,
left out or put in between unseen by who has the seal (the manifest of a run holds the hash of the file), and `verify`
computes the epsilon anew from the entries alone. Noise and steps of a release are fixed before its first look (a plan):
that what is left may be spent as earlier answers suggest is proved for Gaussians only.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from privacy.budget import Budget
from privacy.mechanisms import KINDS, Mechanism

UNIT, ADJACENCY = "one patient, all encounters", "add or remove one patient"
GENESIS = "0" * 64
Covers = Literal["release", "report"]


class Unaccounted(ValueError):
    """A look that the ledger cannot account for, or that the budget does not cover; it was not made (exit 2)."""

    exit_code = 2


class BrokenLedger(ValueError):
    """A ledger file that does not add up; the message says at which entry (exit 3)."""

    exit_code = 3


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One look at patients' data.

    query: what was read, in words. mechanism: how it was protected, or None. sensitivity: L2, of what was read, for one
    patient; in its unit. added_delta: of a threshold, beside the mechanism's own. covers: what the answer went into:
    the `release` (generator and synthetic patients), or the `report` on it.

    Raises:
        ValueError: a sensitivity or a delta out of range, or something else that is covered.
    """

    query: str
    mechanism: Mechanism | None = None
    sensitivity: float | None = None
    added_delta: float = 0.0
    covers: Covers = "release"

    def __post_init__(self) -> None:
        if self.covers not in get_args(Covers):  # or a look at patients would count for nothing
            raise ValueError(f"A look goes into {' or '.join(get_args(Covers))}. Got {self.covers!r} instead.")
        if self.mechanism is not None and not (self.sensitivity is not None and 0 < self.sensitivity < math.inf):
            raise ValueError(
                f"A mechanism needs a finite sensitivity above 0. Got {self.sensitivity} for {self.query}."
            )
        if not 0 <= self.added_delta < 1:
            raise ValueError(f"The added_delta of a look must be in [0, 1). Got {self.added_delta} instead.")

    def as_json(self) -> dict[str, Any]:
        """The entry, without its hashes."""
        kind = {"mechanism": "none"} if self.mechanism is None else {"mechanism": self.mechanism.kind}
        numbers = {} if self.mechanism is None else {"sensitivity": self.sensitivity, **asdict(self.mechanism)}
        delta = {"added_delta": self.added_delta} if self.added_delta else {}
        return {"query": self.query, "covers": self.covers, **kind, **numbers, **delta}

    @staticmethod
    def of_json(row: Mapping[str, Any]) -> "Entry":
        """Read back what `as_json` wrote; raises ValueError or TypeError for a mechanism that is not one."""
        rest = {k: v for k, v in row.items() if k not in ("previous", "hash")}
        common = {k: rest.pop(k) for k in ("query", "sensitivity", "added_delta", "covers") if k in rest}
        kind = rest.pop("mechanism")
        if kind == "none":
            return Entry(**common, **rest)
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no mechanism; there are {', '.join(KINDS)}")
        return Entry(mechanism=KINDS[kind](**rest), **common)


@dataclass
class Ledger:
    """All looks of one release, in order. budget: what may be spent, or None where no guarantee is sought."""

    entries: list[Entry] = field(default_factory=list)
    budget: Budget | None = None

    def look(self, query: str, *, covers: Covers = "release") -> None:
        """Record an unprotected look.

        Raises:
            Unaccounted: the ledger has a budget, and what is seen would go into the release.
        """
        if self.budget is not None and covers == "release":
            raise Unaccounted(
                f"'{query}' would be read without a mechanism, and this release has a budget of epsilon "
                f"{self.budget.epsilon:g}: it was not read. Ask through privacy.curator, or train without --epsilon."
            )
        self.entries.append(Entry(query=query, covers=covers))

    def spend(self, entry: Entry) -> None:
        """Record a protected look, before it is made.

        Raises:
            Unaccounted: it has no mechanism, or the budget does not cover it.
        """
        if entry.mechanism is None:
            raise Unaccounted(f"'{entry.query}' has no mechanism: record it with look.")
        if self.budget is not None:
            after = Ledger([*self.entries, entry], self.budget)
            if not after.added_delta < self.budget.delta or not after.epsilon <= self.budget.epsilon * (1 + 1e-9):
                raise Unaccounted(
                    f"'{entry.query}' would take the release from epsilon {self.epsilon:.4g} to {after.epsilon:.4g}, "
                    f"over the budget of {self.budget.epsilon:g} at delta {self.budget.delta:g}: it was not read."
                )
        self.entries.append(entry)

    @property
    def released(self) -> list[Entry]:
        """The looks whose answers went into the release."""
        return [entry for entry in self.entries if entry.covers == "release"]

    @property
    def added_delta(self) -> float:
        """The deltas of all thresholds."""
        return sum(entry.added_delta for entry in self.released)

    @property
    def epsilon(self) -> float:
        """Epsilon of the release at the budget's delta; infinite if a look was unprotected, 0 without looks."""
        if not self.released:
            return 0.0
        if self.budget is None or any(entry.mechanism is None for entry in self.released):
            return math.inf
        return composed(self.released, self.budget.delta)

    def checked(self) -> tuple[float, float]:
        """Epsilons of the release by both accountants, (PLD, PRV); the first is the one to tell.

        Raises:
            AccountantsDisagree: see `privacy.accountant.checked_epsilon`. Unaccounted: no guarantee is claimed.
        """
        from privacy.accountant import checked_epsilon

        if self.budget is None or any(entry.mechanism is None for entry in self.released):
            raise Unaccounted("A ledger without a budget, or with an unprotected look, has no epsilon to check.")
        mechanisms = [entry.mechanism for entry in self.released if entry.mechanism is not None]
        return checked_epsilon(mechanisms, delta=self.budget.delta - self.added_delta)

    def as_json(self) -> dict[str, Any]:
        """The whole ledger, chained."""
        head = {"unit": UNIT, "adjacency": ADJACENCY, "budget": None if self.budget is None else asdict(self.budget)}
        told = self.epsilon
        rows, previous = [], _hash(head, GENESIS)
        for entry in self.entries:
            row = entry.as_json() | {"previous": previous}
            previous = _hash(row, previous)
            rows.append(row | {"hash": previous})
        return head | {"epsilon": "inf" if math.isinf(told) else told, "entries": rows, "seal": _seal(told, previous)}

    def write(self, path: Path) -> None:
        """Write the chained entries as JSON; an infinite epsilon is the string "inf"."""
        path.write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "Ledger":
        """Read what `write` wrote, checking every hash.

        Raises:
            BrokenLedger: it is no ledger, or an entry was changed, removed, added or moved.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            head = {key: document[key] for key in ("unit", "adjacency", "budget")}
            rows: list[dict[str, Any]] = document["entries"]
            entries = [Entry.of_json(row) for row in rows]
            budget = None if head["budget"] is None else Budget(**head["budget"])
            told = float(document["epsilon"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BrokenLedger(f"{path} is not a ledger: {error!r}.") from error
        if (head["unit"], head["adjacency"]) != (UNIT, ADJACENCY):
            raise BrokenLedger(f"{path}: expected the unit {UNIT!r} and {ADJACENCY!r}; epsilons of others do not add.")
        _check_chain(path, head, rows, told, document.get("seal"))
        ledger = Ledger(entries, budget)
        # another version of the accountant may differ in the last digits
        if told != ledger.epsilon and not abs(told - ledger.epsilon) < 1e-3:
            raise BrokenLedger(f"{path} says epsilon {told:g}; its entries add up to {ledger.epsilon:g}.")
        return ledger


def composed(entries: Iterable[Entry], delta: float) -> float:
    """Epsilon at `delta` of looks that all have a mechanism, whoever's they are: all might be of the same patient."""
    from privacy.accountant import epsilon  # a second to import, and a ledger without mechanisms never needs it

    listed = list(entries)
    left = delta - sum(entry.added_delta for entry in listed)
    if left <= 0:
        return math.inf
    return epsilon([entry.mechanism for entry in listed if entry.mechanism is not None], delta=left)


def cumulative(ledgers: Sequence[Ledger]) -> tuple[float, float]:
    """(epsilon, delta) of several releases together, if a patient may be in all: the looks of all, composed.

    The deltas add up. Infinite where one of them has no guarantee.
    """
    if any(math.isinf(ledger.epsilon) or ledger.budget is None for ledger in ledgers):
        return math.inf, 1.0
    delta = sum(ledger.budget.delta for ledger in ledgers if ledger.budget is not None)
    return composed([entry for ledger in ledgers for entry in ledger.released], delta), delta


def _hash(row: Mapping[str, Any], previous: str) -> str:
    text = json.dumps(row, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def _seal(told: float, previous: str) -> str:
    return _hash({"epsilon": str(told)}, previous)


def _check_chain(
    path: Path, head: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], told: float, seal: str | None
) -> None:
    previous = _hash(head, GENESIS)
    for number, row in enumerate(rows, 1):
        bare = {key: value for key, value in row.items() if key != "hash"}
        if row.get("previous") != previous or row.get("hash") != _hash(bare, previous):
            raise BrokenLedger(f"{path}: entry {number} ({row.get('query')}) is not what was written there.")
        previous = str(row["hash"])
    if seal != _seal(told, previous):
        raise BrokenLedger(
            f"{path}: its last entries are missing, its epsilon was changed, or an older version wrote it: train again."
        )
