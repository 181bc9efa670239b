import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from synthehr.fidelity.ranking import areas, auroc, auroc_variance, f1_at

SCORES = hnp.arrays(np.float64, (12, 3), elements=st.integers(0, 4).map(float))
TRUTH = hnp.arrays(np.bool_, (12, 3))


def column(*values: float) -> np.ndarray:
    return np.asarray(values)[:, None]


def test_auroc_counts_a_tie_half() -> None:
    # pairs (positive, negative): 2 > 1, 2 = 2, 3 > 1, 3 > 2
    assert auroc(column(2, 3, 1, 2), column(1, 1, 0, 0) > 0)[0] == 3.5 / 4
    assert np.isnan(auroc(column(1, 2), column(1, 1) > 0)[0])


def test_areas_by_hand() -> None:
    truth = np.array([True, False, True, False])
    kept = np.array([[True] * 4, [True, False, True, True], [True, False, True, False], [False, True, False, True]])
    area, precision = areas(np.array([4.0, 3, 2, 1]), truth, kept)
    # all: 3 of 4 pairs in order, precision 1 and 2/3 at the two hits; without the second: perfect; then one class alone
    assert area == pytest.approx([3 / 4, 1, np.nan, np.nan], nan_ok=True)
    assert precision == pytest.approx([(1 + 2 / 3) / 2, 1, np.nan, np.nan], nan_ok=True)
    tied_area, tied_precision = areas(np.array([2.0, 2, 2, 2]), truth, kept[:1])
    assert (tied_area[0], tied_precision[0]) == (0.5, 0.5)


@given(hnp.arrays(np.float64, 12, elements=st.integers(0, 4).map(float)), TRUTH)
def test_areas_are_those_of_scikit_learn_among_those_kept(scores: np.ndarray, masks: np.ndarray) -> None:
    truth, kept = masks[:, 0], masks[:, 1:].T
    for row, *found in zip(kept, *areas(scores, truth, kept), strict=True):
        if truth[row].any() and not truth[row].all():
            expected = [f(truth[row], scores[row]) for f in (roc_auc_score, average_precision_score)]
            assert found == pytest.approx(expected)
        else:
            assert np.isnan(found).all()


def test_delong_by_hand() -> None:
    # positives beat .75 and 1 of the negatives, negatives lose to 1 and .75 of the positives: variances .03125
    variance = auroc_variance(np.array([2.0, 3, 1, 2]), np.array([True, True, False, False]))
    assert variance == pytest.approx(0.03125 / 2 + 0.03125 / 2)


def test_delong_matches_the_spread_over_repeated_samples() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(300) < 100
    draws = [np.where(truth, 1.0, 0.0) + rng.normal(size=300) for _ in range(400)]
    areas = [auroc(s[:, None], truth[:, None])[0] for s in draws]
    assert np.mean([auroc_variance(s, truth) for s in draws]) == pytest.approx(np.var(areas), rel=0.2)


def test_f1_by_hand() -> None:
    truth = column(1, 0, 1, 0) > 0
    # called the first two: one hit, 2 called, 2 true
    assert f1_at(column(4, 3, 2, 1), truth, np.array([2]))[0] == pytest.approx(2 * 1 / 4)
    # the second call falls among three tied scores, one of them true: 1 + 1/3 hits expected
    assert f1_at(column(4, 3, 3, 3), truth, np.array([2]))[0] == pytest.approx(2 * (4 / 3) / 4)
    assert f1_at(column(4, 3, 2, 1), truth, np.array([0]))[0] == 0
    assert f1_at(column(4, 3, 2, 1), truth, np.array([4]))[0] == pytest.approx(2 * 2 / 6)


@given(SCORES, TRUTH)
def test_auroc_is_that_of_scikit_learn_for_each_column(scores: np.ndarray, truth: np.ndarray) -> None:
    for k, area in enumerate(auroc(scores, truth)):
        if 0 < truth[:, k].sum() < 12:
            assert area == pytest.approx(roc_auc_score(truth[:, k], scores[:, k]))
            assert auroc(-scores, truth)[k] == pytest.approx(1 - area)
        else:
            assert np.isnan(area)


@given(st.permutations(range(12)), TRUTH, st.integers(1, 12))
def test_f1_without_ties_is_that_of_scikit_learn(order: list[int], truth: np.ndarray, called: int) -> None:
    scores = np.asarray(order, dtype=float)
    found = f1_at(np.repeat(scores[:, None], 3, axis=1), truth, np.full(3, called))
    for k in range(3):
        expected = f1_score(truth[:, k], scores >= 12 - called, zero_division=0.0)
        assert found[k] == pytest.approx(expected)
