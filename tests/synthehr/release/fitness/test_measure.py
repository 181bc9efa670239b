import dataclasses
import stat
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest
from numpy.typing import NDArray

from synthehr.cohort.matrix import CodeMatrix
from synthehr.errors import BadRequest
from synthehr.release.fitness import measure as room
from synthehr.release.fitness.card import QueryCard, public_cards
from synthehr.release.fitness.measure import PARTS, measure
from synthehr.release.fitness.query import Query
from synthehr.release.fitness.sandbox import Answer, Unanswered
from synthehr.release.fitness.verdict import AS_REAL, NOT_FIT, NOT_RUN, TOO_FEW

QUERIES = {
    "sexes": "SELECT sex, count(*) AS patients FROM patients GROUP BY sex",
    "everybody": "SELECT count(*) AS patients FROM patients",
    "a": "SELECT count(*) AS patients FROM codes WHERE code = 'X/A'",
    "both": "SELECT count(*) AS patients FROM codes a JOIN codes b USING (synthetic_id) "
    "WHERE a.code = 'X/A' AND b.code = 'X/B'",
    "rare": "SELECT count(*) AS patients FROM codes WHERE code = 'X/RARE'",
    "by_code": "SELECT code, count(*) AS patients FROM codes_long GROUP BY code",
    "who": "SELECT synthetic_id FROM patients",
    # what one patient could tell: a count of him hidden in a number that may be shown, and an error that he makes
    "hidden": "SELECT 11 + 10000 * count(*) AS n FROM codes WHERE code = 'X/RARE'",
    "raised": "SELECT count(*) FROM (SELECT CASE WHEN max(code_index) = 9 OR count(*) FILTER (code = 'X/RARE') > 0 "
    "THEN error('he is there') END AS e FROM codes) t, patients WHERE e IS NULL",
}
Measured = dict[str, QueryCard]
Population = Callable[..., CodeMatrix]


def measured(
    real: CodeMatrix, synthetic: CodeMatrix, scratch: Path, *names: str, subjects: NDArray[np.int64] | None = None
) -> Measured:
    queries = [Query(name, name, QUERIES[name]) for name in names or QUERIES]
    cards = measure(real, real.ids if subjects is None else subjects, synthetic, queries, seed=3, scratch=scratch)
    assert list(scratch.iterdir()) == []  # no database of real patients is left
    return {card.name: card for card in cards}


@pytest.fixture(scope="module")
def alike(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The synthetic patients are the real ones, 7 of whom have the rare code."""
    return measured(population(rare=7), population(rare=7), tmp_path_factory.mktemp("alike"))


@pytest.fixture(scope="module")
def apart(population: Population, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """A and B each come as often as in real patients, but never together."""
    return measured(population(), population(together=False), tmp_path_factory.mktemp("apart"))


def test_what_is_the_same_for_everybody_is_not_off(alike: Measured) -> None:
    fit = alike["everybody"].columns[0]
    assert (fit.off, fit.control, fit.worst, alike["everybody"].verdict) == (0, 0, 0, AS_REAL)
    assert alike["everybody"].patients == 1_500 / PARTS


@pytest.mark.parametrize("name", ["sexes", "a", "both", "by_code"])
def test_real_patients_in_the_synthetic_ones_place_are_as_good_as_real(alike: Measured, name: str) -> None:
    assert alike[name].verdict == AS_REAL
    assert 0 < alike[name].columns[0].off < 0.2


def test_what_does_not_come_together_is_not_fit(alike: Measured, apart: Measured) -> None:
    assert apart["a"].verdict == AS_REAL  # one code at a time, nothing is wrong
    # half of the patients have both, of the synthetic ones nobody: all of the count is off
    assert (apart["both"].verdict, apart["both"].columns[0].off) == (NOT_FIT, 1)
    assert apart["both"].columns[0].control == alike["both"].columns[0].control  # the same real patients, cut alike


def test_seven_patients_are_withheld(alike: Measured) -> None:
    card = alike["rare"]
    assert (card.verdict, card.rows) == (TOO_FEW, 0)
    public = public_cards([card])[0]
    assert (public["off"], public["control"], public["rows"]) == (None, None, 0)
    assert alike["by_code"].rows == 2  # A and B, not the rare one


def test_a_list_of_patients_is_not_run(alike: Measured) -> None:
    assert (alike["who"].verdict, alike["who"].reason, alike["who"].columns) == (NOT_RUN, "listing", ())


def test_one_patient_more_or_less_changes_no_public_card(
    population: Population, apart: Measured, tmp_path: Path
) -> None:
    given = (population(together=False), tmp_path, "hidden", "raised")
    somebody = measured(population(rare=1), *given)
    assert public_cards(somebody.values()) == public_cards([apart["hidden"], apart["raised"]])
    everywhere = measured(population(rare=300), *given)  # or the queries would tell of nobody at all
    assert (apart["hidden"].verdict, everywhere["hidden"].verdict) == (AS_REAL, NOT_FIT)
    assert (apart["raised"].verdict, everywhere["raised"].reason) == (AS_REAL, "value")


def test_many_encounters_may_be_those_of_few_patients(population: Population, alike: Measured, tmp_path: Path) -> None:
    # 75 patients of 20 encounters each: some 150 of a sample's have A, but only 220 are surely of 11 patients
    subjects = np.repeat(np.arange(75), 20)
    cards = measured(population(), population(), tmp_path, "a", "everybody", subjects=subjects)
    assert (cards["a"].verdict, cards["everybody"].verdict) == (TOO_FEW, AS_REAL)
    assert alike["a"].verdict == AS_REAL  # where each is a patient


def test_scratch_is_gone_after_an_error_and_nobody_else_may_look(
    population: Population, query: Callable[..., Query], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def broken(database: Path, sql: str, **how: object) -> Answer:
        seen.append(stat.S_IMODE(database.parent.stat().st_mode))
        with duckdb.connect(str(database), read_only=True) as connection:  # real ids are 10,000 and above
            seen.extend(connection.execute("SELECT max(synthetic_id), min(synthetic_id) FROM matrix").fetchall()[0])
        raise MemoryError

    monkeypatch.setattr(room, "ask", broken)
    with pytest.raises(MemoryError):
        measure(population(), population().ids, population(), [query("SELECT 1")], seed=0, scratch=tmp_path)
    assert seen == [0o700, -1, -300]
    assert list(tmp_path.iterdir()) == []


def test_most_samples_decide_whether_a_query_runs(
    population: Population, query: Callable[..., Query], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = 2

    def some(database: Path, sql: str, **how: object) -> Answer:
        if database.name in [f"real-{k}.duckdb" for k in range(failing)]:
            raise Unanswered("time")
        return Answer(((),), ("n",), np.array([True]), np.array([[100.0]]))

    def no_databases(folder: Path, *sides: list[CodeMatrix]) -> list[list[Path]]:
        return [[folder / f"{name}-{k}.duckdb" for k in range(5)] for name in ("real", "synthetic")]

    monkeypatch.setattr(room, "ask", some)
    monkeypatch.setattr(room, "write_samples", no_databases)
    given = (population(n=60), population(n=60).ids, population(n=60), [query("SELECT 1")])
    assert measure(*given, seed=0, scratch=tmp_path)[0].verdict == AS_REAL
    failing = 3
    card = measure(*given, seed=0, scratch=tmp_path)[0]
    assert (card.verdict, card.reason) == (NOT_RUN, "time")


def test_too_few_patients_and_other_codes(population: Population, query: Callable[..., Query], tmp_path: Path) -> None:
    few = population(n=54)
    with pytest.raises(BadRequest, match="at least 11 real"):
        measure(population(), population().ids, few, [query("SELECT 1")], seed=0, scratch=tmp_path)
    other = dataclasses.replace(few.vocabulary, code=("Y/A", *few.vocabulary.code[1:]))
    with pytest.raises(BadRequest, match="one vocabulary"):
        measure(few, few.ids, dataclasses.replace(few, vocabulary=other), [], seed=0, scratch=tmp_path)
