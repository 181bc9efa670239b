"""Which schema is written; MEDS gives the bundle's own events, which are that schema."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from synthehr.errors import IncompleteLanding
from synthehr.landing import land
from synthehr.release.parquet import write_events, write_events_metadata
from synthehr.release.source.choose import write_source
from tests.synthehr.events.mappings.counted import per_patient
from tests.synthehr.release.source.returned import STAMP, Returned, found_again, unsigned

CODES = [{"SEX/female": 1, "AGE/50-60": 1, "ICD10CM/E11": 3, "LAB//51301//K/uL": 1}, {"SEX/male": 1, "ICD10CM/E11": 1}]


@pytest.fixture
def landing(tmp_path: Path) -> Callable[[str], Path]:
    """An events landing of a mapping of this name, with nothing else in it."""

    def make(mapping: str) -> Path:
        with land(tmp_path / mapping, kind="events", config={"mapping": mapping}, made_from={}):
            pass
        return tmp_path / mapping

    return make


@pytest.mark.parametrize(("mapping", "schema"), [("diabetes130", None), ("mimic4", None), ("meds", "meds")])
def test_a_source_without_a_schema_of_its_own_here_gives_no_folder(
    landing: Callable[[str], Path], back: Callable[..., Returned], mapping: str, schema: str | None
) -> None:
    made = back(landing(mapping), CODES)
    assert made.schema == schema
    assert not made.folder.exists()


def test_without_the_events_nothing_is_written(tmp_path: Path) -> None:
    given = {"shards": [], "vocabulary": tmp_path / "absent", "stamp": {}}
    assert write_source(tmp_path / "source", events=None, **given) is None
    assert not (tmp_path / "source").exists()
    with pytest.raises(IncompleteLanding):
        write_source(tmp_path / "source", events=tmp_path / "absent", **given)


def test_events_of_before_still_give_omop_by_the_systems_alone(
    landing: Callable[[str], Path], back: Callable[..., Returned]
) -> None:
    """A landing that was ingested before concepts were kept: codes are source values, and nothing is lost."""
    made = back(landing("omop"), CODES)
    assert made.table("observation")["observation_source_value"].to_list() == [
        *["ICD10CM/E11"] * 3,
        "LAB//51301//K/uL",
        "ICD10CM/E11",
    ]


def test_no_scratch_is_left(omop_events: Path, back: Callable[..., Returned]) -> None:
    made = back(omop_events, CODES)
    assert sorted(path.name for path in made.folder.iterdir()) == ["README.md", "omop"]


def test_meds_gives_meds(landing: Callable[[str], Path], back: Callable[..., Returned], tmp_path: Path) -> None:
    meds = pytest.importorskip("meds", reason="the MEDS package checks what is written: pip install meds")
    made = back(landing("meds"), CODES)
    events = tmp_path / "events"
    for part in ("data", "metadata"):
        (events / part).mkdir(parents=True)
    stamp = STAMP | {"synthetic_sha256": "0" * 64}
    vocabulary = made.matrix.vocabulary
    for shard in sorted((tmp_path / "back").glob("0*.parquet")):
        write_events(shard, events / "data" / shard.name, vocabulary, stamp)
    write_events_metadata(events / "metadata", vocabulary, name="trial", stamp=stamp)
    for shard in (events / "data").iterdir():
        meds.DataSchema.validate(pq.read_table(shard))
    meds.CodeMetadataSchema.validate(pq.read_table(events / "metadata" / "codes.parquet"))
    plain = unsigned(events, tmp_path / "plain")
    shutil.copyfile(events / "metadata" / "dataset.json", plain / "metadata" / "dataset.json")
    found = per_patient(found_again(plain, tmp_path / "again", "meds"))
    # each code once: MEDS has no times here that could tell two of them apart; how often stands in numeric_value
    assert found == {(-who, code): 1 for who, code in made.per_patient()}
