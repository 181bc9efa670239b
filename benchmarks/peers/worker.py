"""What the workers share: they read the training matrix, fit their tool, draw from it, and say what that took.

    python NAME_worker.py TASK --seconds 900 --seed 0 [--wall-seconds 2700] [--cohort COHORT] [--model NAME]

Runs in the tool's own environment, so nothing but the standard library, numpy and scipy is imported here. TASK is a
folder with train.npz (patients x codes, 0 and 1), ids.npy (who they are) and columns.json; the drawn patients go beside
them, one NAME.npz for each way of drawing. What the tool prints goes to stderr; the last line of stdout is one JSON
object. All seconds are of this process's CPU time: with one thread, what the wall clock says on an idle core.
"""

import argparse
import contextlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

T = TypeVar("T")
Draws = Iterator[tuple[str, sparse.csr_matrix]]


@dataclass(frozen=True)
class Task:
    """What a tool is given.

    train: (n, n_codes) uint8. groups: by name, the columns of which every patient has one. seconds: what fitting may
    take; deadline, last_call: when it is to end, in CPU time and on the wall clock. cohort, model: for the generators
    of this house. options: what a benchmark has to tell its workers besides.
    """

    folder: Path
    train: sparse.csr_matrix
    codes: list[str]
    groups: dict[str, list[int]]
    ids: NDArray[np.int64]
    seconds: float
    deadline: float
    last_call: float
    seed: int
    cohort: Path | None
    model: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def remaining(self) -> float:
        """CPU seconds until fitting is to end; none after the last call."""
        return max(0.0, self.deadline - time.process_time()) if time.monotonic() < self.last_call else 0.0

    def epochs(self, wanted: range, share: float = 1.0) -> Iterator[int]:
        """Epochs, of which the last ends as near to the deadline as whole ones can: for tools without a time limit.

        share: of all seconds, when the deadline of these epochs is not that of the task but an earlier one.
        """
        kept = (1 - share) * self.seconds
        begun = self.remaining - kept
        for epoch in wanted:
            left = self.remaining - kept
            if left <= (begun - left) / max(epoch, 1) / 2:
                print(f"stopped by the clock after {epoch} of {len(wanted)} epochs", file=sys.stderr)
                return
            yield epoch


def asked_task() -> Task:
    """The task that the command line names; its time starts now."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--wall-seconds", type=float, default=86_400.0)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--model", default="")
    asked = parser.parse_args()
    columns = json.loads((asked.folder / "columns.json").read_text())
    return Task(
        folder=asked.folder,
        train=sparse.load_npz(asked.folder / "train.npz").tocsr(),
        ids=np.load(asked.folder / "ids.npy"),
        deadline=time.process_time() + asked.seconds,
        last_call=time.monotonic() + asked.wall_seconds,
        **columns,
        **{name: getattr(asked, name) for name in ("seconds", "seed", "cohort", "model")},
    )


def say_run(
    packages: tuple[str, ...], settings: dict[str, Any], fit: Callable[[Task], T], draw: Callable[[T, Task], Draws]
) -> None:
    """Fit, draw, write what was drawn, print seconds and versions.

    Args:
        packages: whose versions are told.
        settings: what of the tool was set, and how; told as they stand after the run, so that fit may add to them.
        fit: a fitted model of the task.
        draw: by name, as many patients as it was fitted on.
    """
    drawn: dict[str, float] = {}
    with contextlib.redirect_stdout(sys.stderr):
        task = asked_task()
        start = time.process_time()
        model = fit(task)
        fitted = last = time.process_time()
        for name, patients in draw(model, task):
            drawn[name] = time.process_time() - last
            sparse.save_npz(task.folder / f"{name}.npz", patients.astype(np.uint8).tocsr())
            last = time.process_time()
    answer = {
        "fit_seconds": fitted - start,
        "draw_seconds": drawn,
        "settings": settings,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
    }
    print(json.dumps(answer), flush=True)
