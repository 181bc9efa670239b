from collections.abc import Callable
from pathlib import Path

import pytest

from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.handmade_omop import extract
from tests.synthehr.events.mappings.test_synthea import older
from tests.synthehr.release.source.returned import Returned, go_back, of_cohort

SHARED = Path(__file__).resolve().parents[5] / "shared" / "data"


@pytest.fixture(scope="session")
def omop_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of the handmade OMOP extract."""
    folder = tmp_path_factory.mktemp("omop")
    (folder / "extract").mkdir()
    ingest_events(extract(folder / "extract"), folder / "events")
    return folder / "events"


@pytest.fixture(scope="session")
def synthea_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events of the handmade Synthea export."""
    folder = tmp_path_factory.mktemp("synthea")
    ingest_events(older(folder), folder / "events")
    return folder / "events"


@pytest.fixture
def back(tmp_path: Path) -> Callable[..., Returned]:
    """Write a cohort, given as code -> count of each patient, in the schema of its events; see `go_back`."""
    return lambda events, patients, **how: go_back(tmp_path / "back", events, patients, **how)


@pytest.fixture(scope="session")
def returned_gibleed(gibleed: Path, tmp_path_factory: pytest.TempPathFactory) -> Returned:
    """GiBleed's own cohort, given out as if it were synthetic."""
    return of_cohort(tmp_path_factory.mktemp("gibleed"), gibleed)


@pytest.fixture(scope="session")
def returned_synthea(tmp_path_factory: pytest.TempPathFactory) -> Returned:
    """The cohort of a real export of Synthea, given out as if it were synthetic, or skip."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is absent: the tests on real data need it")
    return of_cohort(tmp_path_factory.mktemp("synthea"), SHARED / "synthea_csv")
