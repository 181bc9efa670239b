"""Generators by name."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.errors import BadRequest
from synthehr.landing import read_manifest
from synthehr.models.copula import Copula
from synthehr.models.generator import Generator, PrivateGenerator, Trained
from synthehr.models.independent import Independent
from synthehr.models.medgan.model import Medgan, MedganPaper
from synthehr.models.private.copula import PrivateCopula
from synthehr.models.private.independent import PrivateIndependent
from synthehr.models.private.medgan import PrivateMedgan
from synthehr.models.private.transformer import PrivateTransformer
from synthehr.models.transformer.model import Transformer
from synthehr.models.weights import model_name

Model = type[Independent] | type[Copula] | type[Medgan] | type[Transformer]
MODELS: Mapping[str, Model] = {model.name: model for model in (Transformer, Medgan, MedganPaper, Copula, Independent)}
NAMES = tuple(MODELS)
PRIVATE: Mapping[str, type[PrivateIndependent]] = {
    m.name: m for m in (PrivateCopula, PrivateTransformer, PrivateMedgan, PrivateIndependent)
}


def create(name: str, *, options: Mapping[str, Any] | None = None) -> Generator:
    """A new generator called `name`.

    Raises:
        BadRequest: no such generator, or an option that it does not know.
    """
    model = _model(name)
    try:
        return model(**dict(options or {}))
    except TypeError as error:
        raise BadRequest(f"{name} was given options that it does not know: {sorted(options or {})}.") from error


def create_private(name: str, *, options: Mapping[str, Any] | None = None) -> PrivateGenerator:
    """A new generator called `name` that keeps a budget.

    Raises:
        BadRequest: no such generator, or none that can be private; or an option that it does not know.
    """
    if name in PRIVATE:
        return PRIVATE[name](**dict(options or {}))
    plain = name.removeprefix("private_")
    why = " It looks at patients without a mechanism." if plain in MODELS else ""
    raise BadRequest(
        f"There is no generator {plain!r} that keeps an epsilon.{why} Those that do: {', '.join(PRIVATE)}; or leave "
        "--epsilon out, and have no guarantee."
    )


def load_run(run: Path) -> Trained:
    """The trained generator of a run landing; raises IncompleteLanding where there is none."""
    read_manifest(run, "run")
    name, vocabulary = model_name(run), Vocabulary.read(run / "vocabulary.parquet")
    return PRIVATE[name].load(run, vocabulary) if name in PRIVATE else _model(name).load(run, vocabulary)


def _model(name: str) -> Model:
    if name in PRIVATE:
        raise BadRequest(f"{name} keeps a budget: give --epsilon.")
    if name not in MODELS:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise BadRequest(f"There is no generator called {name!r}; there are {', '.join(NAMES)}.{hint}")
    return MODELS[name]
