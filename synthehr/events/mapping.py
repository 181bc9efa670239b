"""A mapping: which files and columns of a source become which MEDS events, as a TOML file that users copy and edit."""

import hashlib
import json
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
OwnName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9_]*[a-z0-9])?$")]  # `row_` and such are our own
Sql = Annotated[str, Field(min_length=1)]
Template = Annotated[str, Field(pattern=r"^([^/{}]+/[^{}]*)?\{[^{}]+\}")]
Character = Annotated[str, Field(min_length=1, max_length=1)]
Characters = Annotated[
    tuple[Character, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
]
Normalisation = Literal["as_is", "lower_name", "icd9cm_dotted", "icd9cm_undotted", "icd9proc_undotted", "by_system"]
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
EACH_OTHER = "*"  # in `each`: all columns that the table does not name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Table(_Part):
    """One table of the source.

    files: base names or globs, tried in order and without regard to case; without an ending, any kind of file, a folder
    of files, or a table of a database. `.gz` and members of a zip are found too. many: the table may be spread over
    several files. columns must be there, optional_columns read as missing where they are not; names without regard to
    case. others: all other columns are read too, for `each = ["*"]`. delimiter: those tried, in order. quotes_are_text:
    delimiters under which a quotation mark is text. order: columns of files that have no header, by the name of the
    layout. missing: what stands for "no value", beside the empty string. resource: JSON lines are FHIR resources of
    this type, columns their elements.

    derived: further columns, as SQL over those. key: columns that tell rows apart; a row that repeats another is
    dropped, one that contradicts it is rejected. drop: reason -> SQL; such rows are left out and counted.

    subject, visit: SQL expressions over the columns, read as text; a table without a subject makes no events.
    subject_from: another table whose subject it is, by the columns of its key, instead of `subject`.
    """

    name: Name
    files: tuple[str, ...] = Field(min_length=1)
    columns: tuple[str, ...] = Field(min_length=1)
    optional_columns: tuple[str, ...] = ()
    others: bool = False
    required: bool = True
    many: bool = False
    delimiter: Characters = (",",)
    quotes_are_text: Characters = ()
    order: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()
    resource: str | None = None
    derived: dict[OwnName, Sql] = Field(default_factory=dict)
    key: tuple[str, ...] = ()
    drop: dict[str, Sql] = Field(default_factory=dict)
    subject: Sql | None = None
    subject_from: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    visit: Sql | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that are read by name, those that may be absent among them."""
        return tuple(dict.fromkeys((*self.columns, *self.optional_columns)))

    @property
    def has_subject(self) -> bool:
        """Whether its rows are of patients; those of other tables are looked up."""
        return self.subject is not None or bool(self.subject_from)

    @property
    def key_has_subject(self) -> bool:
        """Whether rows of one key are of one patient by the key itself."""
        return self.subject is not None and self.subject.lower() in {name.lower() for name in self.key}


class Event(_Part):
    """One kind of event, made from each row of a table.

    code: `SYSTEM/` and text with `{SQL expressions}`, or one expression that gives both; the part after the slash is
    written as `normalise` says (`by_system`: as its system is), or looked up in `levels` (a value that is not there is
    rejected). each: columns that are read one after another, as `value` and `column_name`. unnest: an SQL list that is
    read member by member, as `value`. join: other tables by the columns of their key, which must have the row; lookup:
    the same, and a row that is not there reads as missing. when: which rows make the event at all. check: what must
    hold of a row that does, else it is rejected. optional: a missing code makes no event; otherwise the row is
    rejected. unmapped: SQL that says whether the code is the source's own for want of a standard one; they are counted.
    time: none for static facts; time_optional: a missing time is a static fact; otherwise the row is rejected.
    time_format: as DuckDB's strptime; ISO 8601 without. value: a number, or text that is kept as text.
    """

    table: Name
    code: Template
    each: tuple[str, ...] = ()
    unnest: Sql | None = None
    join: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    lookup: dict[Name, tuple[str, ...]] = Field(default_factory=dict)
    when: Sql | None = None
    check: Sql | None = None
    levels: dict[str, str] = Field(default_factory=dict)
    normalise: Normalisation = "as_is"
    optional: bool = False
    unmapped: Sql | None = None
    time: Sql | None = None
    time_format: str | None = None
    time_optional: bool = False
    value: Sql | None = None

    @property
    def joined(self) -> dict[str, tuple[str, ...]]:
        """Other tables by the columns of their key, whether they must have the row or not."""
        return {**self.join, **self.lookup}


class Description(_Part):
    """Where the words for codes stand: a table with a code (as in `Event`) and a text column."""

    table: Name
    code: Template
    text: Sql
    normalise: Normalisation = "as_is"


class _Asked(_Part):
    tables: tuple[Name, ...]
    sql: Sql


class Ancestor(_Asked):
    """Where a hierarchy of codes stands: SQL over the mapping's tables that look up, giving code, ancestor, levels."""


class Concept(_Asked):
    """Where the concepts of codes stand: SQL over the mapping's tables that look up, giving code and concept columns.

    The columns are those of `concepts.COLUMNS`, all as text.
    """


class Mapping(_Part):
    """A whole source.

    recognised: whether an extract may be taken for this without being told. subject_ids, visit_ids: `integer`, anything
    else is rejected; or `any`: a subject's plain whole number stays, any other text gets a hash of itself, so its
    number depends on no other patient. Visits stay as they stand if all are plain numbers, else all are hashed, one by
    one, and have no order. The numbers keep no secret: who knows an identifier can compute its number. rejected_share:
    the largest share of a table's rows, in [0, 1], that may be rejected before the ingest is refused. earliest, latest:
    a time outside is no plausible date and is rejected. slashes: whether a code must read SYSTEM/value. returns:
    whether a release can be written in the schema of this source again, for which the table of each code is kept.
    """

    name: Name
    title: str
    recognised: bool = True
    subject_ids: Literal["integer", "any"] = "integer"
    visit_ids: Literal["integer", "any"] = "integer"
    rejected_share: float = Field(default=0.01, ge=0, le=1)
    earliest: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "1900-01-01"
    latest: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] = "2300-01-01"
    slashes: bool = True
    returns: bool = False
    table: tuple[Table, ...] = Field(min_length=1)
    event: tuple[Event, ...] = Field(min_length=1)
    description: tuple[Description, ...] = ()
    ancestor: Ancestor | None = None
    concept: Concept | None = None

    @property
    def tables(self) -> dict[str, Table]:
        """Tables by name."""
        return {table.name: table for table in self.table}

    def digest(self) -> str:
        """SHA-256 (hex) of what the mapping says, whatever its layout and comments."""
        unsaid = {name for name in ("returns", "concept") if not getattr(self, name)}
        said = self.model_dump(mode="json", exclude=unsaid)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    @model_validator(mode="after")
    def _names_meet(self) -> Self:
        tables = self.tables
        if len(tables) != len(self.table):
            raise ValueError("each table must have a name of its own")
        for code, table in [(e.code, e.table) for e in self.event] + [(d.code, d.table) for d in self.description]:
            if table not in tables:
                raise ValueError(f"code {code!r} reads table {table!r}; there are {sorted(tables)}")
        for each in self.table:
            _check_table(each, tables)
        for event in self.event:
            _check_event(event, tables)
        return self


def _check_table(table: Table, tables: dict[str, Table]) -> None:
    if table.subject is not None and table.subject_from:
        raise ValueError(f"table {table.name!r} has both subject and subject_from: leave one")
    if len(table.subject_from) > 1:
        raise ValueError(f"table {table.name!r}: subject_from names {len(table.subject_from)} tables, not one")
    for other, columns in table.subject_from.items():
        if other not in tables or tables[other].subject is None or set(tables[other].key) != set(columns):
            raise ValueError(
                f"table {table.name!r}: subject_from {other!r} must name a table with a subject, and exactly the "
                "columns of its key"
            )


def _check_event(event: Event, tables: dict[str, Table]) -> None:
    table = tables[event.table]
    if not table.has_subject:
        raise ValueError(f"code {event.code!r} reads table {table.name!r}, which states no subject")
    known = {*table.named, *([EACH_OTHER] if table.others else [])}
    if unknown := set(event.each) - known:
        raise ValueError(f"code {event.code!r}: each names {sorted(unknown)}, not columns of {table.name!r}")
    if event.each and event.unnest:
        raise ValueError(f"code {event.code!r} has both each and unnest, which both make `value`: leave one")
    for other, columns in event.joined.items():
        if other not in tables or set(tables[other].key) != set(columns):
            raise ValueError(
                f"code {event.code!r}: join {other!r} must name a table and exactly the columns of its key"
            )
    if event.levels and event.normalise != "as_is":
        raise ValueError(f"code {event.code!r}: levels already says how the code is written; leave out normalise")
