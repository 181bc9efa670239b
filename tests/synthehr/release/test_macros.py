"""The six patients by code: 250 has -1 -2 -4; 401 -2 -4 -5; insulin -1 -3 -4; female -1 -3 -4; 70-80 -1 -2 -5."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats.contingency import odds_ratio

from synthehr.cohort.vocabulary import Vocabulary
from synthehr.events.engine import literal
from synthehr.release.macros import MACROS, Macro

CARRIERS = {
    "ICD9CM/250": {-1, -2, -4},
    "ICD9CM/401": {-2, -4, -5},
    "ICD9CM/*": {-1, -2, -4, -5},
    "DRUG/insulin": {-1, -3, -4},
    "SEX/female": {-1, -3, -4},
    "SEX/male": {-2, -5, -6},
    "AGE/*": {-1, -2, -3, -4, -5, -6},
}
EVERYBODY = CARRIERS["AGE/*"]
UNKNOWN = "No code of this cohort is ICD9CM/25: look with FROM find_codes"


@pytest.fixture(scope="module")
def connection(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(database), read_only=True) as opened:
        yield opened


def ids(connection: duckdb.DuckDBPyConnection, call: str) -> set[int]:
    return {row[0] for row in connection.execute(f"SELECT synthetic_id FROM {call}").fetchall()}


@pytest.mark.parametrize("wanted", CARRIERS)
def test_prevalence_and_carriers(connection: duckdb.DuckDBPyConnection, wanted: str) -> None:
    assert ids(connection, f"patients_with('{wanted}')") == CARRIERS[wanted]
    assert connection.execute(f"SELECT prevalence('{wanted}')").fetchall() == [(len(CARRIERS[wanted]) / 6,)]


def test_prevalence_of_a_column_of_the_callers_own(connection: duckdb.DuckDBPyConnection) -> None:
    # the control: a macro that took the caller's column for its own would give every code the prevalence of all
    rows = connection.execute("SELECT code, prevalence(code), prevalence FROM code_counts").fetchall()
    assert len(rows) == 7
    assert all(asked == stored == 0.5 for _, asked, stored in rows)
    asked = "SELECT prevalence(code || '*') FROM (VALUES ('ICD9CM/'), ('ICD9CM/40')) t(code)"
    assert sorted(connection.execute(asked).fetchall()) == [(0.5,), (4 / 6,)]


@pytest.mark.parametrize(
    "call",
    [
        "SELECT prevalence('ICD9CM/25')",
        "SELECT count(*) FROM patients_with('ICD9CM/25')",
        "SELECT count(*) FROM by_group('sex', 'ICD9CM/25')",
        "SELECT together FROM cooccurrence('ICD9CM/25', 'ICD9CM/250')",
        "SELECT together FROM cooccurrence('ICD9CM/250', 'ICD9CM/25')",
        "SELECT together FROM odds_ratio('ICD9CM/250', 'ICD9CM/25')",
        "SELECT count(*) FROM cooccurring_with('ICD9CM/25')",
        "SELECT count(*) FROM cohort_where(all_of := ['ICD9CM/25'])",
        "SELECT count(*) FROM cohort_where(any_of := ['ICD9CM/250', 'ICD9CM/25'])",
        "SELECT count(*) FROM cohort_where(none_of := ['ICD9CM/25'])",
        "SELECT count(*) FROM condition_count(['ICD9CM/250', 'ICD9CM/25'])",
    ],
)
def test_an_unknown_code_is_no_prevalence_of_zero(connection: duckdb.DuckDBPyConnection, call: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match=UNKNOWN):
        connection.execute(call).fetchall()
    # the control: the same call on a code that is there
    assert connection.execute(call.replace("ICD9CM/25'", "ICD9CM/401'")).fetchall()


@pytest.mark.parametrize("wanted", ["", "*x", "ICD9CM/_50", "ICD9CM/%", "icd9cm/250", "ICD9CM/25%*"])
def test_what_is_no_code_and_begins_none_is_unknown(connection: duckdb.DuckDBPyConnection, wanted: str) -> None:
    with pytest.raises(duckdb.InvalidInputException, match="No code of this cohort"):
        connection.execute(f"SELECT prevalence('{wanted}')").fetchall()


def test_a_code_that_nobody_has_is_no_unknown_one(build_cohort: Callable[..., Path]) -> None:
    names = Vocabulary(("A/1", "A/2"), ("", ""), (None, None))
    file = build_cohort(counts=[[1, 0], [2, 0]], ids=[-1, -2], vocabulary=names) / "cohort.duckdb"
    with duckdb.connect(str(file), read_only=True) as opened:
        assert opened.execute("SELECT prevalence('A/2'), prevalence('A/1')").fetchall() == [(0.0, 1.0)]
        # nobody with the one: the other is still looked up
        with pytest.raises(duckdb.InvalidInputException, match="No code of this cohort is A/3"):
            opened.execute("SELECT together FROM cooccurrence('A/2', 'A/3')").fetchall()
        (row,) = opened.execute("FROM cooccurrence('A/1', 'A/2')").fetchall()
        # expected by chance: none, so no lift; cells 0, 2, 0, 0, each with a half: (.5 * .5) / (2.5 * .5)
        assert row[:4] == (2, 0, 0.0, None)
        assert row[4] == pytest.approx(0.2)


def test_codes_together(connection: duckdb.DuckDBPyConnection) -> None:
    (row,) = connection.execute("FROM cooccurrence('ICD9CM/250', 'ICD9CM/401')").fetchall()
    # -2 and -4 have both; chance gives 3 * 3 / 6; cells 2, 1, 1, 2
    assert row[:4] == (6, 2, 1.5, pytest.approx(4 / 3))
    assert connection.execute("FROM odds_ratio('ICD9CM/250', 'ICD9CM/401')").fetchall() == [(2, 1, 1, 2, *row[4:])]
    half = 1.959964 * math.sqrt(1 / 2 + 1 + 1 + 1 / 2)
    assert row[4:] == pytest.approx((4, 4 * math.exp(-half), 4 * math.exp(half)))
    interval = odds_ratio([[2, 1], [1, 2]], kind="sample").confidence_interval(0.95)
    assert row[5:] == pytest.approx((interval.low, interval.high), rel=1e-6)


def test_an_empty_cell_gets_half_a_patient(connection: duckdb.DuckDBPyConnection) -> None:
    # no woman is a man and everybody is one of them: cells 0, 3, 3, 0
    (row,) = connection.execute("FROM odds_ratio('SEX/female', 'SEX/male')").fetchall()
    assert row[:5] == (0, 3, 3, 0, pytest.approx(0.5 * 0.5 / (3.5 * 3.5)))
    assert 0 < row[5] < row[4] < row[6] < math.inf


def test_codes_besides(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "SELECT code, together, lift FROM cooccurring_with('ICD9CM/250', at_least := 2)"
    ).fetchall()
    # -2 and -4 have 401 too, -1 and -4 insulin; ties by name; demographics and the code itself are left out
    assert rows == [("DRUG/insulin", 2, pytest.approx(4 / 3)), ("ICD9CM/401", 2, pytest.approx(4 / 3))]
    assert connection.execute("FROM cooccurring_with('ICD9CM/250', at_least := 3)").fetchall() == []
    # 250 and 401 are both what is wanted; -1 and -4 of the four have insulin
    rows = connection.execute(
        "SELECT code, together, expected FROM cooccurring_with('ICD9CM/*', at_least := 1)"
    ).fetchall()
    assert rows == [("DRUG/insulin", 2, 4 * 3 / 6)]


def test_by_group(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute("FROM by_group('sex', 'ICD9CM/250')").fetchall()
    assert [row[:4] for row in rows] == [("female", 3, 2, 2 / 3), ("male", 3, 1, 1 / 3)]
    for row in rows:
        interval = binomtest(row[2], row[1]).proportion_ci(0.95, method="wilson")
        assert row[4:] == pytest.approx((interval.low, interval.high), abs=1e-6)
    with pytest.raises(duckdb.InvalidInputException, match=r"No group is race, there are: (sex, age|age, sex)"):
        connection.execute("FROM by_group('race', 'ICD9CM/250')").fetchall()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(*[st.lists(st.sampled_from(sorted(CARRIERS)), max_size=3)] * 3)
def test_cohort_where_is_set_algebra(
    connection: duckdb.DuckDBPyConnection, all_of: list[str], any_of: list[str], none_of: list[str]
) -> None:
    expected = {
        patient
        for patient in EVERYBODY
        if all(patient in CARRIERS[code] for code in all_of)
        and any(patient in CARRIERS[code] for code in any_of)  # of no codes nobody has one
        and not any(patient in CARRIERS[code] for code in none_of)
    }
    lists = {"all_of": all_of, "any_of": any_of, "none_of": none_of}
    given_lists = ", ".join(f"{key} := [{', '.join(map(literal, codes))}]" for key, codes in lists.items())
    assert ids(connection, f"cohort_where({given_lists})") == expected


def test_lists_may_be_left_out(connection: duckdb.DuckDBPyConnection) -> None:
    assert ids(connection, "cohort_where()") == EVERYBODY
    assert ids(connection, "cohort_where(none_of := ['SEX/female'])") == {-2, -5, -6}
    assert ids(connection, "cohort_where(any_of := [])") == set()
    columns = connection.execute("FROM cohort_where()").description
    assert [column[0] for column in columns] == ["synthetic_id", "sex", "age", "n_codes"]


def test_conditions_are_counted_once_each(connection: duckdb.DuckDBPyConnection) -> None:
    rows = dict(connection.execute("FROM condition_count(['ICD9CM/*', 'DRUG/insulin', 'DRUG/insulin'])").fetchall())
    assert rows == {-1: 2, -2: 1, -3: 1, -4: 2, -5: 1, -6: 0}
    assert set(dict(connection.execute("FROM condition_count([])").fetchall()).values()) == {0}


def test_looking_up(connection: duckdb.DuckDBPyConnection) -> None:
    assert connection.execute("SELECT code FROM find_codes('HYPERtension')").fetchall() == [("ICD9CM/401",)]
    assert connection.execute("SELECT code FROM find_codes('benign hyper')").fetchall() == [("ICD9CM/401",)]
    assert connection.execute("FROM find_codes('nowhere')").fetchall() == []
    assert connection.execute("FROM find_codes('benign nowhere')").fetchall() == []
    assert connection.execute("FROM codes_of(-5)").fetchall() == [
        ("ICD9CM/401", 'Essential "hypertension", benign', 4),
        ("SEX/male", "", 1),
        ("AGE/70-80", "", 1),
    ]
    with pytest.raises(duckdb.InvalidInputException, match="No patient of this cohort is 5"):
        connection.execute("FROM codes_of(5)").fetchall()


def test_about_names_all_there_is(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute("FROM about()").fetchall()
    assert ("fact", "synthetic", "true") in rows
    assert {name for kind, name, _ in rows if kind == "macro"} == {macro.name for macro in MACROS}
    assert {"patients_wide", "omop.person"} <= {name for kind, name, _ in rows if kind == "view"}
    assert all(says for _, _, says in rows)


def test_macros_work_under_another_name(database: Path) -> None:
    with duckdb.connect() as opened:
        opened.execute(f"ATTACH {literal(str(database))} AS other (READ_ONLY); USE other")
        assert opened.execute("SELECT prevalence('ICD9CM/250')").fetchall() == [(0.5,)]
        assert len(ids(opened, "cohort_where()")) == 6


@pytest.mark.parametrize("macro", MACROS, ids=lambda macro: macro.name)
def test_what_older_versions_cannot_read_is_not_used(macro: Macro) -> None:
    # see the docstring of synthehr.release.macros, and its versions
    assert not re.search(r"\bWITH\s+\w+\s+AS\b", macro.sql, re.IGNORECASE)
    assert "->" not in macro.sql
    assert "lambda" not in macro.sql
