"""Cohorts whose rows are encounters, counts of events, and windows of time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.private import private_plan
from pipelines.sections import Train
from synthehr.cohort.build import build_cohort
from synthehr.cohort.cohort import SPLITS, Cohort, draw_splits, read_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.errors import BadData, BadRequest

Event = tuple[int, str | None, str, int | None]
Events = Callable[..., Path]

TWO_STAYS: list[Event] = [
    (1, None, "SEX/female", None),
    (1, "2020-01-01", "AGE/60-70", 10),
    (1, "2020-01-01", "A/x", 10),
    (1, "2020-01-02", "A/x", 10),
    (1, "2021-01-01", "AGE/unknown", 11),
    (1, "2021-01-02", "AGE/70-80", 11),
    (1, "2021-01-01", "A/y", 11),
    (1, "2021-06-01", "A/x", None),  # in no encounter
    (2, "2020-01-01", "SEX/male", 20),
    (2, "2020-01-01", "A/x", 20),
]
OTHERS: list[Event] = [(who, "2020-01-01", "A/z", who * 10) for who in range(3, 60)]


def of(cohort: Cohort, patient: int) -> dict[int, dict[str, int]]:
    """The encounters of one patient, with the count of each code."""
    codes = np.asarray(cohort.matrix.vocabulary.code)
    visits = cohort.matrix.ids if cohort.visits is None else cohort.visits
    found = {}
    for k in np.flatnonzero(cohort.subjects == patient):
        row = cohort.matrix.counts[[k]]
        found[int(visits[k])] = dict(zip(codes[row.indices].tolist(), row.data.tolist(), strict=True))
    return found


def in_training(rows: Sequence[Event], **asked: object) -> CohortOptions:
    """Options by which patients 1 and 2 are in training, so that their codes are columns."""
    ids = np.array(sorted({row[0] for row in rows}))
    shares = CohortOptions().shares
    seeds = (seed for seed in range(1_000) if not draw_splits(ids, shares=shares, seed=seed)[:2].any())
    return CohortOptions(seed=next(seeds), **asked)  # type: ignore[arg-type]


def test_a_row_is_an_encounter_with_the_facts_of_its_day(events: Events, tmp_path: Path) -> None:
    rows = TWO_STAYS + OTHERS
    report = build_cohort(events(rows), tmp_path / "c", options=in_training(rows, unit="encounter"))
    cohort = read_cohort(tmp_path / "c")
    assert of(cohort, 1) == {
        10: {"SEX/female": 1, "AGE/60-70": 1, "A/x": 1},
        11: {"SEX/female": 1, "AGE/70-80": 1, "A/y": 1},
    }
    assert of(cohort, 2) == {20: {"SEX/male": 1, "AGE/unknown": 1, "A/x": 1}}
    assert (report.rows, report.patients, report.events_without_visit) == (60, 59, 1)
    assert report.differing == {"sex": 0, "age": 1}
    assert cohort.matrix.ids.tolist() == list(range(60))
    assert cohort.subjects.tolist() == [1, 1, 2, *range(3, 60)]
    assert pq.read_table(tmp_path / "c" / "splits.parquet").schema.names == [
        "row_id",
        "subject_id",
        "visit_id",
        "split",
    ]


def test_no_budget_is_kept_for_rows_that_are_encounters(events: Events, tmp_path: Path) -> None:
    rows = TWO_STAYS + OTHERS
    asked = Train(model="private_copula", epsilon=1.0)
    build_cohort(events(rows), tmp_path / "e", options=in_training(rows, unit="encounter"))
    with pytest.raises(BadRequest, match="is an encounter, and a budget protects patients"):
        private_plan(tmp_path / "e", asked)
    build_cohort(events(rows), tmp_path / "p", options=in_training(rows))
    assert private_plan(tmp_path / "p", asked).budget.epsilon == 1.0


def test_all_encounters_of_a_patient_are_in_one_split(events: Events, tmp_path: Path) -> None:
    rows: list[Event] = [(who, "2020-01-01", "A/x", 10 * who + k) for who in range(200) for k in range(4)]
    build_cohort(events(rows), tmp_path / "c", options=CohortOptions(unit="encounter"))
    cohort = read_cohort(tmp_path / "c")
    whose = {name: set(cohort.subjects[cohort.split == k].tolist()) for k, name in enumerate(SPLITS)}
    assert sum(map(len, whose.values())) == len(set.union(*whose.values())) == 200
    # as the splits of the same patients where a row is a patient
    build_cohort(events(rows), tmp_path / "p")
    patients = read_cohort(tmp_path / "p")
    assert {name: set(patients.part(name).ids.tolist()) for name in SPLITS} == whose
    # the control: by the numbers of the rows it would not be so
    by_row = draw_splits(cohort.matrix.ids, shares=CohortOptions().shares, seed=0)
    assert len({(s, k) for s, k in zip(cohort.subjects.tolist(), by_row.tolist(), strict=True)}) > 200


def test_codes_must_be_had_by_enough_patients_not_encounters(events: Events, tmp_path: Path) -> None:
    rows: list[Event] = [(who, "2020-01-01", "A/common", who) for who in range(100)]
    rows += [(1, "2020-01-01", "A/often", visit) for visit in range(1_000, 1_050)]
    options = in_training(rows, unit="encounter", min_patients=2)
    build_cohort(events(rows), tmp_path / "c", options=options)
    assert read_cohort(tmp_path / "c").matrix.vocabulary.code == ("A/common",)


def test_counts_of_events(events: Events, tmp_path: Path) -> None:
    rows = TWO_STAYS + OTHERS
    build_cohort(events(rows), tmp_path / "p", options=in_training(rows, counts="events"))
    assert list(of(read_cohort(tmp_path / "p"), 1).values()) == [{"SEX/female": 1, "AGE/60-70": 1, "A/x": 3, "A/y": 1}]
    build_cohort(events(rows), tmp_path / "e", options=in_training(rows, counts="events", unit="encounter"))
    assert of(read_cohort(tmp_path / "e"), 1)[10]["A/x"] == 2
    # the control: of encounters there are two, the one without a visit included
    build_cohort(events(rows), tmp_path / "v", options=in_training(rows))
    assert of(read_cohort(tmp_path / "v"), 1)[1]["A/x"] == 2


LIFE: list[Event] = [
    (1, None, "SEX/female", None),
    (1, "2019-06-01", "AGE/60-70", 9),  # a fact: neither windowed nor its beginning
    (1, "1950-01-01", "MEDS_BIRTH", None),
    (1, "2020-01-01", "A/first", 10),
    (1, "2020-01-10T23:59:59", "A/tenth_day", 10),
    (1, "2020-01-11", "A/eleventh_day", 10),
    (1, "2021-12-31", "A/late", 11),
    (1, "2022-01-01", "A/last", 11),
    (2, "2020-05-05", "A/late", 20),
]


@pytest.mark.parametrize(
    ("window", "left", "outside"),
    [
        ({"first_days": 10}, {"A/first", "A/tenth_day"}, 4),
        ({"first_days": 1}, {"A/first"}, 5),
        ({"last_days": 1}, {"A/last"}, 5),
        ({"last_days": 2}, {"A/late", "A/last"}, 4),
        ({"last_days": 10_000}, {"A/first", "A/tenth_day", "A/eleventh_day", "A/late", "A/last"}, 1),
        ({}, {"A/first", "A/tenth_day", "A/eleventh_day", "A/late", "A/last", "MEDS_BIRTH"}, 0),
    ],
)
def test_a_window_keeps_the_first_or_the_last_days(
    events: Events, tmp_path: Path, window: dict[str, int], left: set[str], outside: int
) -> None:
    rows = LIFE + OTHERS
    report = build_cohort(events(rows), tmp_path / "c", options=in_training(rows, **window))
    found = of(read_cohort(tmp_path / "c"), 1)[1]
    assert set(found) == left | {"SEX/female", "AGE/60-70"}
    assert report.events_outside_window == outside


def test_a_code_that_a_list_drops_still_begins_the_window(events: Events, tmp_path: Path) -> None:
    (tmp_path / "drop.txt").write_text("A/first\n")
    rows = LIFE + OTHERS
    options = in_training(rows, first_days=10, drop=(str(tmp_path / "drop.txt"),))
    build_cohort(events(rows), tmp_path / "c", options=options)
    assert set(of(read_cohort(tmp_path / "c"), 1)[1]) == {"A/tenth_day", "SEX/female", "AGE/60-70"}


def test_events_without_a_time_cannot_be_windowed(events: Events, tmp_path: Path) -> None:
    rows: list[Event] = [*LIFE, *OTHERS, (1, None, "A/whenever", 10), (2, None, "A/ever", None)]
    with pytest.raises(BadData, match=r"^2 events have no time"):
        build_cohort(events(rows), tmp_path / "c", options=in_training(rows, first_days=10))
    assert not (tmp_path / "c").exists()
    (tmp_path / "drop.txt").write_text("A/*ever\n")
    options = in_training(rows, first_days=10, drop=(str(tmp_path / "drop.txt"),))
    assert build_cohort(events(rows), tmp_path / "c", options=options).dropped["drop.txt"] == {"codes": 2, "events": 2}


event = st.tuples(
    st.integers(1, 4),
    st.sampled_from(["2020-01-01", "2020-01-05", "2020-02-01", "2021-01-01"]),
    st.sampled_from(["SEX/male", "SEX/female", "A/1", "A/2", "B/1"]),
    st.sampled_from([None, 1, 2]),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(event, min_size=1, max_size=30), files=st.integers(1, 3), days=st.sampled_from([1, 5, 40, 400]))
def test_encounters_in_a_window_agree_with_a_plain_loop(
    events: Events, tmp_path: Path, rows: list[Event], files: int, days: int
) -> None:
    landing = events([*rows, *(row for row in OTHERS if row[0] > 4)], files=files)
    options = CohortOptions(unit="encounter", counts="events", first_days=days, shares=(0.98, 0.01, 0.01), seed=SEED)
    build_cohort(landing, tmp_path / "c", options=options)
    cohort = read_cohort(tmp_path / "c")
    clinical = {row for row in rows if not row[2].startswith("SEX")}
    expected: dict[tuple[int, int], dict[str, int]] = {
        (who, visit): {} for who, _, _, visit in set(rows) if visit is not None
    }
    for who, day, code, visit in clinical:
        first = min(np.datetime64(str(row[1])) for row in clinical if row[0] == who)
        if visit is not None and np.datetime64(str(day)) < first + np.timedelta64(days, "D"):
            expected[who, visit][code] = expected[who, visit].get(code, 0) + 1
    found = {}
    for who in {row[0] for row in rows}:
        for visit, counts in of(cohort, who).items():
            found[who, visit] = {code: n for code, n in counts.items() if not code.startswith("SEX")}
    assert found == expected


def _seed() -> int:
    """By which patients 1 to 4 are in training, and others are in the other splits."""
    ids = np.arange(1, 60)
    drawn = ((seed, draw_splits(ids, shares=(0.98, 0.01, 0.01), seed=seed)) for seed in range(20_000))
    return next(seed for seed, split in drawn if not split[:4].any() and len(np.unique(split)) == 3)


SEED = _seed()
