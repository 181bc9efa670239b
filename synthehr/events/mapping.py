"""A mapping: which files and columns of a source become which MEDS events, as a TOML file that users copy and edit."""

import hashlib
import json
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from synthehr.errors import BadRequest

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Sql = Annotated[str, Field(min_length=1)]
Template = Annotated[str, Field(pattern=r"^([^/{}]+/[^{}]*)?\{[^{}]+\}")]
Normalisation = Literal["as_is", "lower_name", "icd9cm_dotted", "icd9cm_undotted", "icd9proc_undotted"]
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Table(_Part):
    """One table of the source.

    files: base names or globs, tried in order and without regard to case; `.gz` and members of a zip are found too.
    many: the table may be spread over several files. columns must be there, optional_columns read as missing where
    they are not; names without regard to case. missing: what stands for "no value", beside the empty string. key:
    columns that tell rows apart; a row that repeats another is dropped, one that contradicts it is rejected. subject,
    visit: SQL expressions over the columns, read as text; a table without a subject makes no events.
    """

    name: Name
    files: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    optional_columns: tuple[str, ...] = ()
    required: bool = True
    many: bool = False
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    missing: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    subject: Sql | None = None
    visit: Sql | None = None


class Event(_Part):
    """One kind of event, made from each row of a table.

    code: `SYSTEM/` and text with `{SQL expressions}`; the part after the slash is written as `normalise` says, or
    looked up in `levels` (a value that is not there is rejected). each: columns that are read one after another, as
    `value` and `column_name`. join: other tables by the columns of their key. when: which rows make the event at all.
    check: what must hold of a row that does, else it is rejected. optional: a missing code makes no event; otherwise
    the row is rejected. time: none for static facts; time_optional: a missing time is a static fact; otherwise the row
    is rejected. time_format: as DuckDB's strptime; ISO 8601 without. value: a number, or text that is kept as text.
    """

    table: Name
    code: Template
    each: tuple[str, ...] = ()
    join: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    when: Sql | None = None
    check: Sql | None = None
    levels: dict[str, str] = Field(default_factory=dict)
    normalise: Normalisation = "as_is"
    optional: bool = False
    time: Sql | None = None
    time_format: str | None = None
    time_optional: bool = False
    value: Sql | None = None


class Description(_Part):
    """Where the words for codes stand: a table with a code (as in `Event`) and a text column."""

    table: Name
    code: Template
    text: Sql
    normalise: Normalisation = "as_is"


class Mapping(_Part):
    """A whole source.

    subject_ids, visit_ids: `integer`, anything else is rejected; or `any`: a subject's plain whole number stays, any
    other text gets a hash of itself, so its number depends on no other patient. Visits stay as they stand if all are
    plain numbers, else all are hashed, one by one, and have no order. The numbers keep no secret: who knows an
    identifier can compute its number. rejected_share: the largest
    share of a table's rows, in [0, 1], that may be rejected before the ingest is refused. earliest, latest: a time
    outside is no plausible date and is rejected.
    """

    name: Name
    title: str
    subject_ids: Literal["integer", "any"] = "integer"
    visit_ids: Literal["integer", "any"] = "integer"
    rejected_share: float = Field(default=0.01, ge=0, le=1)
    earliest: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "1900-01-01"
    latest: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "2300-01-01"
    table: tuple[Table, ...] = Field(min_length=1)
    event: tuple[Event, ...] = Field(min_length=1)
    description: tuple[Description, ...] = ()

    @property
    def tables(self) -> dict[str, Table]:
        """Tables by name."""
        return {table.name: table for table in self.table}

    def digest(self) -> str:
        """SHA-256 (hex) of what the mapping says, whatever its layout and comments."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        tables = self.tables
        if len(tables) != len(self.table):
            raise ValueError("each table must have a name of its own")
        for code, table in [(e.code, e.table) for e in self.event] + [(d.code, d.table) for d in self.description]:
            if table not in tables:
                raise ValueError(f"code {code!r} reads table {table!r}; there are {sorted(tables)}")
        for event in self.event:
            _check_event(event, tables)
        return self


def _check_event(event: Event, tables: dict[str, Table]) -> None:
    table = tables[event.table]
    if table.subject is None:
        raise ValueError(f"code {event.code!r} reads table {table.name!r}, which states no subject")
    if unknown := set(event.each) - {*table.columns, *table.optional_columns}:
        raise ValueError(f"code {event.code!r}: each names {sorted(unknown)}, not columns of {table.name!r}")
    for other, columns in event.join.items():
        if other not in tables or set(tables[other].key) != set(columns):
            raise ValueError(
                f"code {event.code!r}: join {other!r} must name a table and exactly the columns of its key"
            )
    if event.levels and event.normalise != "as_is":
        raise ValueError(f"code {event.code!r}: levels already says how the code is written; leave out normalise")


def known_mappings() -> list[str]:
    """Names of the mappings that come with synthehr, sorted."""
    folder = resources.files("synthehr.events") / "mappings"
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Read a mapping that comes with synthehr (by name) or a user's own (by the path of its TOML file).

    Raises:
        BadRequest: no such mapping, or its file is not what a mapping has to be; names the file and the entry.
    """
    path = Path(name_or_path)
    if str(name_or_path) in known_mappings():
        text = (resources.files("synthehr.events") / "mappings" / f"{name_or_path}.toml").read_text(encoding="utf-8")
    elif path.suffix == ".toml" and path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        raise BadRequest(
            f"Expected a mapping out of {known_mappings()} or the path of a TOML file; got {name_or_path}."
        )
    try:
        return Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{path.name} is not TOML: {error}.") from None
    except ValidationError as error:
        lines = (f"  {'.'.join(map(str, e['loc'])) or 'mapping'}: {e['msg']}" for e in error.errors())
        raise BadRequest(f"{path.name} is not a mapping:\n" + "\n".join(lines)) from None
