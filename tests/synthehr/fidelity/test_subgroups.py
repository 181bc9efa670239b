from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from synthehr.cohort.matrix import CodeMatrix, canonical
from synthehr.cohort.vocabulary import Vocabulary
from synthehr.fidelity.score import Estimate
from synthehr.fidelity.subgroups import (
    choose_effects,
    effect_sizes,
    effect_table,
    log_odds_ratio,
    subgroup_prevalence,
    subgroup_table,
)

BITS = hnp.arrays(np.uint8, (10, 6), elements=st.integers(0, 1))
GROUP = (None, None, None, "sex", "sex", "age")
Build = Callable[..., CodeMatrix]


def values(estimates: list[Estimate]) -> dict[tuple[str, str], float]:
    return {(e.name.removeprefix("subgroup_").removeprefix("effect_"), e.stratum): e.value for e in estimates}


def of_sexes(cohort: Build, first: list[int], second: list[int], each: int = 4) -> CodeMatrix:
    """Twice `each` patients; first, second: how many of each sex have the two codes."""
    rows = np.zeros((2 * each, 4), dtype=int)
    for sex, carriers in enumerate((first, second)):
        rows[sex * each : (sex + 1) * each, 2 + sex] = 1
        for code, number in enumerate(carriers):
            rows[sex * each : sex * each + number, code] = 1
    return cohort(rows, (None, None, "sex", "sex"))


def test_errors_within_members_by_hand(cohort: Build) -> None:
    test, other = of_sexes(cohort, [4, 0], [2, 0]), of_sexes(cohort, [0, 0], [2, 0])
    found = values(subgroup_prevalence(test, other, least=4))
    # first sex: differences 1 and 0 and no sampling, both prevalences being 0 or 1; second: 0, less .25/3 of each side
    first, second = (1 + 0) / 2, -2 * (0.25 / 3) / 2
    assert found["rmse_worst", "sex"] == found["rmse_worst", "all"] == pytest.approx(np.sqrt(first))
    assert found["rmse", "sex"] == pytest.approx(np.sqrt((first + second) / 2))
    notes = {e.note for e in subgroup_prevalence(test, other, least=4)}
    assert notes == {"2 members of 4 real patients or more", "ICD9CM/002, of 2 members of 4 real patients or more"}


def test_members_of_few_test_patients_are_left_out(cohort: Build) -> None:
    rows = np.zeros((9, 4), dtype=int)
    rows[:5, 2] = rows[5:, 3] = rows[:3, 0] = 1
    test = cohort(rows, (None, None, "sex", "sex"))
    assert "ICD9CM/002, of 1 members" in subgroup_prevalence(test, test, least=5)[0].note
    assert subgroup_prevalence(test, test, least=6) == []
    assert subgroup_prevalence(cohort([[1], [0]]), cohort([[1], [0]]), least=0) == []


def test_a_member_that_the_candidate_lacks_has_no_code_there(cohort: Build) -> None:
    test = of_sexes(cohort, [4, 4], [0, 0])
    rows = np.tile([0, 0, 0, 1], (8, 1))
    found = values(subgroup_prevalence(test, cohort(rows, test.vocabulary.group), least=4))
    assert found["rmse_worst", "all"] == 1


def test_swapped_sexes_are_caught_where_the_marginals_see_nothing(population: Build, cohort: Build) -> None:
    test, fresh = population(3000, 0), population(3000, 1)
    dense = fresh.binary().toarray()
    sex = fresh.vocabulary.groups["sex"]
    dense[:, sex] = dense[:, sex[::-1]]
    swapped = cohort(dense, fresh.vocabulary.group)
    good, bad = subgroup_prevalence(test, fresh), subgroup_prevalence(test, swapped)
    assert values(bad)["rmse_worst", "sex"] > max(0.02, 2 * values(good)["rmse_worst", "sex"])
    assert next(e.low for e in bad if (e.name, e.stratum) == ("subgroup_rmse_worst", "sex")) > 0.01
    assert values(bad)["rmse_worst", "age"] < values(bad)["rmse_worst", "sex"]
    assert next(e.note for e in bad if e.name == "subgroup_rmse_worst").startswith("ICD9CM/04")  # a sex: 042, 043


def test_sampling_is_taken_out(cohort: Build) -> None:
    """200 codes of .3 in 60 + 15 patients: sampling alone makes an error of .12 (.17 among the 15), real of none."""
    rng = np.random.default_rng(0)
    sex = np.repeat(np.eye(2, dtype=int), [60, 15], axis=0)
    test, other = (
        cohort(np.hstack([rng.random((75, 200)) < 0.3, sex]), (*(None,) * 200, "sex", "sex")) for _ in range(2)
    )
    naive = np.sqrt(np.square(test.binary()[60:].mean(axis=0) - other.binary()[60:].mean(axis=0)).mean())
    found = values(subgroup_prevalence(test, other, least=1))
    assert naive > 0.15
    assert found["rmse", "all"] <= found["rmse_worst", "all"] < 0.05


def test_log_odds_ratios_by_hand() -> None:
    """2 have both, 1 the exposure alone, none the outcome alone, 5 neither: (2.5 x 5.5)/(1.5 x .5)."""
    moment = np.asarray([[3, 2], [2, 2]]) / 8
    ratio, error = log_odds_ratio(moment, np.asarray([0]), np.asarray([1]), 8)
    assert ratio == pytest.approx(np.log(2.5 * 5.5 / (1.5 * 0.5)))
    assert error == pytest.approx(np.sqrt(1 / 2.5 + 1 / 1.5 + 1 / 0.5 + 1 / 5.5))


def test_effects_by_hand(cohort: Build) -> None:
    cells = {(1, 1): 20, (1, 0): 10, (0, 1): 10, (0, 0): 60}
    test = cohort([[a, b, 1 - b] for (a, b), n in cells.items() for _ in range(n)])
    none = cohort([[a, b, 1 - b] for (a, b), n in zip(cells, (9, 21, 21, 49), strict=True) for _ in range(n)])
    pairs = np.asarray([[0, 1], [0, 2]])
    assert values(effect_sizes(test, test, pairs)) == {("log_or_r", "all"): 1, ("log_or_difference", "all"): 0} | {
        ("coverage", "all"): 1
    }
    found = values(effect_sizes(test, none, pairs))
    gap = np.log(20.5 * 60.5 / 10.5**2) - np.log(9.5 * 49.5 / 21.5**2)  # 2.4 and .02; the error is .49
    assert found["log_or_difference", "all"] == pytest.approx(gap)
    assert found["coverage", "all"] == 0
    assert {name for name, _ in values(effect_sizes(test, none, pairs[:1]))} == {"log_or_difference", "coverage"}
    assert effect_sizes(test, none, pairs[:0]) == []


def test_the_pairs_are_the_commonest_of_free_codes(cohort: Build) -> None:
    rows = np.zeros((400, 6), dtype=int)
    rows[:100, 0] = rows[80:180, 1] = rows[:100:5, 2] = rows[:, 3] = 1
    rows[:200, 4] = rows[200:, 5] = 1
    train = cohort(rows, (None, None, None, None, "sex", "sex"))
    # 0 and 1: 20 together, 25 expected; 2 (20 patients) is expected 5 times with 0 and 20 times with 3, which all have
    assert choose_effects(train).tolist() == [[0, 1], [0, 3], [1, 3], [2, 3]]
    fewer = rows.copy()
    fewer[80, 1] = 0
    assert choose_effects(cohort(fewer, train.vocabulary.group)).tolist() == [[0, 3], [1, 3], [2, 3]]


def test_at_most_300_pairs_and_the_same_in_any_order_of_patients(cohort: Build) -> None:
    rows = np.random.default_rng(0).random((1000, 60)) < np.linspace(0.5, 0.2, 60)
    pairs = choose_effects(cohort(rows))
    assert pairs.shape == (300, 2)
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert pairs.max() < 50
    assert pairs.tolist() == choose_effects(cohort(rows[::-1])).tolist()


def test_an_independent_sampler_has_no_effects_and_a_real_half_has_them(population: Build, shuffled: Build) -> None:
    train, test, fresh = (population(n, seed) for seed, n in enumerate((6000, 3000, 3000)))
    pairs = choose_effects(train)
    assert len(pairs) == 300
    good, bad = effect_sizes(test, fresh, pairs), effect_sizes(test, shuffled(fresh, 3), pairs)
    assert values(good)["log_or_r", "all"] > 0.9
    assert abs(values(bad)["log_or_r", "all"]) < 0.2
    assert values(good)["log_or_difference", "all"] < 0.3 < values(bad)["log_or_difference", "all"]
    assert values(good)["coverage", "all"] == pytest.approx(0.83, abs=0.05)
    module = np.asarray([[7 * m + a, 7 * m + b] for m in range(6) for a, b in combinations(range(7), 2)])
    real, none = effect_sizes(test, fresh, module), effect_sizes(test, shuffled(fresh, 3), module)
    assert values(none)["coverage", "all"] == 0 < 0.7 < values(real)["coverage", "all"] < 0.95
    binary = shuffled(fresh, 3).binary().toarray().astype(float)
    ratios, errors = log_odds_ratio(binary.T @ binary / 3000, pairs[:, 0], pairs[:, 1], 3000)
    assert np.mean(np.abs(ratios) < 1.96 * errors) > 0.9


@settings(max_examples=40)
@given(BITS, BITS, st.permutations(range(10)))
def test_ranges_identity_and_order_of_rows(x: np.ndarray, y: np.ndarray, order: list[int]) -> None:
    vocabulary = Vocabulary(tuple(map(str, range(6))), ("",) * 6, GROUP)
    test, other, moved = (
        CodeMatrix(canonical(sparse.csr_matrix(rows)), np.arange(10), vocabulary) for rows in (x, y, y[order])
    )
    pairs = np.asarray([[0, 1], [0, 2], [1, 3]])
    found = subgroup_prevalence(test, other, least=1) + effect_sizes(test, other, pairs)
    for e in found:
        assert e.low <= e.value <= e.high
        assert np.isfinite([e.low, e.value, e.high]).all()
    again = subgroup_prevalence(test, moved, least=1) + effect_sizes(test, moved, pairs)
    assert values(again) == pytest.approx(values(found))
    same = values(subgroup_prevalence(test, test, least=1) + effect_sizes(test, test, pairs))
    assert same["log_or_r", "all"] == same["coverage", "all"] == 1
    assert all(value == 0 for (name, _), value in same.items() if name not in ("log_or_r", "coverage"))


def test_the_table_of_members_agrees_with_the_scores(population: Build, shuffled: Callable[..., CodeMatrix]) -> None:
    test, other, fresh = population(2_000, 0), shuffled(population(2_000, 1), 2), population(2_000, 3)
    table = subgroup_table({"real": test, "synthetic": other, "floor": other, "ceiling": fresh})
    scores = {(e.name, e.stratum): e for e in subgroup_prevalence(test, other)}
    assert table["member"].tolist() == [
        test.vocabulary.code[j] for g in ("sex", "age") for j in test.vocabulary.groups[g]
    ]
    assert table["n_real"].tolist() == np.asarray(test.binary().sum(axis=0))[0, -5:].tolist()
    worst = table.loc[table["rmse_synthetic"].idxmax()]
    of_all = scores["subgroup_rmse_worst", "all"]
    assert worst["rmse_synthetic"] == pytest.approx(of_all.value)
    # of one member alone, and not of whichever is worst: the interval is near that of the score, not the same
    assert worst[["low", "high"]].tolist() == pytest.approx([of_all.low, of_all.high], rel=0.1)
    assert (table["rmse_floor"] == table["rmse_synthetic"]).all()
    assert table["rmse_ceiling"].mean() < table["rmse_synthetic"].mean()
    assert subgroup_table({"real": test, "synthetic": other, "floor": other, "ceiling": fresh}, least=5_000).empty


def test_the_table_of_effects_by_hand(cohort: Build) -> None:
    # together 3, first alone 1, second alone 2, neither 4
    real = cohort([[1, 1]] * 3 + [[1, 0]] + [[0, 1]] * 2 + [[0, 0]] * 4)
    none = cohort([[1, 0]] * 5 + [[0, 1]] * 5)
    table = effect_table({"real": real, "synthetic": none, "ceiling": real}, np.asarray([[0, 1]]))
    row = table.iloc[0]
    assert (row.exposure, row.outcome, row.n_both, row.n_exposure, row.n_outcome) == (
        "ICD9CM/000",
        "ICD9CM/001",
        3,
        4,
        5,
    )
    assert row.log_or_real == row.log_or_ceiling == pytest.approx(np.log(3.5 * 4.5 / (1.5 * 2.5)))
    reach = 1.96 * np.sqrt(1 / 3.5 + 1 / 1.5 + 1 / 2.5 + 1 / 4.5)
    assert (row.low_real, row.high_real) == pytest.approx((row.log_or_real - reach, row.log_or_real + reach))
    assert row.log_or_synthetic == pytest.approx(np.log(0.5 * 0.5 / (5.5 * 5.5)))
    assert not row.covered
    assert effect_table({"real": real, "synthetic": none, "ceiling": real}, np.zeros((0, 2), dtype=np.int64)).empty


def test_the_share_of_covered_pairs_is_the_score(population: Build, shuffled: Callable[..., CodeMatrix]) -> None:
    test, other = population(1_500, 0), shuffled(population(1_500, 1), 2)
    pairs = choose_effects(test)
    table = effect_table({"real": test, "synthetic": other, "ceiling": other}, pairs)
    assert table["covered"].mean() == values(effect_sizes(test, other, pairs))["coverage", "all"]
