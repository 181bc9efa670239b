"""Nominal ages: the middle of any band is in the band, on every nominal date."""

import datetime

import duckdb
import pytest

from synthehr.events.macros.normalise import macros
from synthehr.release.source.dates import BORN, DAY, END, NOMINAL, START, nominal_age, year_of_birth


@pytest.mark.parametrize(
    ("band", "age"),
    [
        ("50-60", 55),
        ("0-10", 5),
        ("[70-80)", 75),
        ("90+", 95),
        ("85+", 90),
        ("18 to 30", 24),
        ("7", 7),
        ("unknown", None),
        ("", None),
    ],
)
def test_the_middle_of_a_band(band: str, age: int | None) -> None:
    assert nominal_age(band) == age


def test_who_is_born_so_is_in_the_same_band_on_every_nominal_date() -> None:
    with duckdb.connect() as connection:
        for macro in macros():
            connection.execute(macro)
        bands = [row[0] for row in connection.execute("SELECT DISTINCT age_band(unnest(range(131)))").fetchall()]
        assert len(bands) == 10
        for band in bands:
            born = f"{year_of_birth(band)}-{BORN}"
            found = [
                connection.execute(f"SELECT age_between('{born}', '{day}')").fetchall() for day in (START, DAY, END)
            ]
            assert found == [[(band,)]] * 3
        # control: who counted as 90 would have been 89 a year before
        assert connection.execute(f"SELECT age_between('1910-{BORN}', '{START}')").fetchall() == [("80-90",)]


def test_a_year_is_observed_before_and_after_every_record() -> None:
    start, day, end = (datetime.date.fromisoformat(text) for text in (START, DAY, END))
    assert (day - start).days >= 365 <= (end - day).days
    assert all(day in NOMINAL for day in (START, DAY, END))
