"""The keys of a recipe, of a policy and of the generators, from the classes that read them.

The words are those of the classes' docstrings, where a key is a name followed by a colon (`docs.tables`).
"""

import dataclasses
import inspect
import json
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

SIMPLE = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any value"}
BOUNDS = {"gt": "above {}", "ge": "at least {}", "lt": "below {}", "le": "at most {}"}
# what no docstring says, because the name does, or says to a reader of the code alone: of every class, or of one
SAID = {
    "device": "auto, cpu or cuda",
    "embedding_dim": "width of the space in which records are drawn",
    "generator_layers": "of the generator",
    "discriminator_dims": "widths of the discriminator's layers",
    "discriminator_steps": "for one of the generator",
    "learning_rate": "of Adam",
    "l2": "weight of the penalty on large weights",
    "ema": "decay of the average of the weights that is kept",
}
OF_ONE = {
    "Recipe.name": "of the release, and of the folder of its results",
    "Recipe.purpose": "what it is released for; the report and the datasheet say it",
    "Recipe.seed": "of splits, training, draws and attacks: the same seed, data and machine give the same bytes",
    "CohortOptions.rollup": "how codes become columns: three characters (`category`), CCS or CCSR (`ccs`), chapters, "
    "the listed OMOP ancestor (`concept_ancestor`), or as they are",
    "CohortOptions.counts": "what a count counts: encounters in which a row has the code, or events",
    "Policy.name": "of the policy; the decision and the report carry it",
    "Policy.purpose": "what the release is for, in a sentence",
    "Policy.gates": "the conditions, each a table `[[gates]]`; at least one",
    "Gate.attack": "which attack: a name of [Metrics](metrics.md#attackers)",
    "Gate.metric": "which of its figures",
    "Gate.threshold": "the whole 95 % interval must lie below it",
    "Gate.alpha": "in place of a threshold: the gate fails where the p value is below it. For the worst of many "
    "figures, which no fixed value fits",
}
PLURAL = {"text": "texts", "number": "numbers", "whole number": "whole numbers", "table": "tables"}


@dataclass(frozen=True)
class Key:
    """One key: type and default as a reader of TOML knows them; words: what it does, "" where nothing is said."""

    name: str
    type: str
    default: str
    words: str


def keys_of(cls: type[Any], *, defaults: Mapping[str, Any] | None = None) -> list[Key]:
    """The keys of a pydantic model or a dataclass. defaults: those that a subclass of a reader sets otherwise."""
    changed = defaults or {}
    fields = _model_fields(cls) if issubclass(cls, BaseModel) else _dataclass_fields(cls)
    said = words_of(cls, [name for name, *_ in fields])
    return [
        Key(name, kind, _default(changed.get(name, default)), _words(cls, name, said)) for name, kind, default in fields
    ]


def keys_of_arguments(cls: type[Any]) -> list[Key]:
    """The keys of a generator whose options are the arguments of its constructor."""
    arguments = [p for p in inspect.signature(cls.__init__).parameters.values() if p.kind is p.KEYWORD_ONLY]
    said = words_of(cls, [p.name for p in arguments])
    return [Key(p.name, type_words(p.annotation), _default(p.default), said.get(p.name, "")) for p in arguments]


def words_of(cls: type[Any], names: Sequence[str]) -> dict[str, str]:
    """Key -> what the docstrings of a class and of those that it inherits from say of it: `key, key: words.`"""
    found: dict[str, str] = {}
    listed = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    head = re.compile(rf"(?:^|(?<=[.;:] ))((?:{listed})(?:, (?:{listed}))*)(?: \([^)]*\))?: ")
    for one in reversed(cls.__mro__):
        for paragraph in (one.__dict__.get("__doc__") or "").split("\n\n"):
            text = " ".join(paragraph.split())
            heads = list(head.finditer(text)) if listed else []
            ends = [*(each.start() for each in heads[1:]), len(text)]
            for each, end in zip(heads, ends, strict=False):
                # what is said to a reader of the code: where in it more stands
                words = re.sub(r",? see `[\w.]+`| \(`[\w.]+`\)", "", text[each.end() : end]).replace("None", "none")
                found |= dict.fromkeys(each[1].split(", "), words.strip().rstrip(";."))
    return found


def _words(cls: type[Any], name: str, said: Mapping[str, str]) -> str:
    return OF_ONE.get(f"{cls.__name__}.{name}") or said.get(name) or SAID.get(name, "")


def type_words(kind: Any, bounds: str = "") -> str:
    """A type as TOML knows it."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        return " or ".join(dict.fromkeys(type_words(part, bounds) for part in parts if part is not NoneType))
    if origin is Literal:
        return " or ".join(f"`{json.dumps(part)}`" for part in parts)
    if origin is typing.Annotated:
        return type_words(parts[0], bounds)
    if origin is tuple:
        inner = type_words(parts[0])
        length = "" if ... in parts else f"{len(parts)} "
        return f"list of {length}{PLURAL.get(inner) or inner.replace('list', 'lists', 1)}"
    if origin is not None:  # a mapping
        return "table"
    return SIMPLE.get(kind, "table") + (f", {bounds}" if bounds else "")


def _model_fields(cls: type[BaseModel]) -> list[tuple[str, str, Any]]:
    rows = []
    for name, field in cls.model_fields.items():
        bounds = [
            words.format(f"{getattr(one, key):g}")
            for one in field.metadata
            for key, words in BOUNDS.items()
            if getattr(one, key, None) is not None
        ]
        default = field.default_factory() if field.default_factory is not None else field.default  # type: ignore[call-arg]
        rows.append((field.alias or name, type_words(field.annotation, ", ".join(bounds)), default))
    return rows


def _dataclass_fields(cls: type[Any]) -> list[tuple[str, str, Any]]:
    kinds = typing.get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        make = field.default_factory
        default = field.default if make is dataclasses.MISSING else make()
        rows.append((field.name, type_words(kinds[field.name]), default))
    return rows


def _default(value: Any) -> str:
    if value is PydanticUndefined or value is dataclasses.MISSING or value is inspect.Parameter.empty:
        return "must be given"
    if value is None:
        return "none"
    if isinstance(value, BaseModel) or dataclasses.is_dataclass(value):
        return "a section of its own"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{name} = {json.dumps(part)}" for name, part in value.items())
        return f"`{{ {inside} }}`" if inside else "`{}`"
    return f"`{json.dumps(value)}`"
