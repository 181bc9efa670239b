"""What `synthehr view` shows of a folder: which halves of a bundle lie there, and the fixed list of files served.

The files are read when the folder is opened. A request names an entry of that list or nothing: no text of a request
ever becomes a path.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from synthehr.errors import BadData, IncompleteLanding
from synthehr.landing import MANIFEST, read_manifest
from synthehr.release.checksums import CHECKSUMS, SIGNATURE, changed_files

PUBLIC, STEWARD = "public", "steward"
DATABASE = "cohort.duckdb"
REPORTS = ("report.html", "report.pdf", "fidelity.html", "fidelity.pdf")
FIGURES = ("risk.json", "fidelity.json", "decision.json")
SUMS = (CHECKSUMS, SIGNATURE)
FITNESS = "queries/fitness.json"
NAMES = {
    PUBLIC: (
        *REPORTS,
        *FIGURES,
        "ledger.json",
        "audit.json",
        "README.md",
        "datasheet.md",
        "dictionary.csv",
        "croissant.json",
        FITNESS,
        *SUMS,
    ),
    STEWARD: (*REPORTS, *FIGURES, "codes.csv", "policy.json", FITNESS, *SUMS),
}
NEXT = "Name the folder that `synthehr release --out` wrote, its public/ half, or the folder of a whole run."


@dataclass(frozen=True, kw_only=True)
class Half:
    """One half of a bundle.

    name: public or steward. root: its folder. files: name -> content, of `NAMES` those that are there. queries: the
    example queries by name. changed: files that are not as they were written; None where nothing tells. doubt: why.
    """

    name: str
    root: Path
    files: Mapping[str, bytes]
    queries: Mapping[str, str]
    changed: tuple[str, ...] | None
    doubt: str = ""

    def text(self, name: str) -> str:
        """A file of the half as text; empty where it is not there."""
        return self.files.get(name, b"").decode("utf-8", errors="replace")


@dataclass(frozen=True, kw_only=True)
class Found:
    """What lies in a folder. kind: in words, for whoever asked. steward: None where only the public half is there."""

    kind: str
    public: Half
    steward: Half | None

    @property
    def halves(self) -> tuple[Half, ...]:
        """Those that are there, the public one first."""
        return (self.public,) if self.steward is None else (self.public, self.steward)


def open_folder(folder: Path) -> Found:
    """Find the bundle in `folder`, read the files that are served, and check both halves against their checksums.

    Raises:
        IncompleteLanding: no bundle there; the message says what was found instead.
    """
    for root, kind in ((folder, "a bundle"), (folder / "bundle", "the bundle of a whole run")):
        if (root / PUBLIC / DATABASE).is_file():
            steward = _half(STEWARD, root / STEWARD) if (root / STEWARD).is_dir() else None
            words = kind if steward else f"{kind}, its public half alone"
            return Found(kind=words, public=_half(PUBLIC, root / PUBLIC), steward=steward)
    if (folder / DATABASE).is_file():
        return Found(kind="the public half of a bundle", public=_half(PUBLIC, folder), steward=None)
    raise IncompleteLanding(f"Expected a bundle at {folder}; {_instead(folder)}. {NEXT}")


def _instead(folder: Path) -> str:
    if not folder.exists():
        return "it does not exist"
    if not folder.is_dir():
        return "it is a file"
    if (folder / MANIFEST).is_file():
        return f"it is a landing of kind {read_manifest(folder).kind}"
    if (folder / "policy.json").is_file():
        return "it looks like the steward's half alone, which has no database"
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    return f"it holds {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}" if names else "it is empty"


def _half(name: str, root: Path) -> Half:
    files = {known: (root / known).read_bytes() for known in NAMES[name] if _is_own(root, root / known)}
    examples = {path.name: path for path in sorted((root / "queries").glob("*.sql")) if _is_own(root, path)}
    queries = {key: path.read_text(encoding="utf-8", errors="replace") for key, path in examples.items()}
    try:
        changed = tuple(name for names in changed_files(root).values() for name in names)
        return Half(name=name, root=root, files=files, queries=queries, changed=changed)
    except BadData as error:
        return Half(name=name, root=root, files=files, queries=queries, changed=None, doubt=str(error))


def _is_own(root: Path, path: Path) -> bool:
    """Whether it is a file of the half itself: a link in a bundle that somebody sent may point anywhere."""
    return path.is_file() and path.resolve() == root.resolve() / path.relative_to(root)
