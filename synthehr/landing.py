"""A landing: a folder that is complete or absent, with a manifest of what is in it and what it was made from.

Work happens in `.<name>.partial` beside the final name; a manifest is written last and the folder renamed. A landing
that resumes (training) keeps its partial folder after an interruption; the others remove it. One process at a time
writes a landing: the partial folder is locked.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from synthehr.errors import BadRequest, IncompleteLanding

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
# kind of a landing -> the command that makes it
MADE_BY = {
    "events": "synthehr ingest",
    "cohort": "synthehr ingest",
    "run": "synthehr train",
    "synthetic": "synthehr generate",
    "evaluation": "synthehr evaluate",
    "fitness": "synthehr fitness",
    "bundle": "synthehr release",
}


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a landing says of itself.

    kind: events, cohort, run, synthetic, evaluation, fitness or bundle. files: relative path -> SHA-256 (hex).
    config: what the stage was asked for. made_from: name -> manifest hash (or file hash) of each input.
    versions: package -> version. There is no time in it: same seed, same data, same bytes.
    """

    kind: str
    schema: int
    config: Mapping[str, Any]
    made_from: Mapping[str, str]
    versions: Mapping[str, str]
    files: Mapping[str, str]


def file_hash(path: Path) -> str:
    """SHA-256 of a file, hex, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def source_hash(path: Path) -> str:
    """Identity of an input: a landing's manifest hash, a file's hash, or the hash over a plain folder's files."""
    if path.is_file():
        return file_hash(path)
    if (path / MANIFEST).is_file():
        return file_hash(path / MANIFEST)
    digest = hashlib.sha256()
    for file in sorted(f for f in path.rglob("*") if f.is_file()):
        digest.update(f"{file.relative_to(path).as_posix()}\0{file_hash(file)}\n".encode())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of the packages that decide the bytes of a landing."""
    names = ("synthehr", "torch", "numpy", "scipy", "pandas", "pyarrow", "duckdb", "scikit-learn", "faiss-cpu")
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def partial_path(path: Path) -> Path:
    """Where a landing is written before it has its final name."""
    return path.parent / f".{path.name}.partial"


@contextlib.contextmanager
def land(
    path: Path,
    *,
    kind: str,
    config: Mapping[str, Any],
    made_from: Mapping[str, str],
    resumes: bool = False,
    alone: bool = True,
    final: tuple[type[BaseException], ...] = (),
) -> Iterator[Path]:
    """Yield a partial folder to write into; on success hash its files, write the manifest, rename to `path`.

    An existing landing at `path` is replaced only by a complete one. On any exception (Ctrl-C and a full disk
    included) nothing stands under `path` that was not there before; the partial folder is removed unless `resumes`.
    final: exceptions after which there is nothing to resume. alone: False where several processes share the work.

    Raises:
        BadRequest: `path` exists and is neither empty nor a landing of this kind (it might be somebody's data), or
            another process is writing the same landing.
    """
    path = path.absolute()
    check_replaceable(path, kind)
    partial = partial_path(path)
    partial.mkdir(parents=True, exist_ok=True)
    with _locked(partial, path) if alone else contextlib.nullcontext():
        _restore(path)
        if not resumes:
            _empty(partial)
        try:
            yield partial
            _write_manifest(partial, kind, config, made_from)
            _swap(partial, path)
        except BaseException as error:
            if not resumes or isinstance(error, final):
                shutil.rmtree(partial, ignore_errors=True)
            raise


def check_replaceable(path: Path, kind: str) -> None:
    """Raise BadRequest where something else than a landing of this kind stands there: it might be somebody's data."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    try:
        found = f"holds a landing of kind {_manifest(path).kind}"
    except IncompleteLanding:
        found = "is not a landing"
    if found != f"holds a landing of kind {kind}":
        raise BadRequest(f"{path} exists and {found}, not a {kind}; it is left as it is. Choose another --out.")


@contextlib.contextmanager
def _locked(partial: Path, path: Path) -> Iterator[None]:
    """Hold the partial folder; the lock goes with the process, so that a killed one leaves nothing to clean."""
    if os.name == "nt":  # a folder cannot be opened there, and a rename under an open handle fails
        yield
        return
    import fcntl

    busy = f"Another process is writing {path}. Wait for it, or choose another --out."
    try:
        handle = os.open(partial, os.O_RDONLY)
    except FileNotFoundError:  # renamed by that process since we looked
        raise BadRequest(busy) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:  # some network file systems cannot lock a folder: there, go without
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise BadRequest(busy) from None
        yield
    finally:
        os.close(handle)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _write_manifest(folder: Path, kind: str, config: Mapping[str, Any], made_from: Mapping[str, str]) -> None:
    (folder / MANIFEST).unlink(missing_ok=True)
    files = {f.relative_to(folder).as_posix(): file_hash(f) for f in sorted(folder.rglob("*")) if f.is_file()}
    manifest = Manifest(
        kind=kind,
        schema=SCHEMA_VERSION,
        config=dict(config),
        made_from=dict(made_from),
        versions=versions(),
        files=files,
    )
    write_text(folder / MANIFEST, json.dumps(asdict(manifest), indent=1, sort_keys=True) + "\n")


def _old_path(path: Path) -> Path:
    return path.parent / f".{path.name}.old"


def _swap(partial: Path, path: Path) -> None:
    if path.exists():
        path.rename(_old_path(path))
    try:
        partial.rename(path)
    except BaseException:
        _restore(path)
        raise
    shutil.rmtree(_old_path(path), ignore_errors=True)


def _restore(path: Path) -> None:
    """Bring back the landing that a swap, cut off in the middle, left under its old name."""
    old = _old_path(path)
    if old.exists() and not path.exists():
        old.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name, flush it to disk, rename it; on failure the temporary file goes."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _manifest(path: Path) -> Manifest:
    try:
        return Manifest(**json.loads((path / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        raise IncompleteLanding(f"{path / MANIFEST} is not the manifest of a landing: remake {path}.") from None


def _a(kind: str) -> str:
    return kind if kind.endswith("events") else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def read_manifest(path: Path, kind: str | None = None) -> Manifest:
    """Read a landing's manifest, checking its kind if one is given.

    Raises:
        IncompleteLanding: no folder, no manifest or one that cannot be read, another kind or schema.
    """
    if not (path / MANIFEST).is_file():
        state = "has no manifest" if path.exists() else "does not exist"
        maker = MADE_BY.get(kind or "", "the stage that makes it")
        raise IncompleteLanding(
            f"Expected {_a(kind or 'landing')} at {path}; it {state}. Run {maker}, or name another."
        )
    manifest = _manifest(path)
    if kind is not None and manifest.kind != kind:
        raise IncompleteLanding(f"Expected {_a(kind)} at {path}; it is a landing of kind {manifest.kind}.")
    if manifest.schema != SCHEMA_VERSION:
        raise IncompleteLanding(f"{path} has schema {manifest.schema}, this version reads {SCHEMA_VERSION}: remake it.")
    return manifest


def check_landing(path: Path, kind: str) -> Manifest:
    """The manifest of a complete landing of this kind, all of whose files are as they were written.

    Raises:
        IncompleteLanding: as `read_manifest`, or files were changed, removed or added since; the message names them.
    """
    manifest = read_manifest(path, kind)
    if changed := altered(path):
        names = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        raise IncompleteLanding(f"{path}: {names} changed since this {kind} was written: remake it.")
    return manifest


def is_current(path: Path, *, kind: str, config: Mapping[str, Any], made_from: Mapping[str, str]) -> bool:
    """Whether a complete, unaltered landing of this config, these inputs and package versions stands at `path`."""
    try:
        manifest = read_manifest(path, kind)
    except IncompleteLanding:
        return False
    asked = json.loads(json.dumps(dict(config)))
    same = (manifest.config, manifest.made_from, manifest.versions) == (asked, dict(made_from), versions())
    return same and not altered(path)


def altered(path: Path) -> list[str]:
    """Files of a landing that are missing, were added, or no longer have the hash in the manifest, in order.

    Added files count because stages read folders by pattern; hidden ones (a desktop's own) do not.
    """
    files = read_manifest(path).files
    here = {f.relative_to(path).as_posix(): f for f in path.rglob("*") if f.is_file()}
    added = {name for name in here.keys() - files.keys() if name != MANIFEST and not here[name].name.startswith(".")}
    gone = {name for name, digest in files.items() if name not in here or file_hash(here[name]) != digest}
    return sorted(added | gone)
