from collections.abc import Callable

import numpy as np
import pytest

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.codes_per_patient import codes_per_patient, length_table


def by_name(test: CodeMatrix, candidate: CodeMatrix) -> dict[str, float]:
    return {e.name.removeprefix("codes_per_patient_"): e.value for e in codes_per_patient(test, candidate)}


def test_figures_by_hand(cohort: Callable[..., CodeMatrix]) -> None:
    test = cohort([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1]])  # 1, 1, 2, 2
    other = cohort([[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 1, 1]])  # 1, 2, 3, 3
    found = by_name(test, other)
    # shares (.5, .5, 0) and (.25, .25, .5); cumulative (.5, 1, 1) and (.25, .5, 1)
    assert found["l1"] == pytest.approx(0.5)
    assert found["ks"] == pytest.approx(0.5)
    assert found["mean_difference"] == pytest.approx(0.75)
    assert found["sd"] == pytest.approx(np.sqrt(23 / 4 - 2.25**2))


def test_records_of_other_lengths_altogether_are_at_distance_one(cohort: Callable[..., CodeMatrix]) -> None:
    short = cohort([[1, 0, 0, 0], [1, 1, 0, 0]])
    found = by_name(short, cohort([[1, 1, 1, 0], [1, 1, 1, 1]]))
    assert (found["l1"], found["ks"], found["mean_difference"]) == (1, 1, 2)


def test_only_the_number_of_codes_counts(cohort: Callable[..., CodeMatrix]) -> None:
    one, other = cohort([[1, 0], [0, 1], [0, 0]]), cohort([[0, 0], [0, 1], [0, 1]])
    found = by_name(one, other)
    assert (found["l1"], found["ks"], found["mean_difference"]) == (0, 0, 0)


def test_shuffled_columns_keep_the_mean_and_lose_the_spread(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> None:
    test, fresh = population(2000, 0), population(2000, 1)
    floor, ceiling = by_name(test, shuffled(test, 2)), by_name(test, fresh)
    assert floor["mean_difference"] == pytest.approx(0, abs=1e-9)
    assert floor["ks"] > 0.1 > ceiling["ks"]
    assert floor["sd"] < 0.8 * ceiling["sd"]


def test_the_table_has_a_share_for_every_number_up_to_the_longest(cohort: Callable[..., CodeMatrix]) -> None:
    real = cohort([[1, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]])  # 1, 1, 2, 0
    other = cohort([[1, 1, 1], [1, 1, 0]])  # 3, 2
    table = length_table({"real": real, "synthetic": other, "floor": real, "ceiling": other})
    assert table["n_codes"].tolist() == [0, 1, 2, 3]
    assert table["share_real"].tolist() == table["share_floor"].tolist() == [0.25, 0.5, 0.25, 0]
    assert table["share_synthetic"].tolist() == [0, 0, 0.5, 0.5]
