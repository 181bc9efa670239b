from pathlib import Path

import pytest

from pipelines import doctor
from pipelines.doctor import GIB, examine, findings_table


def test_the_facts_are_this_machine(tmp_path: Path) -> None:
    import psutil
    import torch

    found = examine(tmp_path)
    assert found["versions"]["torch"] == torch.__version__ or found["versions"]["torch"] in torch.__version__
    assert 0 < found["memory_gib"] <= psutil.virtual_memory().total / GIB + 0.1
    assert found["disk_free_gib"] > 0
    assert found["device"].startswith("cuda" if torch.cuda.is_available() else "cpu")
    assert findings_table(found).row_count >= 6


def test_a_missing_extra_comes_with_the_line_that_installs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    required = ["numpy>=1", 'sdmetrics>=0.20; extra == "sdmetrics"', "ray ; extra == 'ray'", "pytest; extra == 'dev'"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: required)
    monkeypatch.setattr(doctor, "_installed", lambda name: name == "sdmetrics")
    assert examine(tmp_path)["missing_extras"] == {"ray": "pip install 'synthehr[ray]'"}


def test_a_package_is_installed_or_not() -> None:
    assert doctor._installed("numpy")
    assert not doctor._installed("no-such-package-anywhere")


def test_a_small_machine_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all("Memory" not in warning for warning in examine(tmp_path)["warnings"] if doctor.MEMORY_GIB < 4)
    monkeypatch.setattr(doctor, "_container_limit", lambda: 1.0 * GIB)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": GIB // 2})())
    warnings = examine(tmp_path)["warnings"]
    assert [warning.split(":")[0] for warning in warnings] == ["Memory", "Disk"]
    assert "1.0 GiB" in warnings[0]
    assert "0.5 GiB" in warnings[1]
