"""A recipe: one TOML file that says all that a release was asked for, so that a run is a recipe and not forty flags."""

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from privacy.audit.canaries import LEAST_CANARIES
from privacy.membership.shadow import LEAST_SHADOWS
from privacy.policy_file import DEFAULT
from synthehr.codes.lists import is_topic
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadRequest

T = TypeVar("T")
PRIVATE = "private_"  # how the names of generators that keep a budget begin
RECIPES = Path(__file__).parent / "recipes"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ingest(_Section):
    """format: name of a mapping, or a mapping file relative to the recipe; absent, the extract is recognised."""

    format: str | None = None


class Train(_Section):
    """model: a generator's name. options: what that generator understands, such as epochs or minutes.

    epsilon, delta: the budget of a differentially private training, or no epsilon for none. With one, `copula` means
    `private_copula`, which is also the default.
    """

    model: str = "transformer"
    options: dict[str, Any] = Field(default_factory=dict)
    epsilon: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    delta: float = Field(default=1e-6, gt=0, le=1e-3)

    @model_validator(mode="before")
    @classmethod
    def _private_names(cls, given: Any) -> Any:
        """A budget asks for a generator that can keep it."""
        if not isinstance(given, Mapping) or given.get("epsilon") is None:
            return given
        model = str(given.get("model", "copula"))
        return {**given, "model": model if model.startswith(PRIVATE) else PRIVATE + model}


class Generate(_Section):
    """patients: how many; absent, as many as the training split has."""

    patients: int | None = Field(default=None, ge=1)


class Evaluate(_Section):
    """What stands beside the release.

    comparators: simple generators; `independent`, the floor, is always among them. previous: an earlier synthetic
    landing over the same codes, put through the same attacks; relative to the recipe. shadows: generators of the run's
    kind that an attacker trains with and without each patient he asks about; even and at least 8, or 0 for no such
    attack. Each takes about as long as a training. canaries: of an audit of the claim of a run under a budget, at least
    8, or 0 for none; it takes as long as the training.
    """

    comparators: tuple[str, ...] = ("independent", "copula")
    previous: str | None = None
    shadows: int = 0
    canaries: int = 1_000

    @field_validator("shadows")
    @classmethod
    def _enough_shadows(cls, shadows: int) -> int:
        if shadows and (shadows < LEAST_SHADOWS or shadows % 2):
            raise ValueError(f"expected 0, or an even number of at least {LEAST_SHADOWS}. Got {shadows} instead")
        return shadows

    @field_validator("canaries")
    @classmethod
    def _enough_canaries(cls, canaries: int) -> int:
        if canaries and canaries < LEAST_CANARIES:
            raise ValueError(f"expected 0, or {LEAST_CANARIES} or more. Got {canaries} instead")
        return canaries


def _pairs(given: Any) -> Any:
    """`given` if it is a list of pairs of codes: pydantic's own complaint would not say what a pair looks like."""
    listed = given if isinstance(given, list | tuple) else [given]
    for pair in listed:
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(code, str) for code in pair)):
            raise ValueError(
                f'expected pairs of two codes, such as [["ICD9CM/185", "SEX/female"]]. Got {pair!r} instead'
            )
    return given


Pairs = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)]


class Fidelity(_Section):
    """What a site knows of its patients and wants to study; the codes are those of the cohort's vocabulary.

    rules: pairs of a code and a member of an exclusive group that must not come together, beside those that are learned
    from the training patients. effects: pairs of exposure and outcome whose odds ratios are compared; absent, those of
    common codes. outcomes: codes that models are fitted for; absent, those of the code system OUTCOME.
    """

    rules: Pairs = ()
    effects: Pairs = ()
    outcomes: tuple[str, ...] = ()


class Release(_Section):
    """policy: name of a policy of `privacy/policies`, or a policy file relative to the recipe."""

    policy: str = DEFAULT


class Recipe(_Section):
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
    release = recipe.release.model_copy(update={"policy": _beside(path, recipe.release.policy)})
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
