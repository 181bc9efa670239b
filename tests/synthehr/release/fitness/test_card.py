import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthehr.release.fitness.card import ColumnFit, QueryCard, band, public_cards
from synthehr.release.fitness.query import MOST_QUERIES
from synthehr.release.fitness.verdict import AS_REAL, NOT_FIT, NOT_RUN, WITH_CARE

shares = st.floats(min_value=0) | st.just(math.nan)


def column(name: str, verdict: str, off: float, **other: float) -> ColumnFit:
    figures = {
        "control": 0.0123456,
        "spread": 0.0234567,
        "median": 0.0765432,
        "control_median": 0.02,
        "worst": 0.3456789,
    }
    figures |= {"control_worst": math.inf, "rank": 0.8765432, "control_rank": math.nan}
    return ColumnFit(name=name, verdict=verdict, off=off, **(figures | other))


def card(*columns: ColumnFit, verdict: str = NOT_FIT, reason: str | None = None) -> QueryCard:
    return QueryCard(
        name="01-q",
        title="A query",
        sql="SELECT count(*) FROM patients\n",
        verdict=verdict,
        reason=reason,
        patients=9_317,
        parts=5,
        rows=30.0,
        missing=2.0,
        columns=columns,
    )


FULL = card(column("n", WITH_CARE, 0.9), column("share", NOT_FIT, 0.1234567), column("mean", NOT_FIT, math.nan))


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "under 5 %"),
        (0.05, "5 to 10 %"),
        (0.1, "10 to 25 %"),
        (0.2499, "10 to 25 %"),
        (0.25, "25 to 50 %"),
        (0.5, "over 50 %"),
        (math.inf, "over 50 %"),
        (math.nan, None),
    ],
)
def test_bands(share: float, words: str | None) -> None:
    assert band(share) == words


@given(off=shares, worst=shares, rank=st.floats(-1, 1))
def test_it_is_read_back_as_it_was(off: float, worst: float, rank: float) -> None:
    written = card(column("n", NOT_FIT, off, worst=worst, rank=rank))
    text = json.dumps(written.as_json(), allow_nan=False)
    read = QueryCard.of_json(json.loads(text))
    assert repr(read) == repr(written)  # nan is not equal to itself


def test_the_headline_is_the_worst_of_those_that_the_verdict_rests_on() -> None:
    assert FULL.headline is FULL.columns[1]
    assert card(verdict=NOT_RUN, reason="time").headline is None


def test_the_public_card_has_bands_and_no_figure() -> None:
    (public,) = public_cards([FULL])
    assert (public["off"], public["control"], public["patients"], public["rows"]) == (
        "10 to 25 %",
        "under 5 %",
        9_300,
        30,
    )
    assert public["columns"][1]["rank"] == 0.9
    assert public["columns"][1]["control_rank"] is None
    assert public["columns"][1]["control_worst"] == "over 50 %"
    text = json.dumps(public, allow_nan=False)
    for figure in ("0.123", "0.0123", "0.0234", "0.0765", "0.345", "0.876", "9317"):
        assert figure not in text
    assert "0.123" in json.dumps(FULL.as_json())  # which the steward's has


def test_a_reason_is_said_in_words() -> None:
    (public,) = public_cards([card(verdict=NOT_RUN, reason="outside")])
    assert (public["reason"], public["off"]) == ("It reads or writes outside the database.", None)


def test_no_more_than_may_leave() -> None:
    few = card(column("n", AS_REAL, 0.0), verdict=AS_REAL)
    assert len(public_cards([few] * MOST_QUERIES)) == MOST_QUERIES
    with pytest.raises(ValueError, match="Got 51 instead"):
        public_cards([few] * (MOST_QUERIES + 1))
