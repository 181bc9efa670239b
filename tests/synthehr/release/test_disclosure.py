import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.risk import FILE_ONLY, Risk
from synthehr.fidelity.score import Score
from synthehr.release.disclosure import (
    displayed_histogram,
    displayed_pairs,
    displayed_prevalence,
    json_number,
    published,
    published_scores,
    significant,
)
from synthehr.release.public import public_scores


@given(st.integers(1, 100_000), st.data())
def test_what_is_shown_had_at_least_eleven_patients(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    shown = float(displayed_prevalence(np.array([k / n]), n)[0])
    # 12 rounds to 10, which is below 11; 13 rounds to 15
    assert math.isnan(shown) == (k < 13)
    if k >= 13:
        assert abs(shown * n - k) <= 2.5 + 1e-6
        assert shown <= 1


def test_counts_that_round_alike_cannot_be_told_apart() -> None:
    shown = displayed_prevalence(np.array([58, 60, 62, 63]) / 1_000, 1_000)
    np.testing.assert_allclose(shown, [0.06, 0.06, 0.06, 0.065])


def test_an_unknown_prevalence_stays_unknown() -> None:
    assert np.isnan(displayed_prevalence(np.array([np.nan]), 100)).all()


def test_no_patients_no_prevalence() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        displayed_prevalence(np.array([0.5]), 0)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (0.123456, 0.123),
        (1234.5, 1230.0),
        (-0.0098765, -0.00988),
        (0.0, 0.0),
        (0.99985432, 0.99985),
        (-0.9987654, -0.9988),
    ],
)
def test_three_figures(value: float, rounded: float) -> None:
    assert significant(value) == rounded


@given(st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_every_number_fits_strict_json(value: float | None) -> None:
    json.dumps(json_number(value), allow_nan=False)


def test_no_number_is_null() -> None:
    assert [json_number(x) for x in (float("nan"), None, float("inf"), -float("inf"))] == [None, None, "inf", "-inf"]


def measured(n: int, note: str, **judged: object) -> Risk:
    return Risk(
        attack="a", knowledge=FILE_ONLY, metric="m", value=0.5, low=0.4, high=0.6, control=0.5, n=n, note=note, **judged
    )


def test_small_counts_do_not_leave_in_a_note() -> None:
    (risk,) = published([measured(36_070, "68 of 36,070 members, 8 of 8,330 non-members; Fisher p = 0.039.")])
    assert risk.note == "68 of 36,070 members, fewer than 11 of 8,330 non-members; Fisher p = 0.039."
    # nobody is no small cell, and large counts stay
    kept = measured(10_550, "0 of 10,550 members, 11 of 2,478 non-members.")
    assert published([kept]) == (kept,)


@pytest.mark.parametrize(("n", "note"), [(10, ""), (22, "8 of 22 members, 2 of 6 non-members.")])
def test_a_group_of_few_patients_does_not_leave(n: int, note: str) -> None:
    assert published([measured(n, note)]) == ()
    # what a gate judged stays, without its counts
    (judged,) = published([measured(n, note, verdict="INCONCLUSIVE", threshold=0.1)])
    assert "8 of" not in judged.note
    assert "2 of" not in judged.note


def violations(name: str, patients: int, n: int = 10_000) -> Score:
    return Score(
        name=name,
        value=130.0,
        low=110.0,
        high=150.0,
        floor=350.0,
        ceiling=10_000 * patients / n,
        n=n,
        unit="patients",
        better="lower",
    )


@pytest.mark.parametrize(("patients", "withheld"), [(0, False), (1, True), (10, True), (11, False)])
@pytest.mark.parametrize("n", [900, 10_727])
def test_a_ceiling_that_counts_few_patients_is_withheld_and_so_is_the_skill(
    patients: int, withheld: bool, n: int
) -> None:
    (shown,) = published_scores([violations("knowledge_violations", patients, n)])
    assert math.isnan(shown.ceiling) == withheld
    if withheld:  # with floor and value known, the skill would tell the ceiling
        assert math.isnan(shown.skill)
        assert public_scores([violations("knowledge_violations", patients, n)])[0]["ceiling"] is None


def test_what_the_whole_less_a_part_would_tell_is_withheld_too() -> None:
    whole = violations("knowledge_violations", 15)
    sex, age = (replace(violations("knowledge_violations", n), stratum=s) for s, n in {"sex": 12, "age": 3}.items())
    assert all(math.isnan(score.ceiling) for score in published_scores([whole, sex, age]))
    # the control: nothing small, and another score's ceiling is not touched
    many = replace(age, ceiling=13.0)
    other = violations("exclusive_group_violations", 0)
    assert [score.ceiling for score in published_scores([whole, sex, many, other])] == [15.0, 12.0, 13.0, 0.0]


def test_a_ceiling_that_is_no_count_stays() -> None:
    assert published_scores([violations("detection_auroc_boosted", 5)])[0].ceiling == 5.0


@given(st.integers(1, 5_000), st.data())
def test_a_pair_is_shown_where_each_of_its_four_cells_is_large(n: int, data: st.DataObject) -> None:
    cells = data.draw(st.lists(st.integers(0, n), min_size=3, max_size=3).filter(lambda three: sum(three) <= n))
    both, one, other = cells
    rest = n - sum(cells)
    shown = displayed_pairs(np.array([both]), np.array([both + one]), np.array([both + other]), n)[0]
    assert np.isnan(shown).all() == (min(*cells, rest) < 13)
    if not np.isnan(shown).any():
        assert np.abs(shown - [both, one, other, rest]).max() <= 2.5
        assert (shown % 5 == 0).all()


def test_a_cell_that_margins_tell_is_withheld() -> None:
    # 100 and 95 have the codes, 92 both: 8 the first alone
    assert np.isnan(displayed_pairs(np.array([92]), np.array([100]), np.array([95]), 1_000)).all()
    shown = displayed_pairs(np.array([52]), np.array([100]), np.array([95]), 1_000)
    assert shown.tolist() == [[50, 50, 45, 855]]


def test_the_tail_of_a_histogram_is_put_together() -> None:
    share = np.array([7, 200, 0, 500, 280, 6, 4, 3]) / 1_000
    # 13 of 5 and more are 15, 7 of 6 and more are too few; those of 0 and 2 are withheld
    np.testing.assert_allclose(displayed_histogram(share, 1_000), [np.nan, 0.2, np.nan, 0.5, 0.28, 0.015])
    assert len(displayed_histogram(share, 10)) == 0
