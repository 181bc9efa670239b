"""Names that a shell completes: recipes, policies, formats and models; read without importing what they name.

A key of a keyboard waits for this module: what registers a generator brings torch along, so generators are listed here,
and a test holds the list to the registry.
"""

from importlib.util import find_spec
from pathlib import Path

RECIPES = Path(__file__).parent / "recipes"
MODELS = ("transformer", "medgan", "medgan_paper", "copula", "independent")
PRIVATE_MODELS = ("copula", "transformer", "medgan", "independent")  # as they are named beside --epsilon


def recipe_names(incomplete: str) -> list[str]:
    """Recipes that come along and begin with `incomplete`."""
    return _named(RECIPES, incomplete)


def policy_names(incomplete: str) -> list[str]:
    """Policies that come along and begin with `incomplete`."""
    return _named(_package("privacy") / "policies", incomplete)


def format_names(incomplete: str) -> list[str]:
    """Mappings that come along and begin with `incomplete`."""
    return _named(_package("synthehr") / "events" / "mappings", incomplete)


def model_names(incomplete: str) -> list[str]:
    """Generators whose names begin with `incomplete`."""
    return [name for name in MODELS if name.startswith(incomplete)]


def private_model_names(incomplete: str) -> list[str]:
    """Generators that can keep a budget and whose names begin with `incomplete`."""
    return [name for name in PRIVATE_MODELS if name.startswith(incomplete)]


def _named(folder: Path, incomplete: str) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.toml") if file.stem.startswith(incomplete))


def _package(name: str) -> Path:
    found = find_spec(name)
    folders = [] if found is None else found.submodule_search_locations or []
    return Path(next(iter(folders)))
