import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from synthehr.errors import BadRequest
from synthehr.training.checkpoint import Checkpoint
from synthehr.training.device import choose_device


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "deep" / "c.pt")
    assert checkpoint.read() is None
    checkpoint.write({"weights": torch.arange(3), "epoch": 2, "history": [(1, "loss", 0.5)]})
    state = checkpoint.read()
    assert state is not None
    assert state["weights"].tolist() == [0, 1, 2]
    assert state["history"] == [(1, "loss", 0.5)]


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path / "c.pt")
    checkpoint.write({"epoch": 1})

    def full(state: Any, stream: Any) -> None:
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.write({"epoch": 2})
    monkeypatch.undo()
    assert checkpoint.read() == {"epoch": 1}


def test_a_device_that_is_not_there_is_named() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type in ("cpu", "cuda")
    with pytest.raises(BadRequest, match="Got 'tpu3000'"):
        choose_device("tpu3000")
    if not torch.cuda.is_available():
        with pytest.raises(BadRequest, match="cuda"):
            choose_device("cuda")
