"""MEDS, in and out: the MIMIC-IV demo counted by pandas; our own landing before the schema of the MEDS package."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synthehr.errors import BadData
from synthehr.events.ingest import ingest_events
from tests.synthehr.events.mappings.counted import (
    assert_same,
    band,
    differences,
    edited,
    events_of,
    icd9,
    icd10,
    keyed,
    per_patient,
    set_aside,
    years_between,
)
from tests.synthehr.events.mappings.landings import contents

VALUES = ["subject_id", "time", "code", "numeric_value"]


def renamed(code: str) -> str:
    """The codes of the demo that other sources have too, by their names here."""
    code = code.strip()
    sexes = {"GENDER//F": "SEX/female", "GENDER//M": "SEX/male"}
    if code in sexes:
        return sexes[code]
    kind, _, rest = code.partition("//ICD//")
    version, _, value = rest.partition("//")
    if kind == "DIAGNOSIS":
        return f"ICD9CM/{icd9(value)}" if version == "9" else f"ICD10CM/{icd10(value)}"
    if kind == "PROCEDURE" and rest:
        return f"ICD9PROC/{value[:2]}.{value[2:]}" if version == "9" else f"ICD10PCS/{value}"
    return code


def expected(folder: Path) -> pd.DataFrame:
    rows = pd.concat([pd.read_parquet(path) for path in sorted(folder.glob("data/*/*.parquet"))])
    rows["code"] = rows["code"].map({code: renamed(code) for code in rows["code"].unique()})
    births = rows[rows["code"] == "MEDS_BIRTH"].set_index("subject_id")["time"]
    rows = rows[rows["code"] != "MEDS_BIRTH"]
    firsts = rows.groupby("subject_id")["time"].min()
    ages = "AGE/" + years_between(births, firsts.reindex(births.index)).map(band)
    rows = pd.concat([rows, pd.DataFrame({"subject_id": ages.index, "code": ages.values})], ignore_index=True)
    return rows[VALUES].drop_duplicates().assign(visit_id=None)


def test_the_demo_has_the_events_that_pandas_counts(shared: Path, tmp_path: Path) -> None:
    report = ingest_events(shared / "mimic4_demo_meds", tmp_path / "events")
    found, counted = events_of(tmp_path / "events"), expected(shared / "mimic4_demo_meds")
    assert_same(found, counted)
    assert (report.mapping, report.patients, report.events) == ("meds", 100, len(counted))
    assert report.tables[0].rows == 916_166  # shared/data/README.md
    assert report.events_repeated == 916_166 - len(counted)
    assert not set_aside(tmp_path / "events")
    # values are compared as what they are: 32-bit floats
    pairs = (set(part[VALUES].fillna(-1e30).itertuples(index=False, name=None)) for part in (found, counted))
    assert len(next(pairs) ^ next(pairs)) == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("code <> 'MEDS_BIRTH' AND", ""),
        ('derived = { coded = "meds_code(code)" }', 'derived = { coded = "code" }'),
        ('time = "time"', 'time = "substr(time, 1, 10)"'),
    ],
)
def test_a_mapping_that_is_wrong_in_one_thing_is_found_out(shared: Path, tmp_path: Path, old: str, new: str) -> None:
    part = tmp_path / "part"
    shutil.copytree(shared / "mimic4_demo_meds" / "data" / "held_out", part / "data" / "held_out")
    ingest_events(part, tmp_path / "right", mapping="meds")
    ingest_events(part, tmp_path / "wrong", mapping=edited(tmp_path, "meds", old, new))
    counted = keyed(expected(part))
    assert not differences(keyed(events_of(tmp_path / "right")), counted)
    assert differences(keyed(events_of(tmp_path / "wrong")), counted)


def test_a_landing_is_what_the_package_says_meds_is(mimic: Callable[..., Path], tmp_path: Path) -> None:
    meds = pytest.importorskip("meds", reason="the MEDS package checks what is written: pip install meds")
    ingest_events(mimic(), tmp_path / "events")
    files = sorted((tmp_path / "events" / meds.data_subdirectory).rglob("*.parquet"))
    assert files
    for file in files:
        written = pq.read_table(file)
        meds.DataSchema.validate(written)
        rows = written.to_pandas()
        for _, of_one in rows.groupby("subject_id"):
            assert (of_one.index == range(of_one.index[0], of_one.index[-1] + 1)).all()  # they stand together
            assert of_one["time"].dropna().is_monotonic_increasing
            assert of_one["time"].isna().cummin().equals(of_one["time"].isna())  # static facts first
    meds.CodeMetadataSchema.validate(pq.read_table(tmp_path / "events" / meds.code_metadata_filepath))
    about = json.loads((tmp_path / "events" / meds.dataset_metadata_filepath).read_text())
    meds.DatasetMetadataSchema.validate(about)
    # the control: a landing with one type changed is none
    wrong = written.set_column(0, "subject_id", written.column("subject_id").cast(pa.string()))
    with pytest.raises(Exception, match="subject_id"):
        meds.DataSchema.validate(wrong)


@pytest.mark.parametrize(
    "source",
    [
        "mimic4_demo",
        "eicu_demo",
        "synthea_csv",
        "synthea_fhir_bulk",
    ],
)
def test_a_landing_is_a_source_with_the_same_counts(shared: Path, tmp_path: Path, source: str) -> None:
    first = ingest_events(shared / source, tmp_path / "first")
    again = ingest_events(tmp_path / "first", tmp_path / "again")
    one, two = events_of(tmp_path / "first"), events_of(tmp_path / "again")
    assert again.mapping == "meds"
    assert not differences(keyed(two), keyed(one))
    assert not differences(per_patient(two), per_patient(one))
    assert (again.patients, again.events, again.events_repeated) == (first.patients, first.events, 0)
    assert one.equals(two)
    words = (pd.read_parquet(tmp_path / name / "metadata" / "codes.parquet") for name in ("first", "again"))
    assert next(words).equals(next(words))


def written(folder: Path, rows: pd.DataFrame) -> Path:
    """A data set by the schema alone: no more columns than it requires."""
    (folder / "data" / "train").mkdir(parents=True)
    (folder / "metadata").mkdir()
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), folder / "data" / "train" / "0.parquet")
    pq.write_table(pa.table({"code": sorted(rows["code"].unique())}), folder / "metadata" / "codes.parquet")
    return folder


def test_what_the_schema_leaves_open(tmp_path: Path) -> None:
    time = pd.to_datetime(["2000-01-01", "2020-01-01 10:00:00.000001", "2020-01-01", None], format="mixed")
    codes = ["MEDS_BIRTH", "HCPCS//Hospital stay", "ICD10CM//E119", "RACE//WHITE"]
    bare = pd.DataFrame({"subject_id": [1] * 4, "time": time.astype("datetime64[us]"), "code": codes})
    ingest_events(written(tmp_path / "bare", bare), tmp_path / "events")
    assert keyed(events_of(tmp_path / "events")) == {
        (1, None, "AGE/20-30", None): 1,
        (1, None, "RACE/white", None): 1,
        (1, "2020-01-01T00:00:00.000000", "ICD10CM/E11.9", None): 1,
        (1, "2020-01-01T10:00:00.000001", "HCPCS//Hospital stay", None): 1,
    }
    (tmp_path / "bare" / "metadata" / "codes.parquet").unlink()
    with pytest.raises(BadData, match="fits long_table and meds: name one"):  # any long table in Parquet is as much
        ingest_events(tmp_path / "bare", tmp_path / "unasked")
    ingest_events(tmp_path / "bare", tmp_path / "without words", mapping="meds")
    assert contents(tmp_path / "without words") == contents(tmp_path / "events")
    values = bare.assign(numeric_value=[None, float("nan"), 0.1, None], text_value=[None, "long", None, None])
    path = written(tmp_path / "values", values) / "data" / "train" / "0.parquet"
    nan = pa.array([None, float("nan"), 0.1, None], pa.float32())  # as polars writes it: a number that is none
    pq.write_table(pq.read_table(path).set_column(3, "numeric_value", nan), path)
    ingest_events(tmp_path / "values", tmp_path / "again")
    found = events_of(tmp_path / "again").set_index("code")
    assert found.loc["HCPCS//Hospital stay", "text_value"] == "long"
    assert found.loc["ICD10CM/E11.9", "numeric_value"] == pa.scalar(0.1, pa.float32()).as_py()
