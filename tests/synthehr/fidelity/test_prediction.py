from collections.abc import Callable

import numpy as np
import pytest

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity.prediction import (
    CodePredictions,
    dimension_wise_prediction,
    predict_codes,
    predictable_codes,
)

ALL_47 = {"all": np.ones(47, dtype=bool)}


def predictions(auroc: list[float], f1: list[float]) -> CodePredictions:
    return CodePredictions(np.arange(len(auroc)), np.asarray(auroc), np.asarray(f1), n=100, unconverged=0)


def by_name(real: CodePredictions, other: CodePredictions, strata: dict[str, np.ndarray]) -> dict[str, float]:
    return {e.name: e.value for e in dimension_wise_prediction(real, other, strata, seed=0) if e.stratum == "all"}


def test_figures_by_hand() -> None:
    real = predictions([0.9, 0.8, 0.7, 0.6, 0.5], [0.5, 0.4, 0.3, 0.2, 0.1])
    other = predictions([0.7, 0.8, 0.7, 0.7, 0.5], [0.5, 0.4, 0.3, 0.2, 0.0])
    found = by_name(real, other, {"all": np.ones(5, dtype=bool)})
    assert found["dwpred_auroc_gap"] == pytest.approx(0.3 / 5)
    assert found["dwpred_auroc_loss"] == pytest.approx(0.1 / 5)
    assert found["dwpred_auroc_retention"] == pytest.approx(0.9 / 1.0)
    # centred real (.2 .1 0 -.1 -.2), other (.02 .12 .02 .02 -.18): product .05, norms root(.1 x .048)
    assert found["dwpred_auroc_r"] == pytest.approx(0.05 / np.sqrt(0.1 * 0.048))
    assert found["dwpred_f1_gap"] == pytest.approx(0.1 / 5)


def test_thin_strata_and_a_retention_of_nothing_are_absent() -> None:
    real = predictions([0.5] * 6, [0.1] * 6)
    strata = {"all": np.ones(6, dtype=bool), ">=5%": np.arange(6) < 4, "1-5%": np.arange(6) >= 1}
    found = dimension_wise_prediction(real, real, strata, seed=0)
    assert {e.stratum for e in found} == {"all", "1-5%"}
    assert "dwpred_auroc_retention" not in {e.name for e in found}
    assert {e.n for e in found if e.stratum == "1-5%"} == {5}


def test_only_real_cohorts_decide_which_codes_are_predictable(cohort: Callable[..., CodeMatrix]) -> None:
    rows = np.zeros((100, 5), dtype=int)
    for column, carriers in enumerate((30, 29, 100, 50, 30)):
        rows[:carriers, column] = 1
    tested = rows.copy()
    tested[:, 4] = np.arange(100) < 19
    assert predictable_codes(cohort(rows), cohort(tested)).tolist() == [0, 3]


def test_fresh_patients_keep_prediction_and_shuffled_ones_lose_it(
    population: Callable[..., CodeMatrix], shuffled: Callable[..., CodeMatrix]
) -> None:
    real, test, fresh = (population(1500, seed) for seed in range(3))
    codes = predictable_codes(real, test)
    reached = {name: predict_codes(c, test, codes) for name, c in {"real": real, "fresh": fresh}.items()}
    independent = predict_codes(shuffled(fresh, 3), test, codes)
    assert reached["real"].auroc[:42].mean() > 0.8
    ceiling = by_name(reached["real"], reached["fresh"], ALL_47)
    floor = by_name(reached["real"], independent, ALL_47)
    assert ceiling["dwpred_auroc_gap"] < 0.03
    assert ceiling["dwpred_auroc_retention"] == pytest.approx(1, abs=0.05)
    assert floor["dwpred_auroc_gap"] > 0.2
    assert abs(floor["dwpred_auroc_retention"]) < 0.25
    assert floor["dwpred_f1_gap"] > 3 * ceiling["dwpred_f1_gap"]


def test_members_of_a_group_do_not_give_each_other_away(
    population: Callable[..., CodeMatrix], cohort: Callable[..., CodeMatrix]
) -> None:
    real, test = population(1500, 0), population(1500, 1)
    age = np.arange(44, 47)  # drawn by itself: nothing but the other bands tells it
    assert predict_codes(real, test, age).auroc == pytest.approx(0.5, abs=0.06)
    ungrouped = [cohort(c.binary().toarray()) for c in (real, test)]
    assert predict_codes(*ungrouped, age).auroc == pytest.approx(1.0)


def test_a_code_that_the_candidate_lost_is_predicted_by_chance(
    population: Callable[..., CodeMatrix], cohort: Callable[..., CodeMatrix]
) -> None:
    test = population(500, 1)
    dense = population(500, 0).binary().toarray()
    dense[:, 3] = 0
    lost = predict_codes(cohort(dense, test.vocabulary.group), test, np.array([3, 4]))
    assert (lost.auroc[0], lost.f1[0]) == (0.5, 0.0)
    assert lost.auroc[1] > 0.7


def test_no_predictable_code_is_no_error(population: Callable[..., CodeMatrix]) -> None:
    few = population(20, 0)
    codes = predictable_codes(few, few)
    assert len(codes) == 0
    nothing = predict_codes(few, few, codes)
    assert dimension_wise_prediction(nothing, nothing, ALL_47, seed=0) == []
