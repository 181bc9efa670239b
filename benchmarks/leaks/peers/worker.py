"""What the three workers share: they read the tables, ask their tool one question after another, and say what it said.

Runs in the tool's own environment, so nothing but the standard library, numpy and pandas is imported here. Whatever the
tool prints goes to stderr; stdout holds one JSON object a line, the last of which is the most complete: a worker that
is stopped at its time limit has said what it finished.
"""

import argparse
import contextlib
import json
import logging
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

Figures = dict[str, float]
Part = Callable[[], Figures]


@dataclass(frozen=True)
class Tables:
    """One release and what it is judged against, 0 and 1, columns code_0 onwards, and the seed of the tool's draws."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: pd.DataFrame
    seed: int


def asked_tables() -> Tables:
    """The tables that the command line names, after its limit on memory is set."""
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--memory-gb", type=float, required=True)
    asked = parser.parse_args()
    limit = round(asked.memory_gb * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    with np.load(asked.tables) as held:
        frames = {name: pd.DataFrame(held[name].astype(np.int64)) for name in ("train", "holdout", "synthetic")}
    named = {name: frame.rename(columns="code_{}".format) for name, frame in frames.items()}
    return Tables(**named, seed=asked.seed)


def say_parts(packages: tuple[str, ...], tables: Tables, parts: dict[str, Part]) -> None:
    """Ask for one part after another; print everything known so far after each.

    Args:
        packages: whose versions are told.
        tables: what the tool is tried on.
        parts: the questions by name; each returns the tool's figures, or raises what the tool raised.
    """
    answer = {
        "rows": len(tables.train),
        "holdout_rows": len(tables.holdout),
        "synthetic_rows": len(tables.synthetic),
        "columns": tables.train.shape[1],
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "seconds": 0.0,
        "finished": False,
        "parts": {},
    }
    for name, part in parts.items():
        answer["parts"][name] = tried(part, tables.seed)
        answer["seconds"] += answer["parts"][name]["seconds"]
        answer["finished"] = len(answer["parts"]) == len(parts)
        print(json.dumps(answer), flush=True)


def tried(part: Part, seed: int) -> dict[str, object]:
    """Seconds and figures of one part, or its failure in words; and what the tool warned of."""
    # the tools draw from numpy's global generator and take no other
    np.random.seed(seed)  # noqa: NPY002
    told: dict[str, object] = {}
    start = time.perf_counter()
    with overheard() as said, contextlib.redirect_stdout(sys.stderr):
        try:
            # through JSON null: a figure that is not a number would be no JSON
            told["figures"] = {name: float(x) if np.isfinite(x) else None for name, x in part().items()}
        except Exception as error:
            told["failed"] = f"{type(error).__name__}: {error}"[:300]
    told["seconds"] = time.perf_counter() - start
    if said:
        told["said"] = sorted(said)
    return told


@contextlib.contextmanager
def overheard() -> Iterator[set[str]]:
    """Warnings that are meant for the tool's user; those of pandas about its own speed are not."""
    said: set[str] = set()
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.add(record.getMessage()[:300])  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("default", UserWarning)
            yield said
        said.update(str(warning.message)[:300] for warning in caught)
    finally:
        logging.getLogger().removeHandler(handler)
