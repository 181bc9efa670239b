"""The sections of a recipe, a stage each: what may be asked of it, with types, ranges and defaults."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from privacy.audit.canaries import LEAST_CANARIES
from privacy.membership.shadow import LEAST_SHADOWS
from privacy.policy_file import DEFAULT

PRIVATE = "private_"  # how the names of generators that keep a budget begin


class Section(BaseModel):
    """A table of a recipe; a key that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ingest(Section):
    """format: name of a mapping, or a mapping file relative to the recipe; absent, the extract is recognised."""

    format: str | None = None


class Train(Section):
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


class Generate(Section):
    """patients: how many; absent, as many as the training split has."""

    patients: int | None = Field(default=None, ge=1)


class Evaluate(Section):
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


class Fidelity(Section):
    """What a site knows of its patients and wants to study; the codes are those of the cohort's vocabulary.

    rules: pairs of a code and a member of an exclusive group that must not come together, beside those that are learned
    from the training patients. effects: pairs of exposure and outcome whose odds ratios are compared; absent, those of
    common codes. outcomes: codes that models are fitted for; absent, those of the code system OUTCOME.
    """

    rules: Pairs = ()
    effects: Pairs = ()
    outcomes: tuple[str, ...] = ()


class Release(Section):
    """policy: name of a policy of `privacy/policies`, or a policy file relative to the recipe.

    queries: a folder of researchers' queries (`.sql`), or one, asked of real and synthetic patients; the bundle says
    how far off each is. register_file: all releases of the house, read and added to. key_file: PEM of an Ed25519 key
    that signs the bundle. All are relative to the recipe.
    """

    policy: str = DEFAULT
    queries: str | None = None
    register_file: str | None = None
    key_file: str | None = None
