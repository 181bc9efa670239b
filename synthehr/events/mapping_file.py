"""Mappings on disk: those that come with synthehr, and a user's own."""

import tomllib
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from synthehr.errors import BadRequest
from synthehr.events.mapping import Mapping


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
