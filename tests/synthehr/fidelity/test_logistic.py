from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from synthehr.cohort.matrix import CodeMatrix
from synthehr.fidelity import logistic
from synthehr.fidelity.logistic import fit_code_regressions
from synthehr.fidelity.ranking import auroc


def own_column(n_codes: int, targets: np.ndarray) -> np.ndarray:
    excluded = np.zeros((n_codes, len(targets)), dtype=bool)
    excluded[targets, np.arange(len(targets))] = True
    return excluded


def test_the_batch_is_scikit_learn_one_code_at_a_time(population: Callable[..., CodeMatrix]) -> None:
    train, test = population(1500, 0).binary(), population(1500, 1).binary()
    targets = np.arange(47)
    excluded = own_column(47, targets)
    excluded[42:44, 42:44] = True
    fitted = fit_code_regressions(train, targets, excluded)
    assert fitted.converged.all()
    margins = fitted.margins(test)
    for k in targets[::5]:
        columns = np.flatnonzero(~excluded[:, k])
        label = train[:, [k]].toarray().ravel()
        reference = LogisticRegression(tol=1e-8, max_iter=5000).fit(train[:, columns].astype(float), label)
        assert fitted.weights[columns, k] == pytest.approx(reference.coef_[0], abs=0.01)
        assert fitted.intercept[k] == pytest.approx(reference.intercept_[0], abs=0.01)
        truth = test[:, [k]].toarray() > 0
        theirs = reference.decision_function(test[:, columns].astype(float))
        assert auroc(margins[:, [k]], truth)[0] == pytest.approx(auroc(theirs[:, None], truth)[0], abs=1e-3)


def test_what_is_excluded_has_no_weight(population: Callable[..., CodeMatrix]) -> None:
    train = population(400, 0).binary()
    targets = np.array([0, 8, 20])
    excluded = own_column(47, targets)
    excluded[1, 0] = True
    fitted = fit_code_regressions(train, targets, excluded)
    assert (fitted.weights[excluded] == 0).all()
    free = fit_code_regressions(train, targets, own_column(47, targets))
    assert free.weights[1, 0] > 0.5


def test_a_code_of_all_or_nobody_has_no_weights(cohort: Callable[..., CodeMatrix]) -> None:
    rng = np.random.default_rng(0)
    rows = np.hstack([np.ones((50, 1)), np.zeros((50, 1)), rng.integers(2, size=(50, 3))])
    targets = np.arange(3)
    fitted = fit_code_regressions(cohort(rows).binary(), targets, own_column(5, targets))
    assert (fitted.weights[:, :2] == 0).all()
    assert (fitted.intercept[:2] == 0).all()
    assert fitted.weights[:, 2].any()
    assert (fitted.weights[1] == 0).all()


def test_separable_codes_converge(cohort: Callable[..., CodeMatrix]) -> None:
    one = np.random.default_rng(0).integers(2, size=(300, 1))
    targets = np.arange(2)
    fitted = fit_code_regressions(cohort(np.hstack([one, one])).binary(), targets, own_column(2, targets))
    assert fitted.converged.all()
    reference = LogisticRegression(tol=1e-8).fit(one, one.ravel())
    assert fitted.weights[1, 0] == pytest.approx(reference.coef_[0, 0], abs=0.01)


def test_blocks_of_codes_change_nothing(population: Callable[..., CodeMatrix], monkeypatch: pytest.MonkeyPatch) -> None:
    train = population(400, 0).binary()
    targets = np.arange(10)
    whole = fit_code_regressions(train, targets, own_column(47, targets))
    monkeypatch.setattr(logistic, "CODES_AT_ONCE", 3)
    parts = fit_code_regressions(train, targets, own_column(47, targets))
    assert parts.weights == pytest.approx(whole.weights, abs=5e-3)


def test_a_fit_that_was_cut_short_says_so(
    population: Callable[..., CodeMatrix], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logistic, "MAX_STEPS", 1)
    targets = np.arange(10)
    assert not fit_code_regressions(population(400, 0).binary(), targets, own_column(47, targets)).converged.any()
