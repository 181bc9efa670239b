import math

import pytest

from synthehr.release.fitness.verdict import (
    AS_REAL,
    MEANING,
    NOT_FIT,
    NOT_RUN,
    TOO_FEW,
    VERDICTS,
    WITH_CARE,
    judged,
    worst,
)

NAN = float("nan")


def said(off: float, control: float, *, spread: float = NAN, rank: float = NAN, control_rank: float = NAN) -> str:
    return judged(off=off, control=control, spread=spread, rank=rank, control_rank=control_rank)


@pytest.mark.parametrize(
    ("off", "control", "verdict"),
    [
        (0, 0, AS_REAL),
        (0.075, 0.05, AS_REAL),
        (0.08, 0.05, WITH_CARE),
        (0.15, 0.05, WITH_CARE),
        (0.16, 0.05, NOT_FIT),
        (0.25, 0.25, AS_REAL),
        (0.26, 0.26, TOO_FEW),  # agreement within such noise says nothing
        (3.0, 0.26, NOT_FIT),  # but that is no noise
        (math.inf, 0.1, NOT_FIT),
        (0.1, math.inf, TOO_FEW),
        (NAN, 0.1, TOO_FEW),
        (0.1, NAN, TOO_FEW),
    ],
)
def test_rules(off: float, control: float, verdict: str) -> None:
    assert said(off, control) == verdict


def test_samples_that_happen_to_agree_do_not_condemn_what_others_tell_to_be_chance() -> None:
    assert (said(0.3, 0.05), said(0.3, 0.05, spread=0.2)) == (NOT_FIT, AS_REAL)
    assert said(0.3, 0.2, spread=0.05) == AS_REAL  # and the other way round
    assert said(0.3, 0.05, spread=0.26) == TOO_FEW
    assert said(0.3, 0.05, spread=math.inf) == NOT_FIT  # synthetic patients of whom nothing is counted excuse nothing


def test_an_order_that_is_lost_is_not_fit() -> None:
    assert said(0.1, 0.05, rank=0.7, control_rank=0.9) == WITH_CARE
    assert said(0.1, 0.05, rank=0.5, control_rank=0.9) == NOT_FIT
    assert said(0.1, 0.05, rank=NAN, control_rank=0.9) == WITH_CARE


def test_a_query_has_the_worst_of_its_columns() -> None:
    assert worst([AS_REAL, WITH_CARE]) == WITH_CARE
    assert worst([NOT_FIT, TOO_FEW, AS_REAL]) == NOT_FIT
    assert worst([]) == TOO_FEW
    assert set(MEANING) == set(VERDICTS)
    assert NOT_RUN in MEANING
