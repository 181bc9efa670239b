"""What the options of every trained generator have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from synthehr.errors import BadRequest

T = TypeVar("T")


def options_of(kind: type[T], name: str, asked: Mapping[str, Any]) -> T:
    """The options `kind`, a dataclass, from a mapping; raises BadRequest naming what the generator does not know."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(asked) - known):
        raise BadRequest(f"{name} does not know the options {unknown}; it knows {sorted(known)}.")
    return kind(**asked)


def check_at_least_one(options: object, names: Sequence[str]) -> None:
    """Raise BadRequest where one of these options is below 1."""
    for name in names:
        if getattr(options, name) < 1:
            raise BadRequest(f"The {name!r} option must be 1 or more. Got {getattr(options, name)!r} instead.")
