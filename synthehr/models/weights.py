"""Reading and writing a generator's weights: safetensors for the arrays, JSON for the options."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from synthehr.errors import IncompleteLanding
from synthehr.landing import write_text


def write_weights(folder: Path, name: str, options: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `weights.safetensors` (contiguous arrays by name) and `model.json` (model name and options)."""
    save_file({key: np.ascontiguousarray(array) for key, array in arrays.items()}, folder / "weights.safetensors")
    write_text(folder / "model.json", json.dumps({"model": name, "options": dict(options)}, indent=1) + "\n")


def model_name(folder: Path) -> str:
    """Name of the model whose weights a run holds; raises IncompleteLanding where there is no model.json."""
    file = folder / "model.json"
    if not file.is_file():
        raise IncompleteLanding(f"Expected a trained run at {folder}, found no model.json. Train one first.")
    return str(json.loads(file.read_text(encoding="utf-8"))["model"])


def read_weights(folder: Path, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Options and arrays of a run of the model `name`.

    Raises:
        IncompleteLanding: another model's run, or none.
    """
    if model_name(folder) != name:
        raise IncompleteLanding(f"Expected a run of {name} at {folder}, found one of {model_name(folder)}.")
    options = json.loads((folder / "model.json").read_text(encoding="utf-8"))["options"]
    return options, load_file(folder / "weights.safetensors")
