"""A recipe: one TOML file that says all that a release was asked for, so that a run is a recipe and not forty flags."""

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from pipelines.sections import Evaluate, Fidelity, Generate, Ingest, Release, Section, Train
from synthehr.codes.lists import is_topic
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadRequest

T = TypeVar("T")
OF_RELEASE = ("queries", "register_file", "key_file")  # files that a release is given, beside its policy
RECIPES = Path(__file__).parent / "recipes"


class Recipe(Section):
    """All five stages, and what a site declares.

    One seed serves them all; `[cohort] seed` may differ, to compare models on one split.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    purpose: str = ""
    seed: int = Field(default=0, ge=0)
    ingest: Ingest = Ingest()
    cohort: CohortOptions = Field(default_factory=CohortOptions)
    train: Train = Train()
    generate: Generate = Generate()
    evaluate: Evaluate = Evaluate()
    fidelity: Fidelity = Fidelity()
    release: Release = Release()


def recipe_path(name_or_path: str | Path) -> Path:
    """The file of a recipe given by path or by the bare name of one that comes with the package.

    Raises:
        BadRequest: neither; the message has the nearest name.
    """
    path = Path(name_or_path)
    shipped = RECIPES / f"{name_or_path}.toml"
    if path.is_file():
        return path
    if path.name == str(name_or_path) and shipped.is_file():
        return shipped
    known = sorted(file.stem for file in RECIPES.glob("*.toml"))
    raise BadRequest(f"No recipe file {path}, and no recipe of that name comes along.{nearest(path.stem, known)}")


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read and validate a recipe; file names in it become absolute.

    Raises:
        BadRequest: no such recipe, not TOML, an unknown key (the message has the nearest), or a value out of range.
    """
    path = recipe_path(name_or_path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"{path} is not TOML: {error}.") from None
    _check_keys(table, Recipe, str(path))
    recipe = validated(Recipe, table, str(path))
    cohort = recipe.cohort if "seed" in table.get("cohort", {}) else replace(recipe.cohort, seed=recipe.seed)
    ingest = recipe.ingest.model_copy(update={"format": _beside(path, recipe.ingest.format)})
    asked = recipe.release
    files = {
        key: str((path.parent / name).absolute()) for key in OF_RELEASE if (name := getattr(asked, key)) is not None
    }
    release = asked.model_copy(update={"policy": _beside(path, asked.policy), **files})
    previous = recipe.evaluate.previous
    if previous is not None:
        evaluate = recipe.evaluate.model_copy(update={"previous": str((path.parent / previous).absolute())})
        recipe = recipe.model_copy(update={"evaluate": evaluate})
    cohort = replace(cohort, **_lists(path, cohort))
    return recipe.model_copy(update={"cohort": cohort, "ingest": ingest, "release": release})


def _lists(recipe: Path, cohort: CohortOptions) -> dict[str, Any]:
    """The lists of a cohort as absolute paths; names of sensitive topics stay names."""

    def absolute(name: str) -> str:
        return str((recipe.parent / name).absolute())

    one = {
        name: absolute(value) for name in ("vocabulary", "ancestors") if (value := getattr(cohort, name)) is not None
    }
    drop = tuple(name if is_topic(name) else absolute(name) for name in cohort.drop)
    return {**one, "keep": tuple(map(absolute, cohort.keep)), "drop": drop}


def _beside(recipe: Path, name: str | None) -> str | None:
    return str((recipe.parent / name).absolute()) if name is not None and name.endswith(".toml") else name


def validated(model: type[T], table: Mapping[str, Any], source: str) -> T:
    """`table` as a `model`; a value out of range is a BadRequest that names `source` and the key."""
    try:
        return TypeAdapter(model).validate_python(dict(table))
    except ValidationError as error:
        problems = [f"{'.'.join(str(k) for k in e['loc'])}: {e['msg']}" for e in error.errors(include_url=False)]
        raise BadRequest(f"{source}: {'; '.join(problems)}.") from None


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """Options of a model from NAME=VALUE, the value as in a recipe (TOML); what is no TOML value is text.

    Raises:
        BadRequest: no `=`.
    """
    options: dict[str, Any] = {}
    for text in given:
        name, found, value = text.partition("=")
        if not found or not name.strip():
            raise BadRequest(f"An option of a model reads NAME=VALUE. Got {text!r} instead.")
        try:
            options[name.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            options[name.strip()] = value
    return options


def nearest(name: str, known: Collection[str]) -> str:
    """A hint for a name that is not among `known`: the nearest, else all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(sorted(known))}."


def _check_keys(table: Mapping[str, Any], model: Any, source: str, at: str = "") -> None:
    known = getattr(model, "model_fields", None) or getattr(model, "__dataclass_fields__", {})
    for key, value in table.items():
        if key not in known:
            raise BadRequest(f"{source}: there is no key {at + key!r}.{nearest(key, known)}")
        section = getattr(known[key], "annotation", None)
        inner = getattr(section, "model_fields", None) or getattr(section, "__dataclass_fields__", None)
        if inner is not None and isinstance(value, Mapping):
            _check_keys(value, section, source, f"{at}{key}.")
