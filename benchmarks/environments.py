"""Virtual environments of other tools, each of its own, with the versions that pip resolved on the day."""

import json
import os
import subprocess
import sys
from pathlib import Path

PYTHON = (3, 11)


def interpreter(name: str, installs: tuple[tuple[str, ...], ...], environments: Path) -> Path:
    """The interpreter of a tool's environment, which is made first unless a finished one lies under `environments`.

    installs: arguments of pip, a call each; where all are empty, this very environment.

    Raises:
        RuntimeError: this is not Python 3.11, or pip failed; with pip's last words.
    """
    if not any(installs):
        return Path(sys.executable)
    folder = environments.resolve() / name
    python, finished = folder / "bin" / "python", folder / "finished.json"
    if finished.is_file() and finished.read_text() == json.dumps(installs):
        return python
    if sys.version_info[:2] != PYTHON:
        raise RuntimeError(f"The pinned versions are for Python {PYTHON}. Got {sys.version_info[:2]} instead.")
    finished.unlink(missing_ok=True)
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    for step in ((sys.executable, "-m", "venv", str(folder)), *((*pip, *install) for install in installs)):
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{name}: no environment. {done.stderr[-500:]}")
    finished.write_text(json.dumps(installs))
    return python


def environment(threads: int) -> dict[str, str]:
    """The environment without Python settings, which would silence warnings or mix packages, and with `threads`."""
    python = ("PYTHONPATH", "PYTHONHOME", "PYTHONWARNINGS")
    kept = {name: value for name, value in os.environ.items() if name not in python}
    counts = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS")
    return kept | dict.fromkeys(counts, str(threads))
