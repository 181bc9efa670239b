from collections.abc import Iterator

import pytest

from tests.synthehr.events.mappings.postgres_server import Server, programs, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL that runs for these tests, or skip."""
    found = programs()
    if found is None:
        pytest.skip("initdb is not installed (Debian: apt install postgresql): no PostgreSQL to read from")
    pytest.importorskip("adbc_driver_postgresql", reason="pip install 'synthehr[postgres]'")
    with running(found) as server:
        yield server
