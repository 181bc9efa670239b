"""`SHA256SUMS`: what each file of one half of a bundle was when it was written, as `sha256sum` writes and reads it."""

from pathlib import Path

from synthehr.errors import BadData
from synthehr.landing import file_hash, write_text

CHECKSUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.sig"


def write_checksums(half: Path) -> None:
    """Write `SHA256SUMS` of all files below `half`, by name."""
    lines = [f"{file_hash(file)}  {name}" for name, file in _files(half).items()]
    write_text(half / CHECKSUMS, "\n".join(lines) + "\n")


def changed_files(half: Path) -> dict[str, list[str]]:
    """What is not as `SHA256SUMS` says, by name: files `changed`, `missing` and `added`; only kinds that there are.

    Raises:
        BadData: no `SHA256SUMS` there, or a line that is none.
    """
    path = half / CHECKSUMS
    if not path.is_file():
        raise BadData(f"Expected {CHECKSUMS} in {half}; it is not there. Without it nothing tells what was released.")
    said: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        digest, space, name = line.partition("  ")
        if not space or len(digest) != 64 or not name:
            raise BadData(f"{path}, line {number}: expected a SHA-256, two spaces and a file name.")
        said[name] = digest
    here = _files(half)
    found = {
        "changed": sorted(name for name, digest in said.items() if name in here and file_hash(here[name]) != digest),
        "missing": sorted(said.keys() - here.keys()),
        "added": sorted(here.keys() - said.keys()),
    }
    return {kind: names for kind, names in found.items() if names}


def _files(half: Path) -> dict[str, Path]:
    found = {file.relative_to(half).as_posix(): file for file in half.rglob("*") if file.is_file()}
    own = {CHECKSUMS, SIGNATURE}
    # a desktop's own files are hidden; they are no part of what was released
    return {name: found[name] for name in sorted(found) if name not in own and not found[name].name.startswith(".")}
