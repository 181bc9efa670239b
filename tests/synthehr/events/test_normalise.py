from collections.abc import Callable, Iterator
from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthehr.events.normalise import macros

Sql = Callable[..., object]


@pytest.fixture(scope="module")
def sql() -> Iterator[Sql]:
    connection = duckdb.connect()
    for statement in macros():
        connection.execute(statement)

    def run(macro: str, value: object) -> object:
        row = connection.execute(f"SELECT {macro}(?)", [value]).fetchone()
        assert row is not None
        return row[0]

    yield run
    connection.close()


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("8", "008"),
        ("41", "041"),
        ("250.83", "250.83"),
        ("38.9", "038.9"),
        ("250", "250"),
        ("V45", "V45"),
        ("V45.81", "V45.81"),
        ("v58.6", "V58.6"),
        ("E849", "E849"),
        ("E849.0", "E849.0"),
        (None, None),
        ("E11.9", ""),  # ICD-10
        ("2500", ""),  # undotted
        ("250.", ""),
        ("250.831", ""),
        ("V4", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_dotted_icd9_gets_back_its_leading_zeros(sql: Sql, written: str | None, code: str | None) -> None:
    assert sql("icd9cm_dotted", written) == code


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("25000", "250.00"),
        ("0380", "038.0"),
        ("042", "042"),
        ("4019", "401.9"),
        ("V4581", "V45.81"),
        ("V08", "V08"),
        ("V090", "V09.0"),
        ("E8490", "E849.0"),
        ("e849", "E849"),
        (None, None),
        ("42", ""),  # a zero is lost: 042 or 420?
        ("250.00", ""),
        ("E84901", ""),
        ("123456", ""),
    ],
)
def test_undotted_icd9_gets_its_dot(sql: Sql, written: str | None, code: str | None) -> None:
    assert sql("icd9cm_undotted", written) == code


@pytest.mark.parametrize(
    ("written", "code"), [("3605", "36.05"), ("966", "96.6"), ("66", "66"), ("6", ""), ("36.05", "")]
)
def test_procedures_have_two_digits_before_the_dot(sql: Sql, written: str, code: str) -> None:
    assert sql("icd9proc_undotted", written) == code


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2150-06-14 08:00:00", datetime(2150, 6, 14, 8)),
        ("2150-06-14T08:00:00.5", datetime(2150, 6, 14, 8, 0, 0, 500_000)),
        ("2150-06-14", datetime(2150, 6, 14)),
        ("2020-01-01T10:00:00Z", datetime(2020, 1, 1, 10)),
        ("2020-01-01 10:00:00+02", datetime(2020, 1, 1, 8)),
        ("2020-01-01 10:00:00-0530", datetime(2020, 1, 1, 15, 30)),
        ("2020-02-30", None),
        ("14/06/2020", None),
        ("2020", None),
        ("epoch", None),
        ("infinity", None),
        (None, None),
    ],
)
def test_a_time_is_a_date_or_nothing(sql: Sql, text: str | None, time: datetime | None) -> None:
    assert sql("as_time", text) == time


@pytest.mark.parametrize(
    ("years", "band"),
    [(0, "0-10"), (9, "0-10"), (10, "10-20"), (89, "80-90"), (90, "90+"), (300, "90+"), (-1, ""), (None, None)],
)
def test_everybody_from_ninety_on_is_one_band(sql: Sql, years: int | None, band: str | None) -> None:
    assert sql("age_band", years) == band


def test_drug_names_lose_case_and_spare_spaces(sql: Sql) -> None:
    assert sql("lower_name", "Insulin  Human\tR") == "insulin human r"


@settings(max_examples=60, deadline=None)
@given(st.from_regex(r"([0-9]{3}[0-9]{0,2}|V[0-9]{2,4}|E[0-9]{3,4})", fullmatch=True))
def test_dotting_keeps_every_character_and_is_then_stable(sql: Sql, undotted: str) -> None:
    dotted = str(sql("icd9cm_undotted", undotted))
    assert dotted.replace(".", "") == undotted
    assert sql("icd9cm_dotted", dotted) == dotted
    assert len(dotted.split(".")[0]) == (4 if undotted[0] == "E" else 3)
