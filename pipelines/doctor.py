"""Doctor: what this machine has, what of it will be used, and what is missing with the line that installs it."""

import importlib.util
import platform
import re
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from rich.markup import escape
from rich.table import Table

from pipelines.executor import cores
from synthehr.landing import versions

GIB = 2**30
FOR_DEVELOPERS = ("dev", "docs")
# under these the evaluation of 71,518 patients x 920 codes does not fit (its budget is 4 GB)
MEMORY_GIB, DISK_GIB = 4.0, 2.0


def examine(folder: Path) -> dict[str, Any]:
    """Facts of the machine; memory and disk (of `folder`) in GiB; `warnings` are sentences with a remedy."""
    memory = min(psutil.virtual_memory().total, _container_limit()) / GIB
    disk = shutil.disk_usage(folder).free / GIB
    missing = {name: f"pip install '{extra}'" for name, extra in _missing_extras().items()}
    warnings = []
    if memory < MEMORY_GIB:
        warnings.append(f"Memory: {memory:.1f} GiB; evaluating 70,000 patients takes up to {MEMORY_GIB:.0f}.")
    if disk < DISK_GIB:
        warnings.append(f"Disk: {disk:.1f} GiB free at {folder}; keep {DISK_GIB:.0f} free, or choose another --out.")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "versions": versions(),
        "device": _device(),
        "cores": cores(),
        "memory_gib": round(memory, 1),
        "disk_free_gib": round(disk, 1),
        "missing_extras": missing,
        "warnings": warnings,
    }


def findings_table(found: dict[str, Any]) -> Table:
    """The facts as a table for a terminal."""
    table = Table(show_header=False, box=None)
    for name in ("python", "system", "device", "cores", "memory_gib", "disk_free_gib"):
        table.add_row(name, str(found[name]))
    for name, version in found["versions"].items():
        table.add_row(name, version)
    for name, line in found["missing_extras"].items():
        table.add_row(f"{name} (missing)", escape(line))
    return table


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}, {torch.cuda.get_device_properties(0).total_memory / GIB:.0f} GiB"
    return f"cpu, {torch.get_num_threads()} threads"


def _missing_extras() -> dict[str, str]:
    """Packages of the optional extras that are not installed -> `synthehr[extra]`."""
    missing = {}
    for requirement in metadata.requires("synthehr") or []:
        found = re.match(r"([A-Za-z0-9._-]+).*;.*extra == ['\"]([\w-]+)['\"]", requirement)
        if found and found[2] not in FOR_DEVELOPERS and not _installed(found[1]):
            missing[found[1]] = f"synthehr[{found[2]}]"
    return missing


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return importlib.util.find_spec(name.replace("-", "_")) is not None
    return True


def _container_limit() -> float:
    """The memory limit of the container, in bytes; infinite where there is none."""
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        path = Path(file)
        if path.is_file() and (text := path.read_text().strip()).isdigit():
            return float(text)
    return float("inf")
