"""The register of releases: who got what of which patients, until when; a file of the steward's own.

One JSON object a line, appended; nothing in it is of a patient. Several releases of the same patients together tell
more than any of them, and only the steward can know of them all.
"""

import datetime
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from synthehr.errors import BadData


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release.

    cohort: manifest hash (SHA-256, hex) of the real patients. synthetic: content hash of the cohort that went out.
    name, recipients: in words. policy, verdict: of the gate. epsilon: what its ledger adds up to, None where it carries
    no differential privacy. patients: synthetic ones. decided, expires: ISO dates.
    """

    name: str
    cohort: str
    synthetic: str
    recipients: str
    policy: str
    verdict: str
    epsilon: float | None
    patients: int
    decided: str
    expires: str


def read_register(path: Path) -> tuple[Release, ...]:
    """All releases in the order in which they were made; none where there is no file yet.

    Raises:
        BadData: a line is not a release; the message has its number.
    """
    if not path.exists():
        return ()
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            one = Release(**json.loads(line))
            datetime.date.fromisoformat(one.decided), datetime.date.fromisoformat(one.expires)
        except (ValueError, TypeError):
            raise BadData(
                f"{path}, line {number}: expected a release as `synthehr release --register` writes it, one JSON "
                "object a line. Mend or remove that line."
            ) from None
        found.append(one)
    return tuple(found)


def other_releases(register: Iterable[Release], own: Release) -> tuple[Release, ...]:
    """Releases of the same patients beside `own`: of other synthetic cohorts, and of this one to others."""
    return tuple(one for one in register if one.cohort == own.cohort and _to_whom(one) != _to_whom(own))


def _to_whom(release: Release) -> tuple[str, ...]:
    """What tells releases apart; one that is written again, or decided anew, is the same."""
    return release.synthetic, release.name, release.policy, release.recipients


def enter(path: Path, release: Release) -> None:
    """Append a release to the register, flushed to disk; one that stands there word for word is not entered twice."""
    if release in read_register(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(release)) + "\n")
        stream.flush()
