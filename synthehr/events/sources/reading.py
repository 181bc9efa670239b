"""The files of an extract: found in a folder or a zip, checked to be what they say, unpacked where they are packed."""

import contextlib
import fnmatch
import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from synthehr.errors import BadData, BadRequest
from synthehr.landing import MANIFEST

DEPTH = 2  # folders below the extract that are searched: mimic/hosp/x.csv is found, a home directory is not walked
ENDINGS = {".parquet": "parquet", ".ndjson": "ndjson", ".jsonl": "ndjson"}
PACKED = {"parquet": 4, "gzip": 8}  # how many bytes of text one byte of such a file holds, roughly
Kind = Literal["csv", "parquet", "ndjson", "database"]


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
    def kind(self) -> Kind:
        """What it says that it is."""
        return ENDINGS.get(Path(self.base.lower()).suffix, "csv")  # type: ignore[return-value]

    @property
    def folder(self) -> str:
        """Name of the folder that it is in, which may be a table written in parts."""
        return Path(self.member or self.path).parent.name

    def text_bytes(self) -> int:
        """About how many bytes of text it holds: decides how finely its patients are partitioned."""
        if self.member is not None:
            with zipfile.ZipFile(self.path) as archive:
                size = archive.getinfo(self.member).file_size
        else:
            size = self.path.stat().st_size
        return size * PACKED.get("gzip" if self.is_gzip else self.kind, 1)


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


def stem(base: str) -> str:
    """A base name in lower case without the ending of a table: `PERSON.csv` and `person.parquet` are `person`."""
    name = base.lower()
    cut = next((end for end in (".csv", ".tsv", ".txt", *ENDINGS) if name.endswith(end)), "")
    return name.removesuffix(cut)


def matching(pattern: str, files: Sequence[SourceFile]) -> list[SourceFile]:
    """The files whose base name fits a glob without regard to case; of two spellings of one file, the first.

    A glob without an ending fits any kind of file, and all files of a folder of that name; one with a slash fits paths
    inside the extract.
    """
    by_base: dict[tuple[Path, str], SourceFile] = {}
    for file in files:
        if _fits(pattern.lower(), file):
            by_base.setdefault((file.path.parent, file.base.lower()), file)
    return list(by_base.values())


def _fits(wanted: str, file: SourceFile) -> bool:
    base = file.base.lower()
    if "/" in wanted:
        return fnmatch.fnmatchcase((file.member or file.name).lower().removesuffix(".gz"), wanted)
    if stem(wanted) != wanted:
        return fnmatch.fnmatchcase(base, wanted)
    return fnmatch.fnmatchcase(stem(base), wanted) or file.folder.lower() == wanted


@contextlib.contextmanager
def opened(file: SourceFile) -> Iterator[IO[bytes]]:
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
    with opened(file) as stream, copy.open("wb") as out:
        shutil.copyfileobj(stream, out, 1 << 20)
    return copy
