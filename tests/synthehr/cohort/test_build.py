from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthehr.cohort.build import build_cohort, identity
from synthehr.cohort.cohort import SPLITS, Cohort, draw_splits, read_cohort
from synthehr.cohort.options import CohortOptions
from synthehr.cohort.report import CohortReport
from synthehr.errors import BadData, BadRequest, IncompleteLanding
from synthehr.landing import is_current, read_manifest

Event = tuple[int, str | None, str, int | None]
Events = Callable[[Sequence[Event]], Path]

STORY: list[Event] = [
    (1, "2020-01-01", "SEX/female", 10),
    (1, "2020-01-01", "AGE/60-70", 10),
    (1, "2021-01-01", "AGE/70-80", 11),
    (1, "2020-01-01", "ICD9CM/250.00", 10),
    (1, "2020-01-02", "ICD9CM/250.60", 10),  # the same category in the same encounter
    (1, "2021-01-01", "ICD9CM/250.00", 11),
    (1, "2021-01-01", "DRUG/insulin", None),
    (1, "2021-01-02", "DRUG/insulin", None),  # without a visit each event counts
    (1, "2021-01-03", "DRUG/insulin", 11),
    (2, None, "SEX/male", None),
    (2, "2020-01-01", "AGE/unknown", 20),
    (2, "2020-06-01", "AGE/50-60", 21),
    (2, "2020-01-01", "ICD9CM/E849.0", 20),
    (3, "2020-01-01", "RACE/asian", 30),
]


# the other splits need a patient each: these two, of whom nothing is known that a column could be made of
BESIDE: list[Event] = [(7, None, "X/beside", None), (8, None, "X/beside", None)]


def falling(split: Sequence[int], shares: tuple[float, float, float] = (0.75, 0.125, 0.125)) -> CohortOptions:
    """Options with the first seed by which the patients 1, 2, ... fall into these splits."""
    ids = np.arange(1, len(split) + 1)
    seeds = (seed for seed in range(20_000) if (draw_splits(ids, shares=shares, seed=seed) == split).all())
    return CohortOptions(seed=next(seeds), shares=shares)


# patients 1 to 6 are in training, so that the vocabulary, which training chooses, has every code; 7 and 8 are not
HANDFUL = falling([0] * 6 + [1, 2])


def counts(landing: Path) -> dict[int, dict[str, int]]:
    matrix = read_cohort(landing).matrix
    rows = matrix.counts.tocsr()
    codes = np.asarray(matrix.vocabulary.code)
    return {
        int(who): dict(zip(codes[rows[k].indices].tolist(), rows[k].data.tolist(), strict=True))
        for k, who in enumerate(matrix.ids)
    }


def test_a_story_of_three_patients_is_counted_as_by_hand(events: Events, tmp_path: Path) -> None:
    report = build_cohort(events(STORY + BESIDE), tmp_path / "cohort", options=HANDFUL)
    unknown = {"SEX/unknown": 1, "AGE/unknown": 1, "RACE/unknown": 1}
    assert counts(tmp_path / "cohort") == {
        1: {"SEX/female": 1, "AGE/60-70": 1, "RACE/unknown": 1, "DRUG/insulin": 3, "ICD9CM/250": 2},
        2: {"SEX/male": 1, "AGE/50-60": 1, "RACE/unknown": 1, "ICD9CM/E849": 1},
        3: {"SEX/unknown": 1, "AGE/unknown": 1, "RACE/asian": 1},
        7: unknown,
        8: unknown,
    }
    assert report.unknown == {"sex": 3, "age": 3, "race": 4}
    assert report.differing == {"sex": 0, "age": 2, "race": 0}
    assert (report.patients, report.codes, report.patients_without_codes, report.nnz) == (5, 11, 3, 18)
    assert (report.splits, report.codes_dropped) == ({"train": 3, "validation": 1, "holdout": 1}, 1)
    assert CohortReport.read(tmp_path / "cohort") == report


def test_groups_come_first_then_systems_each_sorted_with_their_words(events: Events, tmp_path: Path) -> None:
    build_cohort(events(STORY + BESIDE), tmp_path / "cohort", options=HANDFUL)
    vocabulary = read_cohort(tmp_path / "cohort").matrix.vocabulary
    assert vocabulary.code == (
        "SEX/female",
        "SEX/male",
        "SEX/unknown",
        "AGE/50-60",
        "AGE/60-70",
        "AGE/unknown",
        "RACE/asian",
        "RACE/unknown",
        "DRUG/insulin",
        "ICD9CM/250",
        "ICD9CM/E849",
    )
    assert {name: columns.tolist() for name, columns in vocabulary.groups.items()} == {
        "sex": [0, 1, 2],
        "age": [3, 4, 5],
        "race": [6, 7],
    }
    words = dict(zip(vocabulary.code, vocabulary.description, strict=True))
    assert words["ICD9CM/250"] == "Diabetes mellitus"
    assert words["DRUG/insulin"] == ""


def test_a_group_of_which_nobody_speaks_does_not_exist(events: Events, tmp_path: Path) -> None:
    landing = events([(1, "2020-01-01", "A/1", 1), (2, None, "SEX/male", None), *BESIDE])
    build_cohort(landing, tmp_path / "cohort", options=HANDFUL)
    vocabulary = read_cohort(tmp_path / "cohort").matrix.vocabulary
    assert vocabulary.code == ("SEX/male", "SEX/unknown", "A/1")


def test_other_systems_can_be_exclusive_and_roll_up_left_out(events: Events, tmp_path: Path) -> None:
    rows: list[Event] = [(1, None, "WARD/b", 2), (1, None, "WARD/a", 5)]
    landing = events([*rows, (1, None, "SEX/male", 1), (1, None, "ICD9CM/250.00", 1), *BESIDE])
    options = replace(HANDFUL, exclusive={"WARD": "ward"}, rollup="none")
    build_cohort(landing, tmp_path / "cohort", options=options)
    assert counts(tmp_path / "cohort")[1] == {"WARD/b": 1, "SEX/male": 1, "ICD9CM/250.00": 1}
    assert counts(tmp_path / "cohort")[7] == {"WARD/unknown": 1}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 6),
            st.sampled_from([None, "2020-01-01", "2020-02-01"]),
            st.sampled_from(
                ["SEX/male", "SEX/female", "AGE/0-10", "AGE/10-20", "ICD9CM/250.00", "ICD9CM/250", "DRUG/x"]
            ),
            st.sampled_from([None, 1, 2]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_everybody_has_exactly_one_of_each_group_and_counts_agree_with_a_plain_loop(
    events: Events, tmp_path: Path, rows: list[Event]
) -> None:
    report = build_cohort(events(rows + BESIDE), tmp_path / "cohort", options=HANDFUL)
    cohort = read_cohort(tmp_path / "cohort")
    for columns in cohort.matrix.vocabulary.groups.values():
        chosen = cohort.matrix.counts[:, columns]
        assert chosen.sum() == chosen.nnz == report.patients == len({row[0] for row in rows}) + 2
    expected: dict[tuple[int, str], int] = {}
    distinct = {(who, day, code.split(".")[0], visit) for who, day, code, visit in rows}
    raw = {(who, day, code, visit) for who, day, code, visit in rows}
    for who, code in {(row[0], row[2]) for row in distinct if not row[2].startswith(("SEX", "AGE"))}:
        visits = {row[3] for row in distinct if (row[0], row[2]) == (who, code) and row[3] is not None}
        alone = sum(row[0] == who and row[2].split(".")[0] == code and row[3] is None for row in raw)
        expected[who, code] = len(visits) + alone
    clinical = {
        (who, code): n
        for who, row in counts(tmp_path / "cohort").items()
        for code, n in row.items()
        if not code.startswith(("SEX", "AGE"))
    }
    assert clinical == expected


def many(n: int) -> list[Event]:
    rows: list[Event] = [(who, None, f"ICD9CM/{401 + who % 3}", 1) for who in range(1, n + 1)]
    return rows + [(who, None, "ICD9CM/999", 1) for who in range(1, 4)]


def test_rare_codes_are_dropped_by_what_training_patients_have(events: Events, tmp_path: Path) -> None:
    landing = events(many(300))
    whole = read_and_build(landing, tmp_path / "whole", CohortOptions())
    assert whole[1].codes_dropped == 0
    cut = read_and_build(landing, tmp_path / "cut", CohortOptions(min_patients=4))
    assert (cut[1].codes_dropped, cut[1].codes, cut[1].patients) == (1, 3, 300)
    assert "ICD9CM/999" not in cut[0].matrix.vocabulary.code
    # moving patients between train and holdout moves the choice: every code but none is had by 60 in training
    trained = whole[0].part("train").prevalence() * len(whole[0].part("train"))
    limit = int(np.sort(trained)[-2]) + 1
    chosen = read_and_build(landing, tmp_path / "more", CohortOptions(min_patients=limit))[0].matrix.vocabulary.code
    expected = [code for code, n in zip(whole[0].matrix.vocabulary.code, trained, strict=True) if round(n) >= limit]
    assert list(chosen) == expected


def test_a_code_that_only_the_holdout_has_is_no_column(events: Events, tmp_path: Path) -> None:
    """The holdout chooses nothing: such a code would tell the vocabulary's reader of a patient nobody trained on."""
    landing = events(
        [(who, None, "SEX/male", None) for who in range(50)] + [(who, None, f"A/{who}", 1) for who in range(50)]
    )
    cohort, report = read_and_build(landing, tmp_path / "cohort", CohortOptions())
    held = set(cohort.part("holdout").ids.tolist()) | set(cohort.part("validation").ids.tolist())
    assert held
    assert {f"A/{who}" for who in range(50) if who not in held} | {"SEX/male"} == set(cohort.matrix.vocabulary.code)
    assert report.codes_dropped == len(held)


def read_and_build(landing: Path, out: Path, options: CohortOptions) -> tuple[Cohort, CohortReport]:
    report = build_cohort(landing, out, options=options)
    return read_cohort(out), report


def test_splits_are_drawn_from_the_seed_in_their_shares(events: Events, tmp_path: Path) -> None:
    landing = events(many(1_000))
    report = build_cohort(landing, tmp_path / "a")
    build_cohort(landing, tmp_path / "b", options=CohortOptions(seed=0))
    build_cohort(landing, tmp_path / "c", options=CohortOptions(seed=1))
    for name, share in zip(SPLITS, CohortOptions().shares, strict=True):
        assert abs(report.splits[name] - share * 1_000) < 5 * np.sqrt(share * (1 - share) * 1_000)
    files = [read_manifest(tmp_path / name).files for name in "abc"]
    assert files[0] == files[1]
    assert files[0]["matrix.parquet"] == files[2]["matrix.parquet"]
    assert files[0]["splits.parquet"] != files[2]["splits.parquet"]
    parts = [set(read_cohort(tmp_path / "a").part(name).ids.tolist()) for name in SPLITS]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 1_000


def test_one_patient_more_changes_the_split_of_nobody_else(events: Events, tmp_path: Path) -> None:
    before, _ = read_and_build(events(many(300)), tmp_path / "before", CohortOptions())
    after, _ = read_and_build(events([(0, None, "SEX/male", None), *many(300)]), tmp_path / "after", CohortOptions())
    assert after.matrix.ids.tolist() == [0, *before.matrix.ids.tolist()]
    assert (after.split[1:] == before.split).all()
    assert (after.split[:-1] != before.split).any()  # the control: by position it would not be so


def test_a_split_without_a_patient_is_refused(events: Events, tmp_path: Path) -> None:
    everybody = CohortOptions(shares=(0.998, 0.001, 0.001))
    said = r"Of 3 patients none fell into validation and holdout.*seed 0.*another seed or other shares, or bring more"
    with pytest.raises(BadData, match=said):
        build_cohort(events(STORY), tmp_path / "cohort", options=everybody)
    assert not (tmp_path / "cohort").exists()
    # the control: as many patients, of whom one falls into each
    assert build_cohort(events(STORY), tmp_path / "cohort", options=falling([0, 1, 2])).patients == 3


def test_a_cohort_is_current_until_its_events_or_options_change(events: Events, tmp_path: Path) -> None:
    landing = events(STORY + BESIDE)
    build_cohort(landing, tmp_path / "cohort", options=HANDFUL)
    config, made_from = identity(landing, HANDFUL)
    assert is_current(tmp_path / "cohort", kind="cohort", config=config, made_from=made_from)
    config, _ = identity(landing, replace(HANDFUL, min_patients=2))
    assert not is_current(tmp_path / "cohort", kind="cohort", config=config, made_from=made_from)


@pytest.mark.parametrize(
    "wrong", [{"min_patients": 0}, {"shares": (0.5, 0.5, 0.0)}, {"shares": (0.5, 0.1, 0.1)}, {"shares": (0.7, 0.3)}]
)
def test_options_that_make_no_cohort_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest, match=next(iter(wrong))):
        CohortOptions(**wrong)  # type: ignore[arg-type]


def test_events_that_are_not_there_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(IncompleteLanding, match="Expected events at"):
        build_cohort(tmp_path / "absent", tmp_path / "cohort")
    assert list(tmp_path.iterdir()) == []
