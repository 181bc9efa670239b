"""Whatever the rows, their order and their partition: every (patient, code, count) that goes in comes out."""

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.events import ingest
from synthehr.events.ingest import ingest_events

Row = tuple[str, str, str]  # subject, time, code
DAY = datetime(2020, 1, 1)

subjects = st.one_of(
    st.integers(0, 10**18 - 1).map(str), st.text("abXYZ-_019 é'\"", min_size=1, max_size=8).map(lambda s: f"p{s}q")
)
times = st.integers(0, 3).map(lambda k: (DAY + timedelta(hours=7 * k)).isoformat(sep=" "))
codes = st.builds(
    "{}/{}".format, st.sampled_from(["ICD9CM", "DRUG"]), st.text("ab1.,;\"' \n|{}é", min_size=1).map(lambda s: f"x{s}x")
)
tables = st.lists(st.tuples(subjects, times, codes), min_size=1, max_size=40)


def expected(rows: Sequence[Row]) -> Counter[tuple[int, str]]:
    """How many different times each patient has each code, by their count alone: the numbers are checked elsewhere."""
    people = {subject: k for k, subject in enumerate(dict.fromkeys(row[0] for row in rows))}
    return Counter((people[subject], code) for subject, _, code in set(rows))


def shape(counts: Counter[tuple[int, str]]) -> list[list[tuple[str, int]]]:
    """Each patient's codes with their counts, patients in whatever order."""
    found: dict[int, list[tuple[str, int]]] = {}
    for (subject, code), n in counts.items():
        found.setdefault(subject, []).append((code, n))
    return sorted(sorted(person) for person in found.values())


def read(landing: Path) -> Counter[tuple[int, str]]:
    table = pq.read_table(landing / "data")
    return Counter(zip(table.column("subject_id").to_pylist(), table.column("code").to_pylist(), strict=True))


def written(path: Path, rows: Sequence[Row]) -> Path:
    if path.suffix == ".parquet":
        columns = zip(*rows, strict=True)
        pq.write_table(pa.table(dict(zip(("subject_id", "time", "code"), map(list, columns), strict=True))), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([("subject_id", "time", "code"), *rows])
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=tables, partitions=st.sampled_from([1, 2, 5]))
def test_random_events_are_all_there_with_their_counts(
    tmp_path: Path, kind: str, rows: list[Row], partitions: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ingest, "partitions_of", lambda _: partitions)
        report = ingest_events(written(tmp_path / f"x.{kind}", rows), tmp_path / "events", mapping="long_table")
    assert shape(read(tmp_path / "events")) == shape(expected(rows))
    assert report.tables[0].rejected == 0
    assert report.events + report.events_repeated == len(rows) == report.tables[0].rows
    assert report.patients == len({row[0] for row in rows})


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(0, 10**18 - 1).map(str), times, codes), min_size=20, max_size=60))
def test_no_patient_is_in_two_files_however_fine_the_partition(tmp_path: Path, rows: list[Row]) -> None:
    found = []
    for name, partitions in (("whole", 1), ("parted", 7)):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(ingest, "partitions_of", lambda _, n=partitions: n)
            ingest_events(written(tmp_path / "x.csv", rows), tmp_path / name, mapping="long_table")
        found.append(read(tmp_path / name))
        files = [set(pq.read_table(f).column("subject_id").to_pylist()) for f in (tmp_path / name / "data").iterdir()]
        assert sum(map(len, files)) == len(set().union(*files))
    assert found[0] == found[1]


def test_a_lost_event_would_be_seen(tmp_path: Path) -> None:
    rows = [("1", DAY.isoformat(), "A/x"), ("2", DAY.isoformat(), "A/x")]
    ingest_events(written(tmp_path / "x.csv", rows[:1]), tmp_path / "events", mapping="long_table")
    assert shape(read(tmp_path / "events")) != shape(expected(rows))
