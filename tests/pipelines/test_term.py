import datetime
from pathlib import Path

import pytest

from pipelines.term import term
from privacy.policy_file import Policy, load_policy
from synthehr.errors import BadRequest
from synthehr.landing import land

TODAY = datetime.date(2026, 3, 31)
ASKED = {"name": "x", "verdict": "PASS"}


@pytest.fixture
def policy() -> Policy:
    return load_policy("public_release").model_copy(update={"valid_months": 11})


def stand(path: Path, decided: str, expires: str, **config: str) -> None:
    dates = {"decided": decided, "expires": expires}
    with land(path, kind="bundle", config=ASKED | dates | config, made_from={"synthetic": "5" * 64}):
        pass


def days(path: Path, policy: Policy, decided: datetime.date | None = None, **other: object) -> tuple[str, str]:
    asked = {"config": ASKED | {"decided": "", "expires": ""}, "made_from": {"synthetic": "5" * 64}} | other
    return term(path, policy, decided, today=TODAY, **asked)


def test_a_decision_holds_for_the_months_of_its_policy(tmp_path: Path, policy: Policy) -> None:
    # eleven months after the 31st of March there is no 31st of February
    assert days(tmp_path / "b", policy) == ("2026-03-31", "2027-02-28")
    assert days(tmp_path / "b", policy, datetime.date(2026, 1, 1)) == ("2026-01-01", "2026-12-01")


def test_the_same_release_keeps_its_dates(tmp_path: Path, policy: Policy) -> None:
    stand(tmp_path / "b", "2026-02-01", "2027-01-01")
    assert days(tmp_path / "b", policy) == ("2026-02-01", "2027-01-01")
    assert days(tmp_path / "b", policy, TODAY) == ("2026-03-31", "2027-02-28")  # asked for anew


@pytest.mark.parametrize("other", [{"config": {"verdict": "FAIL"}}, {"made_from": {"synthetic": "6" * 64}}])
def test_another_release_has_dates_of_its_own(tmp_path: Path, policy: Policy, other: dict[str, object]) -> None:
    stand(tmp_path / "b", "2026-02-01", "2027-01-01")
    assert days(tmp_path / "b", policy, **other) == ("2026-03-31", "2027-02-28")


def test_a_decision_that_has_run_out_is_made_anew(tmp_path: Path, policy: Policy) -> None:
    stand(tmp_path / "b", "2025-03-31", "2026-03-31")
    assert days(tmp_path / "b", policy) == ("2026-03-31", "2027-02-28")


@pytest.mark.parametrize(
    ("day", "words"), [(datetime.date(2026, 4, 1), "today"), (datetime.date(2025, 4, 30), "ran out on 2026-03-30")]
)
def test_a_date_that_cannot_be_is_refused(tmp_path: Path, policy: Policy, day: datetime.date, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        days(tmp_path / "b", policy, day)
