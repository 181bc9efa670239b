"""A researcher's query: one file of SQL, with its title."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synthehr.errors import BadData, BadRequest

# each tells a little of the real patients, and many together tell much: see `public_cards`
MOST_QUERIES = 50
LONGEST = 20_000  # characters of one query: longer ones nobody reads before they run
LONGEST_TITLE = 120
_COMMENT = re.compile(r"\s*--+\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Query:
    """name: of its file, without `.sql`. title: its first comment, else the name. sql: the text, lines ended by LF."""

    name: str
    title: str
    sql: str


def read_queries(source: Path | Sequence[Path]) -> tuple[Query, ...]:
    """Queries from one `.sql` file, from all of a folder in order of name, or from the files given.

    Raises:
        BadRequest: no query, more than `MOST_QUERIES`, or two of one name. BadData: a file that is not text in UTF-8,
            or longer than `LONGEST`.
    """
    files = _files(source) if isinstance(source, Path) else list(source)
    if not files:
        raise BadRequest(f"Expected files *.sql in {source}; there are none. Name a file or a folder of queries.")
    if len(files) > MOST_QUERIES:
        raise BadRequest(
            f"A release tells of at most {MOST_QUERIES} queries; there are {len(files)}. Each tells something of the "
            "real patients: choose those that the study needs."
        )
    queries = tuple(_read(file) for file in files)
    if len({query.name for query in queries}) < len(queries):
        raise BadRequest("Two queries have one name: give each file its own.")
    return queries


def _files(source: Path) -> list[Path]:
    return sorted(source.glob("*.sql")) if source.is_dir() else [source]


def _read(file: Path) -> Query:
    try:
        text = file.read_text(encoding="utf-8-sig")  # read_text ends lines by LF, whatever the file does
    except UnicodeDecodeError:
        raise BadData(f"{file.name} is not text in UTF-8: save it as such.") from None
    except OSError as error:
        raise BadRequest(f"{file} cannot be read ({error.strerror}): name a file or a folder of queries.") from None
    if len(text) > LONGEST:
        raise BadData(f"{file.name} has {len(text):,} characters; a query has at most {LONGEST:,}. Shorten it.")
    sql = text.strip() + "\n"
    comment = _COMMENT.match(sql)
    return Query(file.stem, comment[1][:LONGEST_TITLE] if comment else file.stem, sql)
