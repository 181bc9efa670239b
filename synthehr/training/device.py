"""Where tensors live: one place decides, the rest follows."""

import contextlib
from collections.abc import Iterator

import torch

from synthehr.errors import BadRequest


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name`: "auto" takes CUDA where there is one, else the CPU.

    Raises:
        BadRequest: a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.split(":")[0] == "cuda" and not torch.cuda.is_available():
        raise BadRequest(
            f"The device {name!r} was asked for, and torch {torch.__version__} finds no CUDA here. Use cpu."
        )
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise BadRequest(f"The 'device' must be auto, cpu, cuda or cuda:<index>. Got {name!r} instead.") from error


@contextlib.contextmanager
def denormals_flushed() -> Iterator[None]:
    """Flush denormal numbers to zero while training, in this thread and in the worker threads that start meanwhile.

    L2 drives the weights of codes that hardly occur, and Adam's moments with them, into the denormal range, where a CPU
    multiplies several times slower. It is undone on leaving, since other libraries rely on IEEE arithmetic.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
