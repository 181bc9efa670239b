from dataclasses import replace
from pathlib import Path

import pytest

from synthehr.errors import BadData
from synthehr.release.register import Release, enter, other_releases, read_register

FIRST = Release(
    name="first",
    cohort="c" * 64,
    synthetic="1" * 64,
    recipients="anybody",
    policy="public_release",
    verdict="PASS",
    epsilon=None,
    patients=1_000,
    decided="2026-03-01",
    expires="2028-03-01",
)
SECOND = replace(FIRST, name="second", synthetic="2" * 64, epsilon=1.5)
ELSEWHERE = replace(FIRST, name="elsewhere", cohort="d" * 64, synthetic="3" * 64)


def test_what_is_entered_is_read_in_order_and_once(tmp_path: Path) -> None:
    register = tmp_path / "house" / "releases.jsonl"
    assert read_register(register) == ()
    for one in (FIRST, SECOND, FIRST):
        enter(register, one)
    assert read_register(register) == (FIRST, SECOND)


def test_other_releases_are_those_of_the_same_patients_and_of_the_same_cohort_to_others() -> None:
    register = (FIRST, SECOND, ELSEWHERE)
    assert other_releases(register, SECOND) == (FIRST,)
    assert other_releases(register, ELSEWHERE) == ()
    anew = replace(SECOND, decided="2026-05-01", expires="2028-05-01")
    assert other_releases(register, anew) == (FIRST,)  # decided anew, it is the same release
    to_others = replace(SECOND, recipients="the medical school", policy="controlled_access")
    assert other_releases(register, to_others) == (FIRST, SECOND)


@pytest.mark.parametrize("line", ["", "{}", "[1]", "no json", '{"name": "x"}'])
def test_a_line_that_is_no_release_is_named(tmp_path: Path, line: str) -> None:
    register = tmp_path / "releases.jsonl"
    enter(register, FIRST)
    register.write_text(register.read_text() + line + "\n" + "\n")
    with pytest.raises(BadData, match="line 2"):
        read_register(register)


def test_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    register = tmp_path / "releases.jsonl"
    enter(register, FIRST)
    register.write_text(register.read_text().replace("2028-03-01", "soon"))
    with pytest.raises(BadData, match="line 1"):
        read_register(register)
