"""Nominal dates: schemas that must have dates get the same few for everybody, and say that they mean nothing.

A code matrix has no times. One day for all records says so at first sight; days that were spread would look real.
"""

import re

YEAR = 2000
DAY = "2000-07-01"  # of all visits and records
# of the one period of observation: queries often ask for a year of it before and after a record
START, END = "1999-01-01", "2001-12-31"
BORN = "01-01"
OPEN_WIDTH = 10  # years that an open band counts as; so the middle of any band is in it at START and END too
NOMINAL = (
    f"The cohort has no times, so all dates are nominal and mean nothing: everybody is observed from {START} to {END}, "
    f"every visit and record is on {DAY}, and a death on {END}. A patient has as many visits as its commonest code has "
    "counts, the fewest that can hold them; the k-th record of each code is in the k-th visit, so that two codes in "
    f"one visit say nothing either. The year of birth is {YEAR} less the middle of the age band (90+ counts as 90 to "
    "100), and empty where the age is not known. Do not compute durations, orders, seasons, trends or rates by time."
)
_BAND = re.compile(r"\D*(\d{1,3})\s*(?:-|–|to|,)\s*(\d{1,3})\D*")
_OPEN = re.compile(r"(\d{1,3})\+")
_SINGLE = re.compile(r"(\d{1,3})\D*")


def nominal_age(band: str) -> int | None:
    """The middle of an age band in whole years, rounded down: 55 of `50-60`, 95 of `90+`; None of `unknown`."""
    if found := _BAND.fullmatch(band):
        return (int(found[1]) + max(int(found[1]), int(found[2]))) // 2
    if found := _OPEN.fullmatch(band):
        return int(found[1]) + OPEN_WIDTH // 2
    found = _SINGLE.fullmatch(band)
    return int(found[1]) if found else None


def year_of_birth(band: str) -> int | None:
    """The year in which who has the middle age of a band in `YEAR` was born, on the first of January."""
    age = nominal_age(band)
    return None if age is None else YEAR - age
