from dataclasses import replace
from pathlib import Path

import pytest

from synthehr.errors import BadData
from synthehr.release.register import Release, earlier_releases, enter, read_register

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


def test_earlier_releases_are_other_releases_of_the_same_patients() -> None:
    register = (FIRST, SECOND, ELSEWHERE)
    assert earlier_releases(register, cohort="c" * 64, synthetic="2" * 64) == (FIRST,)
    assert earlier_releases(register, cohort="d" * 64, synthetic="3" * 64) == ()


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
