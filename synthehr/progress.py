"""How long work tells its listener where it stands: one callable, silent by default.

The rooms below the command line know nothing of terminals; `pipelines.progress` draws the bar.
"""

from typing import Protocol


class Progress(Protocol):
    """Called with the absolute position of one named piece of work; cheap to call often, never raises."""

    def __call__(self, task: str, done: int, total: int, unit: str, note: str = "") -> None:
        """Report that `done` of `total` `unit`s of `task` are finished; `note` is short and free of patient values."""


def silent(task: str, done: int, total: int, unit: str, note: str = "") -> None:
    """Listen to nothing: the default `Progress`."""
