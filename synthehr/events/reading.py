"""The files of an extract: found in a folder or a zip, checked to be what they say, unpacked where they are packed."""

import contextlib
import csv
import fnmatch
import gzip
import io
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from synthehr.errors import BadData, BadRequest
from synthehr.landing import MANIFEST

DEPTH = 2  # folders below the extract that are searched: mimic/hosp/x.csv is found, a home directory is not walked
HEADER_BYTES = 1 << 20
MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "a zip archive (or an Excel workbook)",
    b"PAR1": "Parquet",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite format 3": "an SQLite database",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
    b"<!DOCTYPE": "an HTML page",
    b"<html": "an HTML page",
}


@dataclass(frozen=True)
class SourceFile:
    """A file of the extract.

    path: on disk. name: its path inside the extract, how messages and reports name it. member: its name inside the zip
    at `path`, or None.
    """

    path: Path
    name: str
    member: str | None = None

    @property
    def base(self) -> str:
        """Base name without `.gz`, as mappings name it."""
        return Path(self.member or self.path.name).name.removesuffix(".gz")

    @property
    def shown(self) -> str:
        """How messages and reports name it: no folder of this machine."""
        return f"{self.name}:{self.member}" if self.member else self.name

    @property
    def is_gzip(self) -> bool:
        """Whether it says that it is gzip."""
        return (self.member or self.path.name).lower().endswith(".gz")

    @property
    def is_parquet(self) -> bool:
        """Whether it says that it is Parquet."""
        return self.base.lower().endswith(".parquet")


def source_files(source: Path) -> list[SourceFile]:
    """All files of an extract (a folder, a zip, or one file), plain ones before `.gz` before members of a zip.

    Raises:
        BadRequest: nothing is there. BadData: a zip that is none.
    """
    if not source.exists():
        raise BadRequest(f"Expected an extract at {source}; nothing is there.")
    plain = [source] if source.is_file() else sorted(_walk(source, DEPTH))
    found = []
    for path in plain:
        name = path.name if source.is_file() else path.relative_to(source).as_posix()
        members = _members(path) if path.suffix.lower() == ".zip" else (None,)
        found += [SourceFile(path, name, member) for member in members]
    return sorted(found, key=lambda f: (f.member is not None, f.is_gzip))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Files below a folder, less what is hidden and landings: a cohort beside its extract is no part of it."""
    for path in folder.iterdir():
        if path.name.startswith(".") or (path / MANIFEST).is_file():
            continue
        if path.is_file():
            yield path
        elif path.is_dir() and depth > 0:
            yield from _walk(path, depth - 1)


def _members(path: Path) -> Sequence[str | None]:
    try:
        with zipfile.ZipFile(path) as archive:
            return sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except zipfile.BadZipFile:
        raise BadData(f"{path.name} is not a zip archive, or it is cut short: copy it again from its source.") from None


def matching(pattern: str, files: list[SourceFile]) -> list[SourceFile]:
    """The files whose base name fits a glob without regard to case; of two spellings of one file, the first."""
    by_base: dict[tuple[Path, str], SourceFile] = {}
    for file in files:
        if fnmatch.fnmatchcase(file.base.lower(), pattern.lower()):
            by_base.setdefault((file.path.parent, file.base.lower()), file)
    return list(by_base.values())


def header(file: SourceFile, delimiter: str) -> list[str]:
    """Column names of a CSV or Parquet file.

    Raises:
        BadData: it is not what its name says, it is cut short, empty, or names a column twice.
    """
    if file.is_parquet:
        names = _parquet_names(file)
    else:
        with _opened(file) as stream:
            start = stream.read(HEADER_BYTES)
        _check_text(file, start)
        text = start.decode("utf-8-sig", errors="replace")
        names = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    names = [name.strip() for name in names]
    if not any(names):
        raise BadData(f"{file.shown} is empty: expected a header row with column names.")
    return names


def _parquet_names(file: SourceFile) -> list[str]:
    if file.member or file.is_gzip:
        raise BadData(f"{file.shown}: Parquet is read as a plain file, not out of a zip or gzip: unpack it first.")
    try:
        return list(pq.read_schema(file.path).names)
    except pa.ArrowInvalid:
        raise BadData(f"{file.shown} is not Parquet, or it is cut short: write or copy it again.") from None


def _check_text(file: SourceFile, start: bytes) -> None:
    for magic, name in MAGIC.items():
        if start.startswith(magic):
            raise BadData(f"{file.shown} says it is CSV but is {name}: give it as UTF-8 text with a header row.")
    if b"\0" in start:
        raise BadData(f"{file.shown} says it is CSV but holds binary data: give it as UTF-8 text with a header row.")


@contextlib.contextmanager
def _opened(file: SourceFile) -> Iterator[IO[bytes]]:
    """Open for reading, through zip and gzip; broken packing is BadData."""
    cut = f"{file.shown} is cut short or damaged: copy it again from its source and compare its checksum."
    with contextlib.ExitStack() as stack:
        try:
            stream: IO[bytes]
            if file.member is None:
                stream = stack.enter_context(file.path.open("rb"))
            else:
                archive = stack.enter_context(zipfile.ZipFile(file.path))
                stream = stack.enter_context(archive.open(file.member))
            if file.is_gzip:
                stream = stack.enter_context(gzip.open(stream))  # type: ignore[arg-type]
            yield stream
        except gzip.BadGzipFile as error:
            if "Not a gzipped file" in str(error):
                raise BadData(f"{file.shown} says it is gzip but is not: give it its true ending.") from None
            raise BadData(cut) from None
        except (EOFError, zlib.error, zipfile.BadZipFile):
            raise BadData(cut) from None
        except RuntimeError as error:  # zipfile's only word for encryption
            raise BadData(f"{file.shown} cannot be opened ({error}): unpack it first.") from None


def plain_file(file: SourceFile, work: Path) -> Path:
    """A plain file that DuckDB can read: the file itself, or its unpacked copy in `work`, its checksum verified.

    Raises:
        BadData: the packing is cut short or damaged. OSError: no room for the copy.
    """
    if file.member is None and not file.is_gzip:
        return file.path
    work.mkdir(parents=True, exist_ok=True)
    copy = work / f"{len(list(work.iterdir())):03d}-{file.base}"
    with _opened(file) as stream, copy.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)
    return copy
