from collections.abc import Callable

import numpy as np
import pytest

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.correlation import DRAWN, correlation, correlation_matrix, correlation_table

TOGETHER = [[1, 1], [1, 1], [0, 0], [0, 0]]
CROSSED = [[1, 1], [1, 0], [0, 1], [0, 0]]


def by_name(test: CodeMatrix, candidate: CodeMatrix, prevalence: np.ndarray | None = None) -> dict[str, float]:
    p = test.prevalence() if prevalence is None else prevalence
    return {e.name: e.value for e in correlation(test, candidate, p)}


def moment(rows: list[list[int]]) -> np.ndarray:
    x = np.asarray(rows, dtype=float)
    return x.T @ x / len(x)


def test_phi_by_hand() -> None:
    assert correlation_matrix(moment(TOGETHER))[0, 1] == pytest.approx(1)
    assert correlation_matrix(moment(CROSSED))[0, 1] == pytest.approx(0)
    # both 1, first only 0, second only 1, none 2: (1 x 2 - 0 x 1) / root(1 x 3 x 2 x 2)
    assert correlation_matrix(moment([[1, 1], [0, 1], [0, 0], [0, 0]]))[0, 1] == pytest.approx(2 / np.sqrt(12))
    constant = correlation_matrix(moment([[1, 1], [1, 0]]))
    assert constant.tolist() == [[1, 0], [0, 1]]


def test_distance_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    test, other = (cohort(np.hstack([rows, rows])) for rows in (TOGETHER, CROSSED))
    # columns a b a b: every pair has phi 1 in test; in the other the pairs aa and bb have 1 and the four ab have 0
    found = by_name(test, other)
    assert found["correlation_cmd"] == pytest.approx(np.sqrt(2 * 4))
    assert found["correlation_cwc"] == pytest.approx(1e6 * np.sqrt(8) / 16)


def test_co_occurrence_against_the_line_of_equality_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    test, other = cohort([[1, 1, 1], [1, 1, 0], [0, 0, 0], [0, 0, 1]]), cohort([[1, 1, 1], *[[0, 0, 0]] * 3])
    # both codes: .5 .25 .25 against .25 .25 .25; residual 1/16, and 1/36 + 2/144 = 1/24 around the mean 1/3
    assert by_name(test, other)["cooccurrence_r2"] == pytest.approx(1 - (1 / 16) / (1 / 24))
    assert by_name(test, test)["cooccurrence_r2"] == 1


def test_shuffled_columns_destroy_correlation(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> None:
    test, fresh = population(3000, 0), population(3000, 1)
    floor, ceiling = by_name(test, shuffled(fresh, 2)), by_name(test, fresh)
    assert ceiling["correlation_r_200"] > 0.95
    assert abs(floor["correlation_r_200"]) < 0.15
    assert ceiling["log_lift_r"] > 0.85
    assert abs(floor["log_lift_r"]) < 0.15
    assert floor["correlation_cmd"] > 3 * ceiling["correlation_cmd"]
    assert ceiling["cooccurrence_r"] > 0.95
    assert floor["cooccurrence_r2"] < ceiling["cooccurrence_r2"] - 0.1


def test_pairs_of_an_exclusive_group_are_no_merit(cohort: Callable[..., CodeMatrix]) -> None:
    rng = np.random.default_rng(0)
    sex = np.eye(2, dtype=int)[rng.integers(2, size=400)]
    other = rng.integers(2, size=(400, 2))
    test = cohort(np.hstack([sex, other]), ("sex", "sex", None, None))
    notes = {e.name: e.note for e in correlation(test, test, test.prevalence())}
    assert notes["correlation_r_200"] == "5 pairs"  # six, less male-female
    assert correlation(cohort(sex, ("sex", "sex")), cohort(sex, ("sex", "sex")), np.array([0.5, 0.5])) == []


def test_codes_are_chosen_by_the_training_prevalence(population: Callable[..., CodeMatrix]) -> None:
    test, fresh = population(300, 0), population(300, 1)
    rare = np.full(47, 0.001)
    rare[[0, 1, 7, 8]] = 0.5
    notes = {e.name: e.note for e in correlation(test, fresh, rare)}
    assert notes["correlation_cmd"] == "6 pairs"
    assert notes["log_lift_r"] == "6 pairs"  # 300 x .5 x .5; beside a rare code 300 x .0005


def test_identity_is_perfect(population: Callable[..., CodeMatrix]) -> None:
    test = population(200, 0)
    found = by_name(test, test)
    assert found["correlation_cmd"] == 0
    assert found["correlation_r_200"] == found["cooccurrence_r"] == found["log_lift_r"] == 1


def test_the_order_of_patients_does_not_matter(population: Callable[..., CodeMatrix]) -> None:
    test, other = population(200, 0), population(200, 1)
    assert by_name(test, other.rows(np.arange(200)[::-1])) == pytest.approx(by_name(test, other), rel=1e-9)


def test_the_table_has_each_pair_of_the_commonest_free_codes_once(cohort: Callable[..., CodeMatrix]) -> None:
    # the third column is a member of a group and has no place; the second is commoner in training
    test = cohort([[1, 1, 1], [1, 1, 1], [0, 1, 1], [0, 0, 1]], (None, None, "sex"))
    other = cohort([[1, 0, 1], [0, 1, 1]], (None, None, "sex"))
    table = correlation_table(test, other, np.array([0.4, 0.6, 1.0]))
    assert len(table) == 1
    row = table.iloc[0]
    assert (row.code_a, row.code_b, row.n_both, row.n_a, row.n_b) == ("ICD9CM/001", "ICD9CM/000", 2, 3, 2)
    # (2 x 1 - 1 x 0) / root(3 x 1 x 2 x 2); the other two never come together
    assert row.real == pytest.approx(2 / np.sqrt(12))
    assert row.synthetic == pytest.approx(-1)
    assert correlation_table(test, test, test.prevalence())["real"][0] == row.real


def test_no_more_codes_than_can_be_read(population: Callable[..., CodeMatrix]) -> None:
    people = population(200, 0)
    assert len(correlation_table(people, people, people.prevalence())) == DRAWN * (DRAWN - 1) // 2
