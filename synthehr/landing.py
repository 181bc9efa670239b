"""A landing: a folder that is complete or absent, with a manifest of what is in it and what it was made from.

Work happens in `.<name>.partial` beside the final name; a manifest is written last and the folder renamed. A landing
that resumes (training) keeps its partial folder after an interruption; the others remove it.
"""

import contextlib
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


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a landing says of itself.

    kind: events, cohort, run, synthetic, evaluation or bundle. files: relative path -> SHA-256 (hex).
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
    path: Path, *, kind: str, config: Mapping[str, Any], made_from: Mapping[str, str], resumes: bool = False
) -> Iterator[Path]:
    """Yield a partial folder to write into; on success hash its files, write the manifest, rename to `path`.

    An existing landing at `path` is replaced only by a complete one. On any exception (Ctrl-C and a full disk
    included) nothing stands under `path` that was not there before; the partial folder is removed unless `resumes`.

    Raises:
        BadRequest: `path` exists and is not a landing of this kind (it might be somebody's data).
    """
    if path.exists() and (not (path / MANIFEST).is_file() or read_manifest(path).kind != kind):
        raise BadRequest(f"{path} exists and is not a {kind} landing; it is left as it is. Choose another --out.")
    partial = partial_path(path)
    if partial.exists() and not resumes:
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        _write_manifest(partial, kind, config, made_from)
    except BaseException:
        if not resumes:
            shutil.rmtree(partial, ignore_errors=True)
        raise
    _swap(partial, path)


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


def _swap(partial: Path, path: Path) -> None:
    old = path.parent / f".{path.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    partial.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file under a temporary name, flush it to disk, rename it."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def read_manifest(path: Path, kind: str | None = None) -> Manifest:
    """Read a landing's manifest, checking its kind if one is given.

    Raises:
        IncompleteLanding: no folder, no manifest, or another kind.
    """
    file = path / MANIFEST
    if not file.is_file():
        state = "has no manifest" if path.exists() else "does not exist"
        raise IncompleteLanding(f"Expected a {kind or 'landing'} at {path}; it {state}. Run the stage that makes it.")
    manifest = Manifest(**json.loads(file.read_text(encoding="utf-8")))
    if kind is not None and manifest.kind != kind:
        raise IncompleteLanding(f"Expected a {kind} at {path}; found a {manifest.kind}.")
    if manifest.schema != SCHEMA_VERSION:
        raise IncompleteLanding(f"{path} has schema {manifest.schema}, this version reads {SCHEMA_VERSION}: remake it.")
    return manifest


def is_current(path: Path, *, kind: str, config: Mapping[str, Any], made_from: Mapping[str, str]) -> bool:
    """Whether a complete, unaltered landing of this config, these inputs and package versions stands at `path`."""
    try:
        manifest = read_manifest(path, kind)
    except (IncompleteLanding, ValueError, TypeError):
        return False
    asked = json.loads(json.dumps(dict(config)))
    same = (manifest.config, manifest.made_from, manifest.versions) == (asked, dict(made_from), versions())
    return same and not altered(path)


def altered(path: Path) -> list[str]:
    """Files of a landing that are missing or whose content no longer has the hash in the manifest."""
    manifest = read_manifest(path)
    return [
        name
        for name, digest in manifest.files.items()
        if not (path / name).is_file() or file_hash(path / name) != digest
    ]
