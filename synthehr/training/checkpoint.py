"""Checkpoints: what a training run needs to go on to the same bytes, written whole or not at all."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass
class Checkpoint:
    """A place in a run: one file, replaced at most every `seconds` and whenever a stage ends.

    file: where it lies. The state is a nested dict of tensors, numbers and strings; nothing else is ever unpickled.
    """

    file: Path
    seconds: float = 20.0
    _written: float = field(default_factory=time.monotonic)

    def read(self) -> dict[str, Any] | None:
        """The last state written, on the CPU, or None where the run starts afresh."""
        if not self.file.is_file():
            return None
        state: dict[str, Any] = torch.load(self.file, map_location="cpu", weights_only=True)
        return state

    def due(self) -> bool:
        """Whether the last one is older than `seconds`."""
        return time.monotonic() - self._written >= self.seconds

    def write(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint: written beside it, flushed to disk, renamed."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".tmp")
        with temporary.open("wb") as stream:
            torch.save(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self.file)
        self._written = time.monotonic()
